/* What the command line of atrous-bench asks for. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <atrous/atrous.h>

enum bench_peer { PEER_NONE, PEER_CPU, PEER_ONEDNN, PEER_ONEDNN_PLAIN, PEER_ZEROS, PEER_F32 };

/* Texts point into argv. */
struct options {
    const char *suite; /* NULL: the one inside the program */
    const char *only;  /* NULL: every row */
    const char *json;
    const char *svg;
    const char *solver; /* NULL: the library chooses */
    atrous_device_choice device;
    size_t device_index;
    enum bench_peer peer;
    atrous_math math;
    bool layout_given; /* over what the suite says */
    atrous_layout layout;
    const char *stacks; /* NULL: rows of a suite; else which stacks */
    size_t band_rows;   /* of stacks; 0: the library decides */
    size_t repeat;      /* 0: the default, fewer where a run is long */
    bool help;
};

/* False after one line on stderr that names the option, its value and the rule. */
bool options_parse(int argc, char **argv, struct options *options);

void options_help(void);

/* The peer as the command line spells it. */
const char *peer_name(enum bench_peer peer);

#endif
