/* What the commands print on stdout: lines for people, one JSON object for programs. */
#ifndef ATROUS_CLI_REPORT_H
#define ATROUS_CLI_REPORT_H

#include <cjson/cJSON.h>

#include "session.h"

/* "512 KiB" in `text`, which is returned. */
const char *cli_bytes_text(size_t bytes, char *text, size_t size);

/* "CPU", "GPU", ... */
const char *cli_device_type_text(atrous_device_type type);

/* The name of what computed: the device, or the CPU path where that served in its place. */
const char *cli_device_text(const struct cli_session *session, const struct cli_result *result);

/* One line about a run, then one each for a check and for repeated runs. */
void cli_print_result(const char *subject, const struct cli_session *session,
                      const struct cli_result *result);

/* Adds a whole number; one beyond 2^53 becomes a string, so that no reader rounds it. */
void cli_json_add_size(cJSON *object, const char *name, uint64_t value);

/* Adds a list of whole numbers. */
void cli_json_add_sizes(cJSON *object, const char *name, const size_t *values, int count);

/* Adds a time; one that was not taken (0) becomes null. */
void cli_json_add_ms(cJSON *object, const char *name, double ms);

/* Adds device, solver, times and check of a run. */
void cli_json_add_result(cJSON *object, const struct cli_session *session,
                         const struct cli_result *result);

/* Prints and deletes `object`; NULL counts as a failed allocation. */
int cli_json_print(cJSON *object, struct cli_failure *failure);

#endif
