/* A small OpenCL application with one convolution in it, as a user of the library writes it. */
#ifndef ATROUS_TESTS_APP_H
#define ATROUS_TESTS_APP_H

#include <atrous/opencl.h>

#include "data.h"

struct app {
    cl_device_id device;
    cl_context cl;
    cl_command_queue queue;
    atrous_context *context; /* borrows `cl` */
    atrous_plan *plan;
    atrous_plan_info info;
    struct data data;
    cl_mem x, w, bias, y, packed, workspace;
    atrous_bindings bindings; /* all in place, weights packed */
};

/* A context of its own, buffers whose tensors start `leads` alignment units in, packed weights.
 * `solver` NULL lets the library choose. */
struct app app_open(const char *solver, size_t leads, cl_command_queue_properties properties);
/* Whether the solver has forward problems at all, and so app_open() one for it. */
bool app_takes(const char *solver);
/* Another problem, plan, queue and buffers on the same contexts. */
struct app app_beside(const struct app *first);
void app_close(struct app *app);

/* Fills the output with NaN. */
void app_poison(struct app *app);
void app_enqueue(struct app *app, cl_uint num_waits, const cl_event *waits, cl_event *done);
/* Reads the output, after `done` where given, and compares it with the oracle's. */
void app_expect_right(struct app *app, const cl_event *done);

/* OpenCL calls that fail the test when they fail. */
cl_context app_context(cl_device_id device);
cl_command_queue app_queue(cl_context cl, cl_device_id device,
                           cl_command_queue_properties properties);
cl_mem app_buffer(cl_context cl, size_t size);
void app_write(cl_command_queue queue, cl_mem mem, size_t offset, const void *from, size_t size);

#endif
