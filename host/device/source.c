/* Finds kernel sources and resolves their includes. */
#include "device/source.h"

#include <stdlib.h>
#include <string.h>

static const char *override_name;
static const char *override_text;

void atrous__source_override(const char *name, const char *text)
{
    override_name = text != NULL ? name : NULL;
    override_text = text;
}

const char *atrous__source_find(const char *name)
{
    if (override_name != NULL && strcmp(override_name, name) == 0)
        return override_text;
    for (size_t i = 0; i < atrous__source_count; ++i)
        if (strcmp(atrous__sources[i].name, name) == 0)
            return atrous__sources[i].text;
    return NULL;
}

static const char include_mark[] = "#include \"";

/* The source an include line names, or NULL when `line` is none or names no source. */
static const char *included(const char *line)
{
    char name[64];
    if (strncmp(line, include_mark, sizeof include_mark - 1) != 0)
        return NULL;
    const char *start = line + sizeof include_mark - 1;
    const size_t length = strcspn(start, "\"\n");
    if (length >= sizeof name)
        return NULL;
    memcpy(name, start, length);
    name[length] = '\0';
    return atrous__source_find(name);
}

/* Appends `text` with includes replaced to `out` (NULL: only counts); returns the size.
 * A shared piece guards itself against a second inclusion, as headers do. */
static size_t expand(const char *text, char *out, int depth)
{
    const int deepest = 6;
    size_t size = 0;
    while (*text != '\0') {
        const char *piece = depth < deepest ? included(text) : NULL;
        const char *end = strchr(text, '\n');
        const size_t length = end != NULL ? (size_t)(end - text) + 1 : strlen(text);
        if (piece != NULL) {
            size += expand(piece, out != NULL ? out + size : NULL, depth + 1);
        } else {
            if (out != NULL)
                memcpy(out + size, text, length);
            size += length;
        }
        text += length;
    }
    return size;
}

atrous_status atrous__source_expand(const char *name, char **text, atrous_error *error)
{
    *text = NULL;
    const char *source = atrous__source_find(name);
    if (source == NULL)
        return atrous__fail(error, ATROUS_UNSUPPORTED, "kernel", "%s is not in this build", name);
    const size_t size = expand(source, NULL, 0);
    char *copy = malloc(size + 1);
    if (copy == NULL)
        return atrous__fail(error, ATROUS_OUT_OF_HOST_MEMORY, "kernel", "%zu bytes for %s", size,
                            name);
    expand(source, copy, 0);
    copy[size] = '\0';
    *text = copy;
    return ATROUS_OK;
}
