/* Turns a problem into axes and strides for the loops of the CPU path. */
#include "cpu/view.h"

static bool does_nothing(const struct atrous__axis *axis)
{
    return axis->in == 1 && axis->out == 1 && axis->kernel == 1;
}

static struct atrous__strides strides_of(atrous_layout layout, size_t channels, size_t plane)
{
    return layout == ATROUS_LAYOUT_NHWC ? (struct atrous__strides){channels * plane, 1, channels}
                                        : (struct atrous__strides){channels * plane, plane, 1};
}

struct atrous__view atrous__view_make(const struct atrous__problem *problem)
{
    const atrous_conv *conv = &problem->conv;
    struct atrous__view view = {
        .problem = problem,
        .axis = {problem->axis[ATROUS__D], problem->axis[ATROUS__H], problem->axis[ATROUS__W]},
        .in = strides_of(conv->input_layout, conv->in_channels, problem->in_plane),
        .out = strides_of(conv->output_layout, conv->out_channels, problem->out_plane),
        .pad_value = atrous__pad_value(problem),
        .repeats =
            conv->padding != ATROUS_PADDING_ZEROS && conv->padding != ATROUS_PADDING_CONSTANT,
        .skip_padding = conv->padding == ATROUS_PADDING_ZEROS,
    };
    for (; view.turns < ATROUS__AXES - 1 && does_nothing(&view.axis[ATROUS__W]); ++view.turns) {
        const struct atrous__axis nothing = view.axis[ATROUS__W];
        view.axis[ATROUS__W] = view.axis[ATROUS__H];
        view.axis[ATROUS__H] = view.axis[ATROUS__D];
        view.axis[ATROUS__D] = nothing;
    }
    return view;
}

ptrdiff_t atrous__meet(const struct atrous__axis *axis, size_t out, size_t tap)
{
    return (ptrdiff_t)(out * axis->stride + tap * axis->dilation + axis->crop) -
           (ptrdiff_t)axis->pad;
}

ptrdiff_t atrous__source(const struct atrous__view *view, int axis, size_t out, size_t tap)
{
    const struct atrous__axis *a = &view->axis[axis];
    ptrdiff_t at = atrous__meet(a, out, tap);
    if (a->spread > 1) {
        const ptrdiff_t spread = (ptrdiff_t)a->spread;
        at = at % spread == 0 ? at / spread : -1;
    }
    return atrous__pad_index(at, a->in, view->problem->conv.padding);
}

void atrous__inside(ptrdiff_t first, size_t step, size_t extent, size_t count, size_t *begin,
                    size_t *end)
{
    const size_t before = first < 0 ? atrous__ceil_div((size_t)-first, step) : 0;
    const ptrdiff_t room = (ptrdiff_t)extent - first;
    const size_t stop = room > 0 ? atrous__ceil_div((size_t)room, step) : 0;
    *end = atrous__min(stop, count);
    *begin = atrous__min(before, *end);
}
