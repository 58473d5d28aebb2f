/* Why a command stops: an exit code and one line of text, printed once by main. */
#ifndef ATROUS_CLI_FAILURE_H
#define ATROUS_CLI_FAILURE_H

#include <atrous/atrous.h>

/* The program's exit codes. */
enum cli_exit {
    CLI_DONE = 0,
    CLI_CHECK_FAILED = 1, /* the result is beyond its bound */
    CLI_USAGE = 2,        /* wrong usage or input, or the named solver refuses */
    CLI_DEVICE = 3        /* the device failed */
};

struct cli_failure {
    int code;
    char text[1024];
};

/* Fills *failure and returns `code`, so that a failing check is one `return cli_fail(...)`. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
int cli_fail(struct cli_failure *failure, int code, const char *format, ...);

/* The same for a library call's error; CLI_DONE for ATROUS_OK. */
int cli_fail_status(struct cli_failure *failure, atrous_status status, const atrous_error *error);

/* The same for memory that was not to be had; `what` is what it was for. */
int cli_fail_memory(struct cli_failure *failure, const char *what, size_t bytes);

#endif
