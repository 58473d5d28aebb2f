/* What a run tells: lines as rows are measured, a summary, files at the end. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "measure.h"

/* A whole run. `limits` are the medians of all times they were measured, NAN when never. */
struct report {
    const char *device;
    const char *peer;
    struct limits limits;
    double lowest_peak, highest_peak; /* of those measurements */
    const struct figures *rows;
    size_t count;
};

/* Over the rows with a ratio to the peer. */
struct summary {
    double geomean, worst; /* NAN without such a row */
    const char *worst_name;
    size_t compared, refused, wrong;
};

struct summary report_summary(const struct report *report);

/* The table: its head (threads 0: the device's name says them), one row with the limits known so
 * far, the lines that end it. */
void report_head(const struct report *report, unsigned threads, size_t name_width);
void report_row(const struct figures *figures, const struct limits *limits, size_t name_width);
void report_end(const struct report *report);

/* Files of the same; false when one cannot be written. */
bool report_json(const struct report *report, const char *path);
bool report_svg(const struct report *report, const char *path);

#endif
