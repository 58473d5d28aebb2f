/* A small plan on the harness's device with everything a run needs. */
#ifndef ATROUS_TESTS_MADE_H
#define ATROUS_TESTS_MADE_H

#include "data.h"

struct made {
    struct data data; /* solved: 3 channels to 4, 13x13, 3x3, dilation 2, "same", bias */
    atrous_plan *plan;
    atrous_arrays arrays; /* all in place; the output is y */
    float *y;
};

/* `solver` NULL lets the library choose. The plan is NULL where the named solver refuses. */
struct made made_plan(const char *solver);
void made_free(struct made *made);

#endif
