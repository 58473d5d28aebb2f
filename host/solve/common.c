/* What solvers share on the host: argument lists and limits. */
#include "solve/solver.h"

#include <math.h>

/* As in kernels/layout.clh. */
enum { FLAG_BIAS = 1, FLAG_INPUT_NHWC = 2, FLAG_OUTPUT_NHWC = 4, FLAG_SCALE = 8 };

void atrous__launch_add(struct atrous__launch *launch, struct atrous__arg arg)
{
    if (launch->arg_count < ATROUS__MAX_ARGS)
        launch->args[launch->arg_count++] = arg;
}

const char *atrous__type_option(const struct atrous__problem *problem)
{
    static const char *const options[] = {"-DTYPE=0", "-DTYPE=1", "-DTYPE=2", "-DTYPE=3"};
    static const char *const sums[] = {"-DTYPE=0", "-DTYPE=1 -DFLOAT_SUMS", "-DTYPE=2 -DFLOAT_SUMS",
                                       "-DTYPE=3 -DFLOAT_SUMS"};
    if (problem->has_whole_sums)
        return "-DTYPE=3 -DFLOAT_SUMS -DWHOLE_SUMS";
    return (problem->has_float_sums ? sums : options)[problem->conv.type];
}

const char *atrous__sums_option(const struct atrous__problem *problem)
{
    if (!problem->sums_in_half)
        return atrous__type_option(problem);
    return problem->has_float_sums ? "-DTYPE=1 -DFLOAT_SUMS -DNATIVE_HALF"
                                   : "-DTYPE=1 -DNATIVE_HALF";
}

/* Whether half has the value: 11 bits, the least of them no less than 2^-24. */
static bool is_half(double value)
{
    int exponent = 0;
    frexp(value, &exponent);
    return fabs(value) < 65536.0 &&
           fmod(value, ldexp(1.0, exponent > -13 ? exponent - 11 : -24)) == 0.0;
}

bool atrous__sums_in_half(const struct atrous__problem *p, const struct atrous__device *device)
{
    return p->conv.type == ATROUS_TYPE_F16 && p->conv.native_half != 0 && device->has_half &&
           p->form != ATROUS__GRADIENT && is_half((double)atrous__pad_value(p));
}

bool atrous__is_plain(const struct atrous__problem *problem)
{
    const atrous_conv *conv = &problem->conv;
    return conv->activation == ATROUS_ACTIVATION_NONE && conv->residual == ATROUS_RESIDUAL_NONE &&
           conv->alpha == 1 && conv->beta == 0;
}

static struct atrous__arg axes(const struct atrous__problem *p, size_t field, size_t more)
{
    size_t value[ATROUS__AXES];
    for (int i = 0; i < ATROUS__AXES; ++i)
        value[i] = *(const size_t *)((const char *)&p->axis[i] + field);
    return atrous__arg_int4(value[0], value[1], value[2], more);
}

size_t atrous__layout_flags(const struct atrous__problem *p)
{
    return (p->conv.has_bias ? FLAG_BIAS : 0) | (p->conv.channel_scale ? FLAG_SCALE : 0) |
           (p->conv.input_layout == ATROUS_LAYOUT_NHWC ? FLAG_INPUT_NHWC : 0) |
           (p->conv.output_layout == ATROUS_LAYOUT_NHWC ? FLAG_OUTPUT_NHWC : 0);
}

void atrous__launch_add_geometry(struct atrous__launch *launch, const struct atrous__problem *p)
{
    const struct atrous__axis *axis = p->axis;
    const size_t mode = (size_t)p->conv.padding;
    const size_t flags = atrous__layout_flags(p);
    const struct atrous__arg args[] = {
        axes(p, offsetof(struct atrous__axis, in), p->channels),
        axes(p, offsetof(struct atrous__axis, out), p->filters),
        axes(p, offsetof(struct atrous__axis, kernel), p->groups),
        axes(p, offsetof(struct atrous__axis, stride), p->batch),
        axes(p, offsetof(struct atrous__axis, dilation), mode),
        /* Less than 0 where there is a crop. */
        atrous__arg_int4(axis[0].pad - axis[0].crop, axis[1].pad - axis[1].crop,
                         axis[2].pad - axis[2].crop, flags),
        atrous__arg_float(atrous__pad_value(p)),
        atrous__arg_int4((size_t)p->conv.activation, (size_t)p->conv.residual, 0, 0),
        atrous__arg_float4(p->conv.activation_low, p->conv.activation_high, p->conv.alpha,
                           p->conv.beta),
    };
    for (size_t i = 0; i < sizeof args / sizeof *args; ++i)
        atrous__launch_add(launch, args[i]);
    launch->stored = atrous__type_bytes(p->conv.type);
}

