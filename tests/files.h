/* Files the tests read: whole files, .npy arrays, and the folder of third-party cases. */
#ifndef ATROUS_TESTS_FILES_H
#define ATROUS_TESTS_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* The file with a closing zero, to be freed; NULL when it cannot be read. */
char *file_read(const char *path, size_t *size);

/* A float array; float16 is widened, whole numbers converted. */
struct npy {
    int rank;
    size_t shape[8];
    size_t count;
    float *values;
};

/* Reads a little-endian, C-ordered array of float32, float16, int32 or int64. False for anything
 * else. */
bool npy_read(const char *path, struct npy *npy);
void npy_free(struct npy *npy);

/* The folder of cases: the environment's ATROUS_CASES, else the one named at configure time. */
const char *cases_folder(void);
bool cases_present(void);
/* `name` inside that folder; returns `path`. */
char *cases_path(char *path, size_t size, const char *name);

#endif
