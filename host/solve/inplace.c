/* Depthwise planes read where they lie, by kernels/inplace.cl. */
#include "solve/inplace.h"
#include "solve/planes.h"

#include <stdio.h>

enum {
    MOST_ROWS = 4,          /* of a register block, as inplace.cl */
    MOST_TAPS = 9,          /* in registers */
    ITEM_BYTES = 128 << 10, /* of an item's input: a share of an L2 */
    AHEAD_BYTES = 64 << 10  /* at most */
};

/* Vectors and items of a problem on a device. */
struct shape {
    size_t vector;          /* VEC */
    size_t rows, items;     /* of an item, of a plane */
    size_t run_rows, ahead; /* rows that a run of vectors may span, elements */
    struct atrous__deal deal;
    size_t left, right; /* sides of inplace_repeat.clh */
    size_t first_step;  /* from the first vector of a run to the second */
    bool repeats_once;  /* it serves */
};

/* Whether the padding is elements of the input. */
static bool repeats(const struct atrous__problem *p)
{
    return p->conv.padding > ATROUS_PADDING_CONSTANT;
}

/* The columns of a row begin anew once at most in a vector. */
static size_t choose_vector(const struct atrous__device *device, size_t width)
{
    size_t vector = atrous__max(device->vector, 4);
    while (vector > width)
        vector /= 2;
    return vector;
}

/* Columns beside a line that taps meet, where the padding repeats lines; whether
 * inplace_repeat.clh reads them there. Rows run on where a vector meets one line's end alone. */
static void lay_sides(const struct atrous__problem *p, struct shape *s)
{
    const struct atrous__axis *w = &p->axis[ATROUS__W];
    const size_t end = w->out + (w->kernel - 1) * w->dilation + w->crop;
    s->left = w->pad;
    s->right = end > w->in + w->pad ? end - w->in - w->pad : 0;
    const size_t most = atrous__max(s->left, s->right);
    s->repeats_once = most < w->in && (s->left == 0 || w->out <= w->in + 1);
    if (most + s->vector > w->in)
        s->run_rows = 1;
}

/* What the vectors of a run cost where the second one begins at `step`: more at a line's ends. */
static size_t run_cost(const struct shape *s, size_t width, size_t step)
{
    const size_t run = atrous__min(s->run_rows, s->vector) * width; /* then alike */
    size_t cost = 0;
    for (size_t at = 0;;) {
        const size_t column = at % width, end = column + s->vector;
        cost += end > width ? 8 : column < s->left || end + s->right > width ? 6 : 5;
        if (at + s->vector == run)
            return cost;
        at = atrous__min(at + (at == 0 ? step : s->vector), run - s->vector);
    }
}

/* The step that has the fewest of a run's vectors meet a line's end. */
static size_t choose_step(const struct shape *s, size_t width)
{
    size_t best = s->vector, least = run_cost(s, width, best);
    for (size_t step = 1; step < s->vector; ++step) {
        const size_t cost = run_cost(s, width, step);
        if (cost < least) {
            least = cost;
            best = step;
        }
    }
    return best;
}

static struct shape shape_of(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct atrous__axis *h = &p->axis[ATROUS__H], *w = &p->axis[ATROUS__W];
    struct shape s = {0};
    s.run_rows = w->in == w->out ? atrous__min(h->dilation, h->out) : 1;
    s.vector = choose_vector(device, atrous__min(w->in, w->out));
    /* Rows of whole blocks. */
    const size_t unit = MOST_ROWS * h->dilation;
    const size_t wanted = ITEM_BYTES / sizeof(float) / w->out;
    s.rows = atrous__min(atrous__max(wanted / unit, 1) * unit, h->out);
    s.items = atrous__ceil_div(h->out, s.rows);
    s.ahead = atrous__min(h->out * w->out, AHEAD_BYTES / sizeof(float));
    const size_t planes = p->batch * p->groups * p->filters * p->axis[ATROUS__D].out;
    s.deal = atrous__deal_tiles(p, device, planes * s.items);
    s.first_step = s.vector;
    if (repeats(p))
        lay_sides(p, &s);
    return s;
}

