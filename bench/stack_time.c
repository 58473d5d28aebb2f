/* Times stacks depth first and layer by layer, pair by pair, and holds their answers together. */
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "failure.h"
#include "stacks.h"
#include "statistics.h"

enum { SIDES = 2, MOST_REPEAT = 1000 };
static const atrous_order orders[SIDES] = {ATROUS_ORDER_DEPTH, ATROUS_ORDER_LAYERS};
static const double goal_ms = 20; /* a sample lasts at least about this long */

/* A stack on both sides, opened one after the other and run in turn. */
struct duel {
    struct bench_stack made;
    atrous_stack *stack[SIDES];
    atrous_stack_info info[SIDES];
    struct contender side[SIDES];
    void *input;
    size_t output_bytes;
    void *output[SIDES];
    bool chosen; /* by AUTO */
    double ms[SIDES], ratio, lowest, highest;
};

static bool open_stack(const struct bench_stack *made, atrous_context *context, atrous_order order,
                       size_t band_rows, atrous_stack **stack, atrous_stack_info *info,
                       atrous_error *error)
{
    atrous_stack_options options;
    atrous_stack_options_init(&options, sizeof options);
    options.outputs = made->outputs;
    options.output_count = made->output_count;
    options.order = order;
    options.band_rows = band_rows;
    info->struct_size = sizeof *info;
    return atrous_stack_create(context, made->layers, made->count, &made->input, &options, stack,
                               error) == ATROUS_OK &&
           atrous_stack_query(*stack, info, error) == ATROUS_OK;
}

/* Whether the library left to itself goes depth first. */
static bool ask_choice(struct duel *duel, atrous_context *context, atrous_error *error)
{
    atrous_stack *stack = NULL;
    atrous_stack_info info;
    const bool good = open_stack(&duel->made, context, ATROUS_ORDER_AUTO, 0, &stack, &info, error);
    duel->chosen = good && info.depth_first > 0;
    atrous_stack_destroy(stack);
    return good;
}

static bool make_data(struct duel *duel, atrous_error *error)
{
    for (size_t i = 0; i < duel->made.output_count; ++i) {
        atrous_shape shape = {.struct_size = sizeof shape};
        size_t bytes = 0;
        if (atrous_stack_output(duel->stack[0], i, &shape, &bytes, error) != ATROUS_OK)
            return false;
        duel->output_bytes += bytes;
    }
    duel->input = data_alloc(duel->info[0].input_bytes);
    duel->output[0] = data_alloc(duel->output_bytes);
    duel->output[1] = data_alloc(duel->output_bytes);
    if (duel->input == NULL || duel->output[0] == NULL || duel->output[1] == NULL)
        return bench_fail(error, ATROUS_OUT_OF_HOST_MEMORY, "out of memory");
    data_fill(duel->input, duel->info[0].input_bytes, ATROUS_TYPE_F32, 1);
    return true;
}

static bool open_duel(struct duel *duel, const struct options *options, atrous_context *context,
                      struct device *device, atrous_error *error)
{
    for (int s = 0; s < SIDES; ++s)
        if (!open_stack(&duel->made, context, orders[s], options->band_rows, &duel->stack[s],
                        &duel->info[s], error))
            return false;
    if (!ask_choice(duel, context, error) || !make_data(duel, error))
        return false;
    for (int s = 0; s < SIDES; ++s)
        if (!(duel->info[s].on_cpu_path
                  ? contender_stack_cpu(duel->stack[s], duel->input, &duel->made, &duel->side[s],
                                        error)
                  : contender_stack_opencl(device, duel->stack[s], duel->input, &duel->made,
                                           &duel->side[s], error)))
            return false;
    return true;
}

static void close_duel(struct duel *duel)
{
    for (int s = 0; s < SIDES; ++s) {
        if (duel->side[s].state != NULL)
            duel->side[s].close(duel->side[s].state);
        atrous_stack_destroy(duel->stack[s]);
        free(duel->output[s]);
    }
    free(duel->input);
    free(duel->made.memory);
}

