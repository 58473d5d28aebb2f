/* Where the store lies and what names a problem in it. */
#ifndef ATROUS_PLAN_SQLITE_KEY_H
#define ATROUS_PLAN_SQLITE_KEY_H

#include "base/base.h"

enum { ATROUS__PATH_SIZE = 4096, ATROUS__PROBLEM_SIZE = 1024 };

/* The store's file, by the environment: ATROUS_CACHE, else XDG_CACHE_HOME, else HOME. False: there
 * is to be none. */
bool atrous__store_path(char path[ATROUS__PATH_SIZE]);

/* Makes the folders above the file `path` that are missing. */
bool atrous__store_folders(const char *path);

/* The fields of `conv` that can change a solver's speed, as text: equal texts, equal problems.
 * Left out is what costs the same whatever its value: the padding's and the activation's
 * constants, and the orientation, which only packing sees. */
bool atrous__store_problem(const atrous_conv *conv, char text[ATROUS__PROBLEM_SIZE]);

#endif
