/* filter: few channels and filters a group, as images have; bound by memory. */
#include "solve/planes.h"

enum { MOST = 4 }; /* channels, and filters, of a group */

static const char *refuse(const struct atrous__problem *problem,
                          const struct atrous__device *device)
{
    const char *wide = atrous__refuse_cpu_class(problem, device);
    if (wide != NULL)
        return wide;
    if (problem->channels > MOST || problem->filters > MOST)
        return "made for at most 4 channels and 4 filters a group";
    return atrous__planes_refuse(problem, device);
}

static void probe(atrous_conv *conv)
{
    atrous_conv_init(conv, 2, sizeof *conv);
    conv->in_channels = 2;
    conv->out_channels = 1;
    conv->has_bias = 1;
    conv->input[0] = 13;
    conv->input[1] = 37;
    for (int i = 0; i < 2; ++i) {
        conv->kernel[i] = 3;
        conv->dilation[i] = 2;
        conv->pad_begin[i] = conv->pad_end[i] = 2;
    }
}

const struct atrous__solver atrous__filter = {.name = "filter",
                                              .types = ATROUS__TYPES_FLOAT,
                                              .refuse = refuse,
                                              .estimate = atrous__planes_estimate,
                                              .bound_terms = atrous__direct_terms,
                                              .workspace = atrous__no_workspace,
                                              .build = atrous__planes_build,
                                              .probe = probe};