void atrous__launch_add_tensors(struct atrous__launch *launch, struct atrous__arg first)
{
    atrous__launch_add(launch, first);
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__WEIGHTS));
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__BIAS));
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__SCALE));
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__RESIDUAL));
    atrous__launch_add(launch, atrous__arg_tensor(ATROUS__OUTPUT));
}

void atrous__launch_add_problem(struct atrous__launch *launch, const struct atrous__problem *p)
{
    atrous__launch_add_tensors(launch, atrous__arg_tensor(ATROUS__INPUT));
    atrous__launch_add_geometry(launch, p);
}

struct atrous__launch *atrous__job_add(struct atrous__job *job, size_t groups)
{
    struct atrous__launch *launch = &job->launch[job->launch_count++];
    *launch = (struct atrous__launch){.dims = 1, .global = {groups}, .local = {1}};
    return launch;
}

const char *atrous__refuse_wide(const struct atrous__problem *p)
{
    const size_t widest = ATROUS__WIDEST;
    for (int i = 0; i < ATROUS__AXES; ++i) {
        const struct atrous__axis *a = &p->axis[i];
        const double reach = (double)(a->kernel - 1) * (double)a->dilation;
        if (a->in + a->pad + a->pad_end > widest || a->out > widest || a->dilation > widest ||
            a->stride > widest || a->spread > widest || a->crop > widest || reach > (double)widest)
            return "an axis, with its padding, or a step along it exceeds 2^29";
    }
    /* So that no size of a tile overflows: a patch holds no more than some rows of this. */
    double positions = 1;
    for (int i = 0; i < ATROUS__AXES; ++i)
        positions *= (double)(p->axis[i].in + p->axis[i].pad + p->axis[i].pad_end);
    if (positions > 0x1p44)
        return "the padded input of a channel exceeds 2^44 positions";
    if (p->taps > widest || p->conv.in_channels > widest || p->conv.out_channels > widest ||
        p->batch > widest)
        return "the taps, the channels or the batch exceed 2^29";
    return NULL;
}

size_t atrous__no_workspace(const struct atrous__problem *problem,
                            const struct atrous__device *device)
{
    (void)problem;
    (void)device;
    return 0;
}

const char *atrous__refuse_cpu_class(const struct atrous__problem *problem,
                                     const struct atrous__device *device)
{
    const char *wide = atrous__refuse_wide(problem);
    if (wide != NULL)
        return wide;
    return device->is_cpu_class
               ? NULL
               : "the device has local memory of its own: made for those where it is cache";
}

const char *atrous__refuse_minimal(const struct atrous__problem *p,
                                   const struct atrous__device *device, const char *geometry)
{
    enum { LEAST_CHANNELS = 16 };
    const char *wide = atrous__refuse_cpu_class(p, device);
    if (wide != NULL)
        return wide;
    if (p->conv.math == ATROUS_MATH_STRICT)
        return "strict math asks for direct summation";
    if (geometry != NULL)
        return geometry;
    return p->channels < LEAST_CHANNELS || p->filters < LEAST_CHANNELS
               ? "with fewer than 16 channels or filters of a group the transforms outweigh the "
                 "products"
               : NULL;
}

size_t atrous__gate_lanes(const struct atrous__problem *p, size_t lanes)
{
    return p->conv.activation == ATROUS_ACTIVATION_GATED ? lanes : 0;
}

double atrous__registers_cost(const struct atrous__registers *kind, size_t vector, size_t filters)
{
    const size_t block = vector * kind->vectors;
    return (double)atrous__round_up(filters, block) / (double)filters * kind->cost;
}

const struct atrous__registers *atrous__registers_choose(const struct atrous__registers *kinds,
                                                         size_t count, size_t vector,
                                                         size_t filters)
{
    const struct atrous__registers *best = kinds;
    for (size_t i = 1; i < count; ++i)
        if (atrous__registers_cost(&kinds[i], vector, filters) <
            atrous__registers_cost(best, vector, filters))
            best = &kinds[i];
    return best;
}

double atrous__vector_macs_per_ms(const struct atrous__device *device)
{
    return 5.6e6 * (double)device->vector * (double)device->compute_units;
}

void atrous__probe_square(atrous_conv *conv, size_t channels, size_t filters)
{
    atrous_conv_init(conv, 2, sizeof *conv);
    conv->in_channels = channels;
    conv->out_channels = filters;
    conv->has_bias = 1;
    for (int i = 0; i < 2; ++i) {
        conv->input[i] = 11 + 3 * (size_t)i;
        conv->kernel[i] = 3;
        conv->dilation[i] = 2;
        conv->pad_begin[i] = conv->pad_end[i] = 2;
    }
}
