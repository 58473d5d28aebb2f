/* How far long work is, where a person watches. */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

bool cli_progress_wanted(const struct cli_options *options)
{
    return options->progress && !options->quiet && isatty(STDERR_FILENO);
}

void cli_progress(const struct cli_options *options, const char *name, size_t done, size_t total)
{
    static const char full[] = "##############################";
    static const char empty[] = "..............................";
    const int width = (int)sizeof full - 1;
    if (!cli_progress_wanted(options) || total == 0)
        return;
    const int part = (int)((double)done / (double)total * width);
    fprintf(stderr, "\r%s [%.*s%.*s] %zu of %zu%s", name, part, full, width - part, empty, done,
            total, done == total ? "\n" : "");
    fflush(stderr);
}
