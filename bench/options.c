/* Parses the command line of atrous-bench. */
#include "options.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const peer_names[] = {"none", "cpu", "onednn", "onednn-plain", "zeros", "f32"};

const char *peer_name(enum bench_peer peer)
{
    return peer_names[peer];
}

static bool parse_count(const char *text, size_t *out)
{
    char *end = NULL;
    if (*text < '0' || *text > '9')
        return false;
    const unsigned long long value = strtoull(text, &end, 10);
    if (*end != '\0' || value > 1000000)
        return false;
    *out = (size_t)value;
    return true;
}

static bool set_suite(struct options *options, const char *value)
{
    options->suite = value;
    return *value != '\0';
}

static bool set_only(struct options *options, const char *value)
{
    options->only = value;
    return true;
}

static bool set_json(struct options *options, const char *value)
{
    options->json = value;
    return *value != '\0';
}

static bool set_svg(struct options *options, const char *value)
{
    options->svg = value;
    return *value != '\0';
}

static bool set_solver(struct options *options, const char *value)
{
    options->solver = strcmp(value, "auto") == 0 ? NULL : value;
    return *value != '\0';
}

static bool set_repeat(struct options *options, const char *value)
{
    return parse_count(value, &options->repeat) && options->repeat > 0;
}

static bool set_stacks(struct options *options, const char *value)
{
    options->stacks = value;
    return true;
}

static bool set_band(struct options *options, const char *value)
{
    return parse_count(value, &options->band_rows) && options->band_rows > 0;
}

static bool set_device(struct options *options, const char *value)
{
    if (strcmp(value, "auto") == 0)
        options->device = ATROUS_DEVICE_AUTO;
    else if (strcmp(value, "cpu") == 0)
        options->device = ATROUS_DEVICE_CPU_PATH;
    else {
        options->device = ATROUS_DEVICE_INDEX;
        return parse_count(value, &options->device_index);
    }
    return true;
}

static bool set_peer(struct options *options, const char *value)
{
    for (size_t i = 0; i < sizeof peer_names / sizeof *peer_names; ++i) {
        if (strcmp(value, peer_names[i]) == 0) {
            options->peer = (enum bench_peer)i;
            return true;
        }
    }
    return false;
}

static bool set_math(struct options *options, const char *value)
{
    options->math = strcmp(value, "strict") == 0 ? ATROUS_MATH_STRICT : ATROUS_MATH_DEFAULT;
    return options->math == ATROUS_MATH_STRICT || strcmp(value, "default") == 0;
}

static bool set_layout(struct options *options, const char *value)
{
    options->layout_given = true;
    options->layout = strcmp(value, "nhwc") == 0 ? ATROUS_LAYOUT_NHWC : ATROUS_LAYOUT_NCHW;
    return options->layout == ATROUS_LAYOUT_NHWC || strcmp(value, "nchw") == 0;
}

static const struct {
    const char *name;
    bool (*set)(struct options *options, const char *value);
    const char *rule;
} table[] = {
    {"--suite", set_suite, "FILE.csv"},
    {"--device", set_device, "auto, cpu or an index"},
    {"--peer", set_peer,
     "onednn, onednn-plain, cpu, zeros, f32 (the row so padded, of that type) or none"},
    {"--math", set_math, "default or strict"},
    {"--layout", set_layout, "nchw or nhwc"},
    {"--solver", set_solver, "auto or a solver's name"},
    {"--repeat", set_repeat, "a whole number from 1 to 1000000"},
    {"--only", set_only, "an extended regular expression"},
    {"--stacks", set_stacks, "an extended regular expression: stacks, depth first or not"},
    {"--band", set_band, "rows of a band of those, from 1 to 1000000"},
    {"--json", set_json, "a file to write"},
    {"--svg", set_svg, "a file to write"},
};

static bool parse_one(struct options *options, const char *arg, const char *next, bool *took_next)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; ++i) {
        const size_t length = strlen(table[i].name);
        if (strncmp(arg, table[i].name, length) != 0)
            continue;
        const char *value = NULL;
        if (arg[length] == '=')
            value = arg + length + 1;
        else if (arg[length] == '\0')
            value = next;
        else
            continue;
        *took_next = arg[length] == '\0';
        if (value == NULL) {
            fprintf(stderr, "atrous-bench: %s: a value is missing: %s\n", arg, table[i].rule);
            return false;
        }
        if (!table[i].set(options, value)) {
            fprintf(stderr, "atrous-bench: %s \"%s\": must be %s\n", table[i].name, value,
                    table[i].rule);
            return false;
        }
        return true;
    }
    fprintf(stderr, "atrous-bench: %s: there is no such option; --help lists them\n", arg);
    return false;
}

bool options_parse(int argc, char **argv, struct options *options)
{
    *options = (struct options){0};
    for (int i = 1; i < argc; ++i) {
        bool took_next = false;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            options->help = true;
        else if (!parse_one(options, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &took_next))
            return false;
        i += took_next ? 1 : 0;
    }
    return true;
}

void options_help(void)
{
    puts("atrous-bench: times dilated convolutions, one row per problem of a suite\n");
    for (size_t i = 0; i < sizeof table / sizeof *table; ++i)
        printf("  %-9s  %s\n", table[i].name, table[i].rule);
    puts("\nWithout --suite: bench/shapes.csv as it was at build time. bench/README.md tells\n"
         "what the columns mean. Exit: 0 done, 1 an answer was wrong, 2 wrong usage or suite,\n"
         "3 the device failed.");
}
