/* Short phases of images as panels of points (kernels/phases_panels.clh). */
#include "solve/panels.h"

enum {
    MOST_VALUES = 3, /* of a phase */
    MOST_ROWS = ATROUS__WIDEST
};

static size_t points_of(size_t values)
{
    return values == 1 ? 1 : values + 1;
}

/* Phases of an axis whose value at `point` is not zero by itself: of two values, those that have
 * two, at every point but the first. */
static size_t phases_at(const struct atrous__problem *p, const struct atrous__panels *s, int axis,
                        size_t point)
{
    return s->values[axis] == 2 && point > 0 ? p->axis[axis].in - s->step[axis] : s->phases[axis];
}

size_t atrous__panels_tiles(const struct atrous__problem *p, const struct atrous__panels *s,
                            size_t point)
{
    const size_t across = points_of(s->values[ATROUS__W]);
    return s->images * phases_at(p, s, ATROUS__H, point / across) *
           phases_at(p, s, ATROUS__W, point % across);
}

struct atrous__panels atrous__panels_make(const struct atrous__problem *p)
{
    struct atrous__panels s = {.images = p->batch * p->axis[ATROUS__D].in};
    for (int i = ATROUS__H; i < ATROUS__AXES; ++i) {
        const struct atrous__axis *axis = &p->axis[i];
        /* A kernel of 1 sees each position alone, whatever its dilation is. */
        s.step[i] = axis->kernel == 1 ? axis->in : axis->dilation;
        s.values[i] = atrous__ceil_div(axis->in, s.step[i]);
        s.phases[i] = atrous__min(axis->in, s.step[i]);
    }
    s.points = points_of(s.values[ATROUS__H]) * points_of(s.values[ATROUS__W]);
    for (size_t point = 0; point < s.points; ++point)
        s.tiles += atrous__panels_tiles(p, &s, point);
    s.rows = s.tiles + s.points; /* as rows_of() in phases_panels.clh */
    return s;
}

static const char *refuse_geometry(const struct atrous__problem *p)
{
    for (int i = ATROUS__D; i < ATROUS__AXES; ++i) {
        const struct atrous__axis *a = &p->axis[i];
        if (a->stride != 1)
            return "a stride is not 1";
        if (a->kernel != 1 && (a->kernel != 3 || i == ATROUS__D))
            return "the kernel is not 3x3, 1x3 or 3x1";
        const size_t pad = a->kernel == 1 ? 0 : a->dilation;
        if (a->pad != pad || a->pad_end != pad)
            return "a padding is not as wide as the dilation on both sides";
        if (a->kernel == 3 && atrous__ceil_div(a->in, a->dilation) > MOST_VALUES)
            return "a phase holds more than 3 values";
    }
    return p->conv.padding != ATROUS_PADDING_ZEROS ? "the padding is not zeros" : NULL;
}

const char *atrous__panels_refuse(const struct atrous__problem *p,
                                  const struct atrous__device *device)
{
    const char *general = atrous__refuse_minimal(p, device, refuse_geometry(p));
    if (general != NULL)
        return general;
    return atrous__panels_make(p).rows > MOST_ROWS
               ? "the phases of the batch have more than 2^29 points"
               : NULL;
}

size_t atrous__panels_patch(const struct atrous__problem *p, const struct atrous__panels *s,
                            size_t channels)
{
    return s->values[ATROUS__H] * p->axis[ATROUS__W].in * channels * sizeof(float);
}

size_t atrous__panels_groups(const struct atrous__problem *p, const struct atrous__panels *s,
                             size_t blocks)
{
    return s->phases[ATROUS__H] * blocks * p->groups * s->images;
}

void atrous__launch_add_panels(struct atrous__launch *launch, const struct atrous__panels *s,
                               size_t channels, struct atrous__arg work)
{
    atrous__launch_add(launch,
                       atrous__arg_int4(s->step[ATROUS__H], s->step[ATROUS__W], s->rows, channels));
    atrous__launch_add(launch, work);
}

static void probe_at(atrous_conv *conv, size_t rows, size_t columns)
{
    atrous__probe_square(conv, 17, 19);
    conv->dilation[0] = conv->pad_begin[0] = conv->pad_end[0] = rows;
    conv->dilation[1] = conv->pad_begin[1] = conv->pad_end[1] = columns;
}

/* On its 11 x 14: phases of 3 and 2 rows, of 2 and 1 columns. */
void atrous__panels_probe(atrous_conv *conv)
{
    probe_at(conv, 4, 9);
}

/* Of 1 and of 3. */
void atrous__panels_other_probe(atrous_conv *conv)
{
    probe_at(conv, 12, 5);
}
