/* Words and flags to a computed field. */
#include "stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer.h"

/* The rank that the flags and lists agree on. */
static int settle_rank(const struct cli_options *options, const struct cli_layer *layers,
                       size_t count, int *rank, struct cli_failure *failure)
{
    const char *from = "--rank";
    int settled = (int)options->rank;
    for (size_t i = 0; i < count; ++i) {
        const int own = cli_layer_rank(&layers[i]);
        if (own == 0 || own == settled)
            continue;
        if (settled != 0)
            return cli_fail(failure, CLI_USAGE, "layer '%s': has rank %d, must have %d as %s%s%s",
                            layers[i].word, own, settled, from[0] == '-' ? "" : "layer '", from,
                            from[0] == '-' ? " says" : "'");
        settled = own;
        from = layers[i].word;
    }
    if (options->shape.count > 0) {
        if (settled == 0 && options->shape.count >= 3)
            settled = (int)options->shape.count - 2;
        if (settled == 0 || options->shape.count != (size_t)settled + 2)
            return cli_fail(failure, CLI_USAGE, "--shape: has %zu numbers, must have %d: N,C,%s",
                            options->shape.count, (settled == 0 ? 2 : settled) + 2,
                            settled == 1   ? "W"
                            : settled == 3 ? "D,H,W"
                                           : "H,W");
    }
    *rank = settled == 0 ? 2 : settled;
    return CLI_DONE;
}

static int take_shape(const struct cli_options *options, atrous_field_stack *stack,
                      struct cli_failure *failure)
{
    if (options->shape.count == 0)
        return CLI_DONE;
    for (size_t i = 0; i < options->shape.count; ++i)
        if (options->shape.value[i] == 0)
            return cli_fail(failure, CLI_USAGE, "--shape: has a 0, all must be at least 1");
    stack->in_channels = options->shape.value[1];
    for (int axis = 0; axis < stack->rank; ++axis)
        stack->input[axis] = options->shape.value[axis + 2];
    return CLI_DONE;
}

static int read_layers(struct cli_stack *made, struct cli_layer *parsed, size_t count,
                       const struct cli_options *options, struct cli_failure *failure)
{
    int rank = 0, code = CLI_DONE;
    for (size_t i = 0; i < count && code == CLI_DONE; ++i)
        code = cli_layer_parse(made->words[i], &parsed[i], failure);
    if (code == CLI_DONE)
        code = settle_rank(options, parsed, count, &rank, failure);
    for (size_t i = 0; i < count && code == CLI_DONE; ++i)
        code = cli_layer_spread(&parsed[i], rank, &made->layers[i], failure);
    if (code == CLI_DONE) {
        atrous_field_stack_init(&made->stack, rank, sizeof made->stack);
        made->stack.layers = made->layers;
        made->stack.layer_count = count;
        code = take_shape(options, &made->stack, failure);
    }
    return code;
}

/* The library numbers the layers; the user wrote words. */
static int refuse_layer(const struct cli_stack *made, atrous_status status,
                        const atrous_error *error, struct cli_failure *failure)
{
    size_t layer;
    if (sscanf(error->field, "layers[%zu]", &layer) != 1 || layer >= made->stack.layer_count)
        return cli_fail_status(failure, status, error);
    const char *rest = strchr(error->message, ']') + 1;
    return cli_fail(failure, CLI_USAGE, "layer '%s': %s", made->words[layer],
                    rest + strspn(rest, "., "));
}

/* `same` under a stride depends on the input. */
static int check_same(const struct cli_stack *made, struct cli_failure *failure)
{
    for (size_t i = 0; i < made->stack.layer_count; ++i)
        for (int axis = 0; axis < made->stack.rank; ++axis)
            if (made->layers[i].pad_same && made->layers[i].stride[axis] > 1 &&
                made->stack.input[axis] == 0)
                return cli_fail(failure, CLI_USAGE,
                                "layer '%s': padding same with stride %zu needs --shape",
                                made->words[i], made->layers[i].stride[axis]);
    return CLI_DONE;
}

int cli_stack_make(struct cli_stack *made, const struct cli_options *options,
                   struct cli_failure *failure)
{
    const size_t count = (size_t)options->argument_count;
    atrous_error error;
    memset(made, 0, sizeof *made);
    if (count == 0)
        return cli_fail(failure, CLI_USAGE, "no LAYER, must have at least one, as in k3d2");
    made->words = options->arguments;
    made->layers = calloc(count, sizeof *made->layers);
    struct cli_layer *parsed = calloc(count, sizeof *parsed);
    int code = CLI_DONE;
    if (made->layers == NULL || parsed == NULL)
        code = cli_fail_memory(failure, "layers", count * sizeof *parsed);
    if (code == CLI_DONE)
        code = read_layers(made, parsed, count, options, failure);
    free(parsed);
    if (code == CLI_DONE)
        code = check_same(made, failure);
    if (code == CLI_DONE) {
        const atrous_status status = atrous_field_create(&made->stack, &made->field, &error);
        if (status != ATROUS_OK)
            code = refuse_layer(made, status, &error, failure);
    }
    if (code == CLI_DONE)
        made->info = cli_stack_info(made, count - 1);
    return code;
}

void cli_stack_free(struct cli_stack *made)
{
    atrous_field_destroy(made->field);
    free(made->layers);
    memset(made, 0, sizeof *made);
}

atrous_field_info cli_stack_info(const struct cli_stack *made, size_t layer)
{
    atrous_field_info info = {.struct_size = sizeof info};
    atrous_field_layer_info(made->field, layer, &info, NULL);
    return info;
}

const char *cli_axes_text(const size_t *axes, int rank, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int axis = 0; axis < rank && used < size; ++axis)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%zu", axis > 0 ? "x" : "", axes[axis]);
    return text;
}

const char *cli_axes_short(const size_t *axes, int rank, char *text, size_t size)
{
    for (int axis = 1; axis < rank; ++axis)
        if (axes[axis] != axes[0])
            return cli_axes_text(axes, rank, text, size);
    return cli_axes_text(axes, 1, text, size);
}
