/* How far long work is, where a person watches. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "options.h"

/* Whether --progress asks for it and stderr is a terminal. */
bool cli_progress_wanted(const struct cli_options *options);

/* A bar that the next call overwrites, "name [####....] done of total"; the last one ends the
 * line. Nothing where it is not wanted. */
void cli_progress(const struct cli_options *options, const char *name, size_t done, size_t total);

#endif
