/* The oneDNN peer: convolution in every direction by its C API, version 2. */
#include "contender.h"

#include <stdint.h>
#include <stdlib.h>

#include "failure.h"
#include "onednn_memory.h"

/* The tensors of the forward problem, whichever of them is computed. */
enum { SOURCE, WEIGHTS, DESTINATION, TENSORS };

/* How oneDNN names a direction's tensors in execution and in queries, and the one computed. */
struct roles {
    int output;
    int argument[TENSORS];
    dnnl_query_t query[TENSORS];
};
static const struct roles roles_of[] = {
    [ATROUS_FORWARD] = {DESTINATION,
                        {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
                        {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md}},
    [ATROUS_TRANSPOSED] = {DESTINATION,
                           {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
                           {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md}},
    [ATROUS_BACKWARD_DATA] = {SOURCE,
                              {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
                              {dnnl_query_diff_src_md, dnnl_query_weights_md,
                               dnnl_query_diff_dst_md}},
    [ATROUS_BACKWARD_WEIGHTS] = {WEIGHTS,
                                 {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST},
                                 {dnnl_query_src_md, dnnl_query_diff_weights_md,
                                  dnnl_query_diff_dst_md}},
};

struct onednn {
    const struct roles *roles;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_desc_t description, hint; /* a gradient is chosen with a forward one at hand */
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t plain[TENSORS]; /* as the row's host arrays lie */
    dnnl_memory_t memory[TENSORS];     /* as the primitive wants them */
};

bool contender_onednn_exists(void)
{
    return true;
}

static bool good(dnnl_status_t status, const char *what, atrous_error *error)
{
    if (status == dnnl_success)
        return true;
    return bench_fail(error, ATROUS_UNSUPPORTED, "oneDNN: %s failed with status %d", what,
                      (int)status);
}

/* Copies between `host`, laid out as plain[which], and memory[which]. */
static bool reorder(struct onednn *peer, int which, void *host, bool to_host, atrous_error *error)
{
    dnnl_memory_t outer = NULL;
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t primitive = NULL;
    const dnnl_memory_desc_t *inner = NULL;
    bool done = good(dnnl_memory_create(&outer, &peer->plain[which], peer->engine, host), "memory",
                     error) &&
                good(dnnl_memory_get_memory_desc(peer->memory[which], &inner), "memory", error);
    done = done &&
           good(dnnl_reorder_primitive_desc_create(
                    &description, to_host ? inner : &peer->plain[which], peer->engine,
                    to_host ? &peer->plain[which] : inner, peer->engine, NULL),
                "reorder", error) &&
           good(dnnl_primitive_create(&primitive, description), "reorder", error);
    if (done) {
        const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, to_host ? peer->memory[which] : outer},
                                             {DNNL_ARG_TO, to_host ? outer : peer->memory[which]}};
        done =
            good(dnnl_primitive_execute(primitive, peer->stream, 2, arguments), "reorder", error) &&
            good(dnnl_stream_wait(peer->stream), "reorder", error);
    }
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(description);
    dnnl_memory_destroy(outer);
    return done;
}

static bool onednn_run(void *state, size_t count, double *device_ms, atrous_error *error)
{
    struct onednn *peer = state;
    dnnl_exec_arg_t arguments[TENSORS];
    (void)device_ms;
    for (int i = 0; i < TENSORS; ++i)
        arguments[i] = (dnnl_exec_arg_t){peer->roles->argument[i], peer->memory[i]};
    for (size_t i = 0; i < count; ++i)
        if (!good(dnnl_primitive_execute(peer->primitive, peer->stream, TENSORS, arguments),
                  "execute", error))
            return false;
    return good(dnnl_stream_wait(peer->stream), "wait", error);
}

static bool onednn_read(void *state, void *output, size_t bytes, atrous_error *error)
{
    struct onednn *peer = state;
    const int which = peer->roles->output;
    if (bytes != dnnl_memory_desc_get_size(&peer->plain[which]))
        return bench_fail(error, ATROUS_INVALID_ARGUMENT, "outputs differ in size");
    return reorder(peer, which, output, true, error);
}

static void onednn_close(void *state)
{
    struct onednn *peer = state;
    for (int i = 0; i < TENSORS; ++i)
        dnnl_memory_destroy(peer->memory[i]);
    dnnl_primitive_destroy(peer->primitive);
    dnnl_primitive_desc_destroy(peer->description);
    dnnl_primitive_desc_destroy(peer->hint);
    dnnl_stream_destroy(peer->stream);
    dnnl_engine_destroy(peer->engine);
    free(peer);
}

/* A tensor as the row's array lies, and as the primitive may have it. */
static bool describe_tensor(struct onednn *peer, int which, int dims, const dnnl_dims_t extents,
                            dnnl_format_tag_t outer, dnnl_format_tag_t inner,
                            dnnl_memory_desc_t *tensor, atrous_error *error)
{
    return good(dnnl_memory_desc_init_by_tag(&peer->plain[which], dims, extents, dnnl_f32, outer),
                "memory", error) &&
           good(dnnl_memory_desc_init_by_tag(tensor, dims, extents, dnnl_f32, inner), "memory",
                error);
}

static bool choose(struct onednn *peer, const_dnnl_op_desc_t operation,
                   dnnl_primitive_desc_t *description, atrous_error *error)
{
    return good(dnnl_primitive_desc_create(description, operation, NULL, peer->engine, peer->hint),
                "choosing an implementation", error);
}

static bool choose_transposed(struct onednn *peer, const struct onednn_shape *s,
                              const dnnl_memory_desc_t *t, atrous_error *error)
{
    dnnl_deconvolution_desc_t operation;
    return good(dnnl_dilated_deconvolution_forward_desc_init(
                    &operation, dnnl_forward_inference, dnnl_deconvolution_direct, &t[SOURCE],
                    &t[WEIGHTS], NULL, &t[DESTINATION], s->stride, s->dilation, s->pad_begin,
                    s->pad_end),
                "describing the deconvolution", error) &&
           choose(peer, &operation, &peer->description, error);
}

/* Winograd may be chosen unless `strict`. */
static bool choose_convolution(struct onednn *peer, const struct onednn_shape *s,
                               const dnnl_memory_desc_t *t, atrous_direction direction, bool strict,
                               atrous_error *error)
{
    const dnnl_alg_kind_t method = strict ? dnnl_convolution_direct : dnnl_convolution_auto;
    const bool is_forward = direction == ATROUS_FORWARD;
    dnnl_convolution_desc_t operation;
    if (!good(dnnl_dilated_convolution_forward_desc_init(
                  &operation, is_forward ? dnnl_forward_inference : dnnl_forward_training, method,
                  &t[SOURCE], &t[WEIGHTS], NULL, &t[DESTINATION], s->stride, s->dilation,
                  s->pad_begin, s->pad_end),
              "describing the convolution", error) ||
        !choose(peer, &operation, is_forward ? &peer->description : &peer->hint, error))
        return false;
    if (is_forward)
        return true;
    const dnnl_status_t described =
        direction == ATROUS_BACKWARD_DATA
            ? dnnl_dilated_convolution_backward_data_desc_init(
                  &operation, method, &t[SOURCE], &t[WEIGHTS], &t[DESTINATION], s->stride,
                  s->dilation, s->pad_begin, s->pad_end)
            : dnnl_dilated_convolution_backward_weights_desc_init(
                  &operation, method, &t[SOURCE], &t[WEIGHTS], NULL, &t[DESTINATION], s->stride,
                  s->dilation, s->pad_begin, s->pad_end);
    return good(described, "describing the gradient", error) &&
           choose(peer, &operation, &peer->description, error);
}

static bool describe(struct onednn *peer, const struct onednn_shape *shape, bool plain,
                     const atrous_conv *conv, atrous_error *error)
{
    const int dims = shape->rank + 2;
    const dnnl_format_tag_t any = dnnl_format_tag_any;
    dnnl_memory_desc_t t[TENSORS];
    if (!describe_tensor(peer, SOURCE, dims, shape->source, shape->source_tag,
                         plain ? shape->source_tag : any, &t[SOURCE], error) ||
        !describe_tensor(peer, WEIGHTS, shape->weights_dims, shape->weights, shape->weights_tag,
                         plain ? shape->plain_weights : any, &t[WEIGHTS], error) ||
        !describe_tensor(peer, DESTINATION, dims, shape->destination, shape->destination_tag,
                         plain ? shape->destination_tag : any, &t[DESTINATION], error))
        return false;
    if (conv->direction == ATROUS_TRANSPOSED)
        return choose_transposed(peer, shape, t, error);
    return choose_convolution(peer, shape, t, conv->direction, conv->math == ATROUS_MATH_STRICT,
                              error);
}

static bool make_memories(struct onednn *peer, atrous_error *error)
{
    for (int i = 0; i < TENSORS; ++i)
        if (!good(dnnl_memory_create(
                      &peer->memory[i],
                      dnnl_primitive_desc_query_md(peer->description, peer->roles->query[i], 0),
                      peer->engine, DNNL_MEMORY_ALLOCATE),
                  "memory", error))
            return false;
    return true;
}

/* Fills the tensors that the direction reads; the interface calls the first of them its input. */
static bool fill_memories(struct onednn *peer, const atrous_conv *conv, const atrous_arrays *arrays,
                          atrous_error *error)
{
    const bool is_data = conv->direction == ATROUS_BACKWARD_DATA;
    const void *host[TENSORS] = {is_data ? NULL : arrays->input, arrays->weights,
                                 is_data ? arrays->input : arrays->grad_output};
    for (int i = 0; i < TENSORS; ++i)
        /* A reorder only reads its source; the API has no const for it. */
        if (i != peer->roles->output && !reorder(peer, i, (void *)(uintptr_t)host[i], false, error))
            return false;
    return true;
}

/* Why the peer does not compute this problem, or NULL. */
static const char *refusal(const atrous_conv *conv)
{
    if (conv->type != ATROUS_TYPE_F32)
        return "only f32 is compared with oneDNN";
    if (conv->padding != ATROUS_PADDING_ZEROS)
        return "oneDNN pads with zeros only";
    return NULL;
}

bool contender_onednn(const atrous_conv *conv, bool plain, const atrous_arrays *arrays,
                      struct contender *out, atrous_error *error)
{
    struct onednn_shape shape;
    const char *reason = refusal(conv);
    if (reason != NULL)
        return bench_fail(error, ATROUS_UNSUPPORTED, "%s", reason);
    struct onednn *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return bench_fail(error, ATROUS_OUT_OF_HOST_MEMORY, "out of memory");
    peer->roles = &roles_of[conv->direction];
    if (!onednn_shape(conv, &shape, error) ||
        !good(dnnl_engine_create(&peer->engine, dnnl_cpu, 0), "engine", error) ||
        !good(dnnl_stream_create(&peer->stream, peer->engine, dnnl_stream_default_flags), "stream",
              error) ||
        !describe(peer, &shape, plain, conv, error) ||
        !good(dnnl_primitive_create(&peer->primitive, peer->description), "primitive", error) ||
        !make_memories(peer, error) || !fill_memories(peer, conv, arrays, error)) {
        onednn_close(peer);
        return false;
    }
    *out = (struct contender){peer, onednn_run, onednn_read, onednn_close};
    return true;
}
