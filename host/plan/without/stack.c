/* Stacks and streams in a build without OpenCL: all run on the CPU path, so nothing gets here. */
#include "plan/stream.h"

atrous_status atrous__backend_stack_run(atrous_stack *stack, const atrous_stack_arrays *arrays,
                                        atrous_error *error)
{
    (void)stack;
    (void)arrays;
    return atrous__fail(error, ATROUS_UNSUPPORTED, "stack", "this build has no OpenCL");
}

atrous_status atrous__stream_open_device(atrous_stream *stream, const atrous_layer *layers,
                                         const atrous_layer_weights *weights, bool *fell_back,
                                         atrous_error *error)
{
    (void)stream;
    (void)layers;
    (void)weights;
    *fell_back = false;
    return atrous__fail(error, ATROUS_UNSUPPORTED, "stream", "this build has no OpenCL");
}
