/**
 * @file atrous.h
 * Dilated (a trous) convolution: all that needs no OpenCL, in five headers.
 *
 *     status.h    what a call says of how it went
 *     context.h   devices, and contexts on them or on the CPU path
 *     conv.h      the problem: atrous_conv
 *     plan.h      a problem made ready for a device, and run on host arrays
 *     check.h     the cross-check, and the error bounds
 *
 * What takes an OpenCL object is in opencl.h; stacks of layers, receptive fields and the starlet
 * transform are in stack.h, field.h and starlet.h.
 *
 * Lifecycle: atrous_context_create() -> atrous_conv_init(), fill in, ->
 * atrous_plan_create() -> atrous_plan_run() any number of times ->
 * atrous_plan_destroy() -> atrous_context_destroy().
 *
 * Every call that can fail returns an atrous_status and takes an optional,
 * caller-owned atrous_error that is filled in words on failure and cleared on success.
 * Nothing here prints, aborts or exits.
 */
#ifndef ATROUS_ATROUS_H
#define ATROUS_ATROUS_H

#include <atrous/check.h>
#include <atrous/context.h>
#include <atrous/conv.h>
#include <atrous/plan.h>
#include <atrous/status.h>

#endif
