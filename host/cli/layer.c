/* LAYER words to the library's layers; what is not understood is refused with the word. */
#include "layer.h"

#include <stdint.h>
#include <string.h>

/* The letters, where their numbers go and what they are called. */
static const struct part {
    char letter;
    size_t at;
    size_t least;
    const char *name;
} parts[] = {
    {'k', offsetof(struct cli_layer, kernel), 1, "kernel"},
    {'d', offsetof(struct cli_layer, dilation), 1, "dilation"},
    {'s', offsetof(struct cli_layer, stride), 1, "stride"},
    {'p', offsetof(struct cli_layer, pad), 0, "padding"},
    {'c', offsetof(struct cli_layer, channels), 1, "channels"},
};

static const struct part *part_of(char letter)
{
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; ++i)
        if (parts[i].letter == letter)
            return &parts[i];
    return NULL;
}

static struct cli_layer_list *list_of(const struct part *part, struct cli_layer *layer)
{
    return (struct cli_layer_list *)(void *)((char *)layer + part->at);
}

static int refuse(struct cli_failure *failure, const char *word, const struct part *part,
                  const char *rule)
{
    return cli_fail(failure, CLI_USAGE, "layer '%s': %s (%c) %s", word, part->name, part->letter,
                    rule);
}

/* Reads decimal digits at *at and moves past them. */
static int read_number(const char *word, const char **at, const struct part *part, size_t *value,
                       struct cli_failure *failure)
{
    const char *digit = *at;
    size_t sum = 0;
    if (*digit < '0' || *digit > '9')
        return refuse(failure, word, part, "must hold a whole number");
    for (; *digit >= '0' && *digit <= '9'; ++digit) {
        const size_t unit = (size_t)(*digit - '0');
        if (sum > (PTRDIFF_MAX - unit) / 10)
            return refuse(failure, word, part, "must be below 2^63");
        sum = sum * 10 + unit;
    }
    if (sum < part->least)
        return refuse(failure, word, part, "is 0, must be at least 1");
    *at = digit;
    *value = sum;
    return CLI_DONE;
}

/* Reads N or NxN or NxNxN at *at. */
static int read_list(const char *word, const char **at, const struct part *part,
                     struct cli_layer_list *list, struct cli_failure *failure)
{
    for (;;) {
        if (list->count == ATROUS_MAX_RANK)
            return refuse(failure, word, part, "must have at most 3 numbers");
        const int code = read_number(word, at, part, &list->value[list->count], failure);
        if (code != CLI_DONE)
            return code;
        ++list->count;
        if (**at != 'x')
            return CLI_DONE;
        ++*at;
    }
}

int cli_layer_parse(const char *word, struct cli_layer *layer, struct cli_failure *failure)
{
    const char *at = word;
    memset(layer, 0, sizeof *layer);
    layer->word = word;
    if (*at != 'k')
        return cli_fail(failure, CLI_USAGE, "layer '%s': must begin with k, as in k3d2", word);
    while (*at != '\0') {
        const struct part *part = part_of(*at);
        if (part == NULL)
            return cli_fail(failure, CLI_USAGE,
                            "layer '%s': does not read on at '%s', must be k, then any of d, s, p, "
                            "c with whole numbers",
                            word, at);
        struct cli_layer_list *list = list_of(part, layer);
        if (list->count > 0 || (part->letter == 'p' && layer->pad_same))
            return refuse(failure, word, part, "is given twice");
        ++at;
        if (part->letter == 'p' && strncmp(at, "same", 4) == 0) {
            layer->pad_same = 1;
            at += 4;
            continue;
        }
        const int code = read_list(word, &at, part, list, failure);
        if (code != CLI_DONE)
            return code;
    }
    if (layer->channels.count > 1)
        return refuse(failure, word, part_of('c'), "must have one number");
    return CLI_DONE;
}

int cli_layer_rank(const struct cli_layer *layer)
{
    const struct cli_layer_list *lists[] = {&layer->kernel, &layer->dilation, &layer->stride,
                                            &layer->pad};
    size_t rank = 0;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; ++i)
        if (lists[i]->count > 1 && lists[i]->count > rank)
            rank = lists[i]->count;
    return (int)rank;
}

int cli_layer_spread(const struct cli_layer *layer, int rank, atrous_field_layer *out,
                     struct cli_failure *failure)
{
    atrous_field_layer_init(out, sizeof *out);
    const struct {
        char letter;
        const struct cli_layer_list *list;
        size_t *axes;
    } spreads[] = {
        {'k', &layer->kernel, out->kernel}, {'d', &layer->dilation, out->dilation},
        {'s', &layer->stride, out->stride}, {'p', &layer->pad, out->pad_begin},
        {'p', &layer->pad, out->pad_end},
    };
    for (size_t i = 0; i < sizeof spreads / sizeof spreads[0]; ++i) {
        const struct cli_layer_list *list = spreads[i].list;
        if (list->count > 1 && list->count != (size_t)rank)
            return cli_fail(failure, CLI_USAGE,
                            "layer '%s': %s (%c) has %zu numbers, must have 1 or %d, one an axis",
                            layer->word, part_of(spreads[i].letter)->name, spreads[i].letter,
                            list->count, rank);
        for (int axis = 0; axis < rank && list->count > 0; ++axis)
            spreads[i].axes[axis] = list->value[list->count == 1 ? 0 : axis];
    }
    out->pad_same = layer->pad_same;
    if (layer->channels.count > 0)
        out->channels = layer->channels.value[0];
    return CLI_DONE;
}
