/* The checks behind atrous__problem_init(), each a status and a message. */
#ifndef ATROUS_PROBLEM_RULES_H
#define ATROUS_PROBLEM_RULES_H

#include "problem/problem.h"

/* Non-NULL, struct_size, rank: what must hold before any other field is read. */
atrous_status atrous__check_descriptor(const atrous_conv *conv, atrous_error *error);

/* Enums, what is served, channels and groups, numbers. */
atrous_status atrous__check_values(const atrous_conv *conv, atrous_error *error);

/* Extents of the user's axis i are at least 1. */
atrous_status atrous__check_axis(const atrous_conv *conv, int i, atrous_error *error);

#endif
