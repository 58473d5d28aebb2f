/* Measures one row: ours and the peer in turn, pair by pair. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

#include <atrous/atrous.h>

#include "device.h"
#include "options.h"
#include "suite.h"

/* What a whole run shares. */
struct bench {
    const struct options *options;
    atrous_context *context;
    struct device *device;        /* NULL on the CPU path */
    atrous_context *peer_context; /* the CPU path of --peer cpu, else NULL */
};

/* What was found out about a row. A figure that was not taken is NAN. */
struct figures {
    const char *name;
    bool served;
    char reason[360]; /* why it was not served, or why there is no peer figure, or "" */
    char solver[32];
    double ms;
    double macs;  /* taps in the padding counted */
    double bytes; /* input, weights and output once each */
    double plan_ms;
    double peer_ms;
    double ratio; /* median of peer over ours, pair by pair */
    double error_over_bound;
    double difference; /* from the peer's answer, as a share of the largest output */
    bool wrong;        /* beyond the bound, or not the peer's answer */
};

/* Fills *figures. False where the row was not served: *error has the reason too. */
bool measure_row(const struct bench *bench, const struct row *row, struct figures *figures,
                 atrous_error *error);

double figures_gflops(const struct figures *figures);

/* Shares of the device's limits; NAN where either side is unknown. */
double figures_peak_share(const struct figures *figures, const struct limits *limits);
double figures_copy_share(const struct figures *figures, const struct limits *limits);

#endif
