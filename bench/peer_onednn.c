/* The oneDNN peer: forward convolution by its C API, version 2. */
#include "contender.h"

#include <stdint.h>
#include <stdlib.h>

#include "failure.h"
#include "onednn_memory.h"

enum { SOURCE, WEIGHTS, DESTINATION, TENSORS };

struct onednn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_desc_t description;
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
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, peer->memory[SOURCE]},
                                         {DNNL_ARG_WEIGHTS, peer->memory[WEIGHTS]},
                                         {DNNL_ARG_DST, peer->memory[DESTINATION]}};
    (void)device_ms;
    for (size_t i = 0; i < count; ++i)
        if (!good(dnnl_primitive_execute(peer->primitive, peer->stream, TENSORS, arguments),
                  "execute", error))
            return false;
    return good(dnnl_stream_wait(peer->stream), "wait", error);
}

static bool onednn_read(void *state, void *output, size_t bytes, atrous_error *error)
{
    struct onednn *peer = state;
    if (bytes != dnnl_memory_desc_get_size(&peer->plain[DESTINATION]))
        return bench_fail(error, ATROUS_INVALID_ARGUMENT, "outputs differ in size");
    return reorder(peer, DESTINATION, output, true, error);
}

static void onednn_close(void *state)
{
    struct onednn *peer = state;
    for (int i = 0; i < TENSORS; ++i)
        dnnl_memory_destroy(peer->memory[i]);
    dnnl_primitive_destroy(peer->primitive);
    dnnl_primitive_desc_destroy(peer->description);
    dnnl_stream_destroy(peer->stream);
    dnnl_engine_destroy(peer->engine);
    free(peer);
}

static bool describe(struct onednn *peer, const struct onednn_shape *shape, bool plain, bool strict,
                     atrous_error *error)
{
    const int dims = shape->rank + 2;
    const dnnl_format_tag_t any = dnnl_format_tag_any;
    const dnnl_alg_kind_t method = strict ? dnnl_convolution_direct : dnnl_convolution_auto;
    dnnl_memory_desc_t source, weights, destination;
    dnnl_convolution_desc_t convolution;
    return good(dnnl_memory_desc_init_by_tag(&peer->plain[SOURCE], dims, shape->source, dnnl_f32,
                                             shape->source_tag),
                "source", error) &&
           good(dnnl_memory_desc_init_by_tag(&peer->plain[WEIGHTS], shape->weights_dims,
                                             shape->weights, dnnl_f32, shape->weights_tag),
                "weights", error) &&
           good(dnnl_memory_desc_init_by_tag(&peer->plain[DESTINATION], dims, shape->destination,
                                             dnnl_f32, shape->destination_tag),
                "destination", error) &&
           good(dnnl_memory_desc_init_by_tag(&source, dims, shape->source, dnnl_f32,
                                             plain ? shape->source_tag : any),
                "source", error) &&
           good(dnnl_memory_desc_init_by_tag(&weights, shape->weights_dims, shape->weights,
                                             dnnl_f32, plain ? shape->plain_weights : any),
                "weights", error) &&
           good(dnnl_memory_desc_init_by_tag(&destination, dims, shape->destination, dnnl_f32,
                                             plain ? shape->destination_tag : any),
                "destination", error) &&
           good(dnnl_dilated_convolution_forward_desc_init(
                    &convolution, dnnl_forward_inference, method, &source, &weights, NULL,
                    &destination, shape->stride, shape->dilation, shape->pad_begin, shape->pad_end),
                "describing the convolution", error) &&
           good(dnnl_primitive_desc_create(&peer->description, &convolution, NULL, peer->engine,
                                           NULL),
                "choosing an implementation", error);
}

static bool make_memories(struct onednn *peer, atrous_error *error)
{
    static const dnnl_query_t queries[TENSORS] = {dnnl_query_src_md, dnnl_query_weights_md,
                                                  dnnl_query_dst_md};
    for (int i = 0; i < TENSORS; ++i)
        if (!good(dnnl_memory_create(&peer->memory[i],
                                     dnnl_primitive_desc_query_md(peer->description, queries[i], 0),
                                     peer->engine, DNNL_MEMORY_ALLOCATE),
                  "memory", error))
            return false;
    return true;
}

/* Why the peer does not compute this problem, or NULL. */
static const char *refusal(const atrous_conv *conv)
{
    if (conv->direction != ATROUS_FORWARD)
        return "only the forward direction is compared with oneDNN";
    if (conv->type != ATROUS_TYPE_F32)
        return "only f32 is compared with oneDNN";
    if (conv->padding != ATROUS_PADDING_ZEROS)
        return "oneDNN pads with zeros only";
    return NULL;
}

bool contender_onednn(const atrous_conv *conv, const size_t *output_extents, bool plain,
                      const atrous_arrays *arrays, struct contender *out, atrous_error *error)
{
    struct onednn_shape shape;
    const char *reason = refusal(conv);
    if (reason != NULL)
        return bench_fail(error, ATROUS_UNSUPPORTED, "%s", reason);
    struct onednn *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return bench_fail(error, ATROUS_OUT_OF_HOST_MEMORY, "out of memory");
    onednn_shape(conv, output_extents, &shape);
    /* A reorder only reads its source; the API has no const for it. */
    if (!good(dnnl_engine_create(&peer->engine, dnnl_cpu, 0), "engine", error) ||
        !good(dnnl_stream_create(&peer->stream, peer->engine, dnnl_stream_default_flags), "stream",
              error) ||
        !describe(peer, &shape, plain, conv->math == ATROUS_MATH_STRICT, error) ||
        !good(dnnl_primitive_create(&peer->primitive, peer->description), "primitive", error) ||
        !make_memories(peer, error) ||
        !reorder(peer, SOURCE, (void *)(uintptr_t)arrays->input, false, error) ||
        !reorder(peer, WEIGHTS, (void *)(uintptr_t)arrays->weights, false, error)) {
        onednn_close(peer);
        return false;
    }
    *out = (struct contender){peer, onednn_run, onednn_read, onednn_close};
    return true;
}
