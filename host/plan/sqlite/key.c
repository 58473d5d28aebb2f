/* The store's path and the names of problems in it. */
#define _POSIX_C_SOURCE 200809L
#include "plan/sqlite/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The variable's value, or NULL where it is unset or empty. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

bool atrous__store_path(char path[ATROUS__PATH_SIZE])
{
    const char *file = variable("ATROUS_CACHE");
    const char *cache = variable("XDG_CACHE_HOME"), *home = variable("HOME");
    int length = -1;
    if (file != NULL && strcmp(file, "off") == 0)
        return false;
    if (file != NULL)
        length = snprintf(path, ATROUS__PATH_SIZE, "%s", file);
    else if (cache != NULL && cache[0] == '/') /* the XDG rule: a relative path does not count */
        length = snprintf(path, ATROUS__PATH_SIZE, "%s/atrous/winners.sqlite", cache);
    else if (home != NULL)
        length = snprintf(path, ATROUS__PATH_SIZE, "%s/.cache/atrous/winners.sqlite", home);
    return length > 0 && length < ATROUS__PATH_SIZE;
}

bool atrous__store_folders(const char *path)
{
    char folder[ATROUS__PATH_SIZE];
    struct stat facts;
    const char *last = strrchr(path, '/');
    const size_t length = last == NULL ? 0 : (size_t)(last - path);
    if (length == 0 || length >= sizeof folder)
        return length == 0; /* the working folder or the root are there */
    memcpy(folder, path, length);
    folder[length] = '\0';
    if (stat(folder, &facts) == 0)
        return S_ISDIR(facts.st_mode);
    for (char *at = folder + 1; *at != '\0'; ++at)
        if (*at == '/') {
            *at = '\0';
            mkdir(folder, 0700); /* whether it stands is seen at the last one */
            *at = '/';
        }
    return mkdir(folder, 0700) == 0 || (stat(folder, &facts) == 0 && S_ISDIR(facts.st_mode));
}

/* Appends " name v,v,v"; false where the text is full. */
static bool add_axes(char *text, const char *name, const size_t *values, int rank)
{
    for (int i = 0; i < rank; ++i) {
        const size_t used = strlen(text), room = ATROUS__PROBLEM_SIZE - used;
        const int added = snprintf(text + used, room, "%s%s%zu", i == 0 ? name : "",
                                   i == 0 ? "" : ",", values[i]);
        if (added < 0 || (size_t)added >= room)
            return false;
    }
    return true;
}

bool atrous__store_problem(const atrous_conv *conv, char text[ATROUS__PROBLEM_SIZE])
{
    const struct {
        const char *name;
        const size_t *values;
    } axes[] = {
        {" in ", conv->input},
        {" kernel ", conv->kernel},
        {" stride ", conv->stride},
        {" dilation ", conv->dilation},
        {" begin ", conv->pad_begin},
        {" end ", conv->pad_end},
        {" output-padding ", conv->output_padding},
    };
    const int length = snprintf(
        text, ATROUS__PROBLEM_SIZE,
        "n %zu c %zu k %zu g %zu padding %d layouts %d,%d type %d,%d scale %d direction %d bias %d "
        "activation %d residual %d alpha %d beta %d math %d",
        conv->batch, conv->in_channels, conv->out_channels, conv->groups, (int)conv->padding,
        (int)conv->input_layout, (int)conv->output_layout, (int)conv->type, conv->native_half,
        conv->channel_scale, (int)conv->direction, conv->has_bias, (int)conv->activation,
        (int)conv->residual, conv->alpha != 1.0, conv->beta != 0.0, (int)conv->math);
    bool fits = length > 0 && length < ATROUS__PROBLEM_SIZE;
    for (size_t i = 0; i < sizeof axes / sizeof *axes && fits; ++i)
        fits = add_axes(text, axes[i].name, axes[i].values, conv->rank);
    return fits;
}
