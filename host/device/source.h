/* The kernel sources: embedded at build time, found by file name. */
#ifndef ATROUS_DEVICE_SOURCE_H
#define ATROUS_DEVICE_SOURCE_H

#include "base/base.h"

struct atrous__source {
    const char *name; /* "tile.cl" */
    const char *text; /* zero-terminated */
    size_t size;      /* without the zero */
};

extern const struct atrous__source atrous__sources[];
extern const size_t atrous__source_count;

/* The text of a source, or NULL. An override, where set, hides the embedded text. */
const char *atrous__source_find(const char *name);

/* Tests only: replaces the text of one source (copied pointer, not copied text; NULL
 * removes the override) for programs built from now on. Not thread-safe. */
void atrous__source_override(const char *name, const char *text);

/* The text with each line `#include "FILE.clh"` replaced by that file, so that a driver needs
 * no include path. *text is released by the caller with free(). */
atrous_status atrous__source_expand(const char *name, char **text, atrous_error *error);

#endif