bool atrous__inplace_serves(const struct atrous__problem *p, const struct atrous__device *device)
{
    const struct atrous__axis *d = &p->axis[ATROUS__D], *h = &p->axis[ATROUS__H];
    const struct atrous__axis *w = &p->axis[ATROUS__W];
    const bool has_planes =
        p->conv.input_layout == ATROUS_LAYOUT_NCHW && p->conv.output_layout == ATROUS_LAYOUT_NCHW;
    const bool meets_depth = d->kernel == 1 && d->in == d->out && d->pad == d->crop;
    const bool has_steps = h->stride != 1 || w->stride != 1 || d->stride != 1;
    if (!has_planes || !meets_depth || has_steps || p->channels != 1 ||
        h->kernel * w->kernel > MOST_TAPS || h->kernel == 1)
        return false;
    /* A row holds a vector. */
    if (atrous__min(w->in, w->out) < 4 || device->vector < 4)
        return false;
    return !repeats(p) || shape_of(p, device).repeats_once;
}

double atrous__inplace_estimate(const struct atrous__problem *p,
                                const struct atrous__device *device)
{
    return 0.02 + 0.5 * atrous__memory_bound_ms(p, device);
}

/* The taps, a bit each, that meet columns left of the input. */
static unsigned left_taps(const struct atrous__axis *w)
{
    unsigned left = 0;
    for (size_t s = 0; s < w->kernel; ++s)
        left |= s * w->dilation + w->crop < w->pad ? 1u << s : 0;
    return left;
}

/* The same outside it. */
static unsigned masked_taps(const struct atrous__problem *p)
{
    const struct atrous__axis *w = &p->axis[ATROUS__W];
    unsigned masked = 0;
    for (size_t s = 0; s < w->kernel; ++s) {
        const size_t first = s * w->dilation + w->crop;
        if (first < w->pad || first + w->out > w->in + w->pad)
            masked |= 1u << s;
    }
    return masked;
}

atrous_status atrous__inplace_build(const struct atrous__problem *p, struct atrous__env *env,
                                    struct atrous__job *job, atrous_error *error)
{
    struct shape s = shape_of(p, &env->device);
    if (repeats(p) && s.run_rows > 1)
        s.first_step = choose_step(&s, p->axis[ATROUS__W].out);
    const struct atrous__pack_shape pack = {1, 1, 0, false};
    const atrous_status status = atrous__pack_build(p, env, pack, job, error);
    if (status != ATROUS_OK)
        return status;
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    *launch = (struct atrous__launch){.dims = 1, .global = {s.deal.groups}, .local = {1}};
    atrous__launch_add_problem(launch, p);
    atrous__launch_add(launch, atrous__arg_int4(s.rows, s.items, s.run_rows, s.ahead));
    atrous__launch_add(launch, atrous__arg_long(s.deal.tiles));
    atrous__launch_add(launch, atrous__arg_long(s.deal.each));
    atrous__launch_add(launch, atrous__arg_int4(s.left, s.right, s.first_step, 0));
    char options[128];
    snprintf(options, sizeof options,
             "-DVEC=%zu -DKH=%zu -DKW=%zu -DMASKED=%u -DLEFT=%u -DNEAR=%d -DPAD=%d -DPLAIN=%d %s",
             s.vector, p->axis[ATROUS__H].kernel, p->axis[ATROUS__W].kernel, masked_taps(p),
             repeats(p) ? left_taps(&p->axis[ATROUS__W]) : 0,
             repeats(p) && atrous__max(s.left, s.right) < s.vector,
             repeats(p) ? (int)p->conv.padding : atrous__pad_value(p) != 0, atrous__is_plain(p),
             atrous__type_option(p));
    return atrous__launch_make(env, "inplace.cl", "inplace", options, launch, error);
}
