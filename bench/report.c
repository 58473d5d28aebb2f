/* Prints the rows of a run as they come, and its summary. */
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct summary report_summary(const struct report *report)
{
    struct summary summary = {.geomean = NAN, .worst = NAN};
    double logs = 0;
    for (size_t i = 0; i < report->count; ++i) {
        const struct figures *row = &report->rows[i];
        summary.refused += !row->served;
        summary.wrong += row->wrong;
        if (!isfinite(row->ratio))
            continue;
        logs += log(row->ratio);
        summary.compared++;
        if (!(row->ratio >= summary.worst)) {
            summary.worst = row->ratio;
            summary.worst_name = row->name;
        }
    }
    if (summary.compared > 0)
        summary.geomean = exp(logs / (double)summary.compared);
    return summary;
}

void report_head(const struct report *report, unsigned threads, size_t name_width)
{
    printf("%s", report->device);
    if (threads > 0)
        printf(", %u thread%s", threads, threads == 1 ? "" : "s");
    printf("; peer: %s\n\n", report->peer);
    printf("%-*s  %-10s  %10s  %8s  %7s  %7s  %7s\n", (int)name_width, "problem", "solver", "ms",
           "GFLOP/s", "of peak", "of copy", "ratio");
    fflush(stdout);
}

static void print_share(double share)
{
    if (isfinite(share))
        printf("  %6.1f%%", 100 * share);
    else
        printf("  %7s", "-");
}

void report_row(const struct figures *figures, const struct limits *limits, size_t name_width)
{
    if (!figures->served) {
        printf("%-*s  not served: %s\n", (int)name_width, figures->name, figures->reason);
        fflush(stdout);
        return;
    }
    printf("%-*s  %-10s  %10.4g  %8.1f", (int)name_width, figures->name, figures->solver,
           figures->ms, figures_gflops(figures));
    print_share(figures_peak_share(figures, limits));
    print_share(figures_copy_share(figures, limits));
    if (isfinite(figures->ratio))
        printf("  %7.3f", figures->ratio);
    else
        printf("  %7s", "-");
    if (figures->reason[0] != '\0')
        printf("  (%s)", figures->reason);
    if (figures->wrong)
        printf("  WRONG: error/bound %.3g, difference from the peer %.3g",
               figures->error_over_bound, figures->difference);
    putchar('\n');
    fflush(stdout);
}

void report_end(const struct report *report)
{
    const struct summary summary = report_summary(report);
    putchar('\n');
    if (isfinite(report->limits.peak_gflops))
        printf(
            "limits of the device: %.1f GFLOP/s (from %.1f to %.1f in this run), copy %.2f GB/s\n",
            report->limits.peak_gflops, report->lowest_peak, report->highest_peak,
            report->limits.copy_gbps);
    if (report->lowest_peak < 0.9 * report->highest_peak)
        puts("the machine was not quiet: its peak changed by more than a tenth meanwhile");
    for (size_t i = 0; i < report->count; ++i)
        if (report->rows[i].wrong)
            printf("wrong answer: %s\n", report->rows[i].name);
    printf("%zu row%s, %zu not served, %zu wrong; ", report->count, report->count == 1 ? "" : "s",
           summary.refused, summary.wrong);
    if (summary.compared > 0)
        printf("ratio to %s over %zu of them: geometric mean %.3f, worst %.3f (%s)\n", report->peer,
               summary.compared, summary.geomean, summary.worst, summary.worst_name);
    else
        printf("no ratio to a peer\n");
    fflush(stdout);
}
