/* Boxes of tensors, copied in runs as long as memory has them. */
#include "plan/box.h"

#include <string.h>

static struct atrous__stretch from_on(size_t first, size_t count)
{
    return (struct atrous__stretch){(ptrdiff_t)first, 1, count};
}

static void add(struct atrous__box *box, int *at, size_t extent, struct atrous__stretch taken)
{
    box->extent[*at] = extent;
    box->taken[*at] = taken;
    ++*at;
}

static struct atrous__box tensor(const struct atrous__problem *whole, atrous_layout layout,
                                 size_t channels, struct atrous__stretch taken_channels,
                                 struct atrous__stretch taken_batch,
                                 const size_t extent[ATROUS__AXES],
                                 const struct atrous__stretch taken[ATROUS__AXES])
{
    struct atrous__box box = {.element = atrous__stored(whole, 1), .padding = whole->conv.padding};
    int at = 0;
    add(&box, &at, whole->batch, taken_batch);
    if (layout == ATROUS_LAYOUT_NCHW)
        add(&box, &at, channels, taken_channels);
    for (int i = 0; i < ATROUS__AXES; ++i)
        add(&box, &at, extent[i], taken[i]);
    if (layout != ATROUS_LAYOUT_NCHW)
        add(&box, &at, channels, taken_channels);
    return box;
}

struct atrous__box atrous__box_input(const struct atrous__problem *whole,
                                     const struct atrous__part *part)
{
    const struct atrous__problem *p = &part->problem;
    const size_t extent[] = {whole->axis[0].in, whole->axis[1].in, whole->axis[2].in};
    return tensor(whole, whole->conv.input_layout, whole->conv.in_channels,
                  from_on(part->group * whole->channels, p->conv.in_channels),
                  from_on(part->batch, p->batch), extent, part->in);
}

struct atrous__box atrous__box_output(const struct atrous__problem *whole,
                                      const struct atrous__part *part)
{
    const struct atrous__problem *p = &part->problem;
    const size_t extent[] = {whole->axis[0].out, whole->axis[1].out, whole->axis[2].out};
    /* A gated activation, which halves the channels, is not cut by them. */
    return tensor(whole, whole->conv.output_layout, whole->out_channels,
                  from_on(part->group * whole->filters + part->filter, p->out_channels),
                  from_on(part->batch, p->batch), extent, part->out);
}

struct atrous__box atrous__box_weights(const struct atrous__problem *whole,
                                       const struct atrous__part *part)
{
    const struct atrous__problem *p = &part->problem;
    const bool is_gather = whole->channel_step != whole->taps;
    struct atrous__box box = {.element = atrous__stored(whole, 1)};
    int at = 0;
    add(&box, &at, 1, from_on(0, 1));
    add(&box, &at, whole->groups, from_on(part->group, p->groups));
    if (is_gather)
        add(&box, &at, whole->channels, from_on(0, p->channels));
    add(&box, &at, whole->filters, from_on(part->filter, p->filters));
    if (!is_gather)
        add(&box, &at, whole->channels, from_on(0, p->channels));
    add(&box, &at, whole->taps, from_on(0, whole->taps));
    return box;
}

/* A copy under way: bytes from one position of an axis to the next, on both sides. */
struct copy {
    const struct atrous__box *box;
    size_t whole_step[ATROUS__BOX_AXES], part_step[ATROUS__BOX_AXES];
    int run; /* the axis whose taken positions lie in one piece, with all behind it */
    bool is_back;
};

static void copy_axis(const struct copy *copy, int axis, char *whole, char *part)
{
    const struct atrous__stretch *taken = &copy->box->taken[axis];
    if (axis == copy->run) {
        char *at = whole + (size_t)taken->first * copy->whole_step[axis];
        const size_t bytes = taken->count * copy->whole_step[axis];
        if (copy->is_back)
            memcpy(at, part, bytes);
        else
            memcpy(part, at, bytes);
        return;
    }
    for (size_t i = 0; i < taken->count; ++i) {
        const ptrdiff_t from = atrous__pad_index(taken->first + (ptrdiff_t)(i * taken->step),
                                                 copy->box->extent[axis], copy->box->padding);
        char *at = whole + (size_t)from * copy->whole_step[axis];
        char *to = part + i * copy->part_step[axis];
        if (axis + 1 < ATROUS__BOX_AXES)
            copy_axis(copy, axis + 1, at, to);
        else
            memcpy(copy->is_back ? at : to, copy->is_back ? to : at, copy->box->element);
    }
}

static bool is_one_piece(const struct atrous__stretch *taken, size_t extent)
{
    return (taken->step == 1 || taken->count == 1) && taken->first >= 0 &&
           (size_t)taken->first + taken->count <= extent;
}

static void copy_box(const struct atrous__box *box, void *whole, void *part, bool is_back)
{
    struct copy copy = {.box = box, .run = ATROUS__BOX_AXES, .is_back = is_back};
    size_t whole_step = box->element, part_step = box->element;
    bool is_full = true; /* everything behind is taken */
    for (int i = ATROUS__BOX_AXES; i-- > 0;) {
        const struct atrous__stretch *taken = &box->taken[i];
        copy.whole_step[i] = whole_step;
        copy.part_step[i] = part_step;
        whole_step *= box->extent[i];
        part_step *= taken->count;
        if (is_full && is_one_piece(taken, box->extent[i]))
            copy.run = i;
        is_full = is_full && copy.run == i && taken->count == box->extent[i];
    }
    copy_axis(&copy, 0, whole, part);
}

void atrous__box_take(const struct atrous__box *box, const void *whole, void *part)
{
    copy_box(box, (void *)(uintptr_t)whole, part, false);
}

void atrous__box_put(const struct atrous__box *box, void *whole, const void *part)
{
    copy_box(box, whole, (void *)(uintptr_t)part, true);
}