/* Milliseconds of one run, from `count` in a row. */
static bool sample(const struct contender *side, size_t count, double *ms, atrous_error *error)
{
    const double start = now_ms();
    if (!side->run(side->state, count, NULL, error))
        return false;
    *ms = (now_ms() - start) / (double)count;
    return true;
}

static bool time_pairs(struct duel *duel, size_t repeat, atrous_error *error)
{
    double ms[SIDES][MOST_REPEAT], ratio[MOST_REPEAT], once = 0;
    size_t count[SIDES] = {1, 1};
    for (int s = 0; s < SIDES; ++s) {
        /* The first run warms up, the second tells how many make a sample. */
        if (!sample(&duel->side[s], 1, &once, error) || !sample(&duel->side[s], 1, &once, error))
            return false;
        count[s] = (size_t)(goal_ms / fmax(once, 1e-3)) + 1;
    }
    for (size_t i = 0; i < repeat; ++i) {
        for (int s = 0; s < SIDES; ++s)
            if (!sample(&duel->side[s], count[s], &ms[s][i], error))
                return false;
        ratio[i] = ms[1][i] / ms[0][i];
    }
    for (int s = 0; s < SIDES; ++s)
        duel->ms[s] = median(ms[s], repeat);
    duel->ratio = median(ratio, repeat);
    duel->lowest = ratio[0]; /* the median leaves them sorted */
    duel->highest = ratio[repeat - 1];
    return true;
}

/* Whether both sides gave the same bits. */
static bool compare(struct duel *duel, bool *same, atrous_error *error)
{
    for (int s = 0; s < SIDES; ++s)
        if (!duel->side[s].read(duel->side[s].state, duel->output[s], duel->output_bytes, error))
            return false;
    *same = memcmp(duel->output[0], duel->output[1], duel->output_bytes) == 0;
    return true;
}

static void print_duel(const char *name, const struct duel *duel, bool same)
{
    const double mib = 1024.0 * 1024.0;
    printf("%-18s %6zu/%-3zu %9.3f %9.3f %7.2f  %.2f-%.2f  %8.1f %8.1f  %-6s %s\n", name,
           duel->info[0].depth_first, duel->made.count, duel->ms[0], duel->ms[1], duel->ratio,
           duel->lowest, duel->highest, (double)duel->info[0].workspace_bytes / mib,
           (double)duel->info[1].workspace_bytes / mib, duel->chosen ? "depth" : "layers",
           same ? "same bits" : "WRONG");
    fflush(stdout);
}

int stacks_run(const struct options *options, atrous_context *context, struct device *device)
{
    const size_t repeat = options->repeat == 0            ? 7
                          : options->repeat > MOST_REPEAT ? MOST_REPEAT
                                                          : options->repeat;
    regex_t pattern;
    int code = 0;
    if (regcomp(&pattern, options->stacks, REG_EXTENDED | REG_NOSUB) != 0) {
        fprintf(stderr, "atrous-bench: --stacks \"%s\": is no extended regular expression\n",
                options->stacks);
        return 2;
    }
    printf("%-18s %10s %9s %9s %7s  %-9s  %8s %8s  %s\n", "stack", "deep/all", "depth ms",
           "layers ms", "ratio", "pairs", "MiB", "MiB", "choice");
    for (size_t i = 0; stack_name(i) != NULL; ++i) {
        struct duel duel = {.chosen = false};
        atrous_error error = {0};
        bool same = false;
        if (regexec(&pattern, stack_name(i), 0, NULL, 0) != 0)
            continue;
        const bool good = stack_make(i, &duel.made) &&
                          open_duel(&duel, options, context, device, &error) &&
                          time_pairs(&duel, repeat, &error) && compare(&duel, &same, &error);
        if (good)
            print_duel(stack_name(i), &duel, same);
        else
            printf("%-18s not served: %s\n", stack_name(i), error.message);
        code = !good ? 3 : !same && code == 0 ? 1 : code;
        close_duel(&duel);
    }
    regfree(&pattern);
    return code;
}
