/* A suite: named convolution problems read from a CSV file by header name. */
#ifndef BENCH_SUITE_H
#define BENCH_SUITE_H

#include <stdbool.h>
#include <stddef.h>

#include <atrous/atrous.h>

struct row {
    const char *name;
    atrous_conv conv;
    char refusal[120]; /* why this row makes no problem, or "" */
};

struct suite {
    struct row *rows;
    size_t count;
    char *text; /* holds the names */
};

struct suite_failure {
    char message[256];
};

/* Reads `path`, or the suite inside the program when NULL; keeps the rows whose name matches
 * the extended regular expression `only` (NULL: all). A row that makes no problem is kept
 * with its refusal. On failure *suite is empty. */
bool suite_read(const char *path, const char *only, struct suite *suite,
                struct suite_failure *failure);

void suite_free(struct suite *suite);

#endif
