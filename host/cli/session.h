/* From flags to a device, a plan and its measured run. */
#ifndef ATROUS_CLI_SESSION_H
#define ATROUS_CLI_SESSION_H

#include "options.h"

struct cli_session {
    atrous_context *context;
    atrous_device_info device;
    bool fell_back; /* auto found no OpenCL device */
    bool told;      /* stderr has heard that the CPU path serves */
};

/* What one run of a plan told. Texts are copies: they outlive the plan. */
struct cli_result {
    atrous_plan_info info; /* its texts are NULL */
    char solver[64], fallback[256];
    double ms;     /* one run, copies to and from the device included; 0: none */
    size_t repeat; /* timed runs, 0: none */
    double least_ms, median_ms;
    bool checked, passed; /* passed is true where nothing was checked */
    atrous_check check;
};

/* Opens the device that the flags name; tells stderr when auto ends at the CPU path. */
int cli_session_open(struct cli_session *session, const struct cli_options *options,
                     struct cli_failure *failure);

/* Accepts a session that was never opened (all zero). */
void cli_session_close(struct cli_session *session);

/* Creates the plan that the flags ask for; tells stderr, once, when the CPU path serves it
 * though a device was opened. */
int cli_session_plan(struct cli_session *session, const struct cli_options *options,
                     const atrous_conv *conv, atrous_plan **plan, struct cli_failure *failure);

/* Runs, then cross-checks and times where the flags ask for it. A failed check is no failure
 * here: see result->passed and cli_check_failed(). */
int cli_session_run(atrous_plan *plan, const struct cli_options *options,
                    const atrous_arrays *arrays, struct cli_result *result,
                    struct cli_failure *failure);

/* Fills result->info, solver and fallback from the plan. */
int cli_result_describe(struct cli_result *result, const atrous_plan *plan,
                        struct cli_failure *failure);

/* A clock that never goes back. */
double cli_now_ms(void);

/* Notes what `repeat` runs took, at least one; sorts them. */
void cli_result_time(struct cli_result *result, double *ms, size_t repeat);

/* Solver `index` of the plan's table. False past the end. */
bool cli_candidate_at(const atrous_plan *plan, size_t index, atrous_candidate *candidate);

/* The output's axes, channels before the spatial ones: N,K,spatial or what the direction has. */
void cli_output_shape(const atrous_conv *conv, const size_t *extents,
                      size_t shape[ATROUS_MAX_RANK + 2]);

/* Channels of the output: a gated activation makes one of two filters. */
size_t cli_output_channels(const atrous_conv *conv);

/* The failure of a check that did not pass. */
int cli_check_failed(const struct cli_result *result, struct cli_failure *failure);

#endif
