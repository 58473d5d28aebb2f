/* Flags whose value is one of a few words, some with numbers after a colon. */
#include "choices.h"

#include <stdio.h>
#include <string.h>

/* The index of `value` among `count` words; a refusal lists them. */
static int choose(const char *flag, const char *value, const char *const *words, size_t count,
                  size_t *chosen, struct cli_failure *failure)
{
    char list[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < count; ++i) {
        if (strcmp(value, words[i]) == 0) {
            *chosen = i;
            return CLI_DONE;
        }
        const int added = snprintf(list + used, sizeof list - used, "%s%s",
                                   i == 0           ? ""
                                   : i + 1 == count ? " or "
                                                    : ", ",
                                   words[i]);
        used += added > 0 && (size_t)added < sizeof list - used ? (size_t)added : 0;
    }
    return cli_fail(failure, CLI_USAGE, "%s: is '%s', must be %s", flag, value, list);
}

#define CHOOSE(words, chosen) \
    choose(flag, value, words, sizeof words / sizeof words[0], chosen, failure)

int cli_set_pad(struct cli_options *options, const char *flag, const char *value,
                struct cli_failure *failure)
{
    /* In the order of atrous_pad_rule. */
    static const char *const rules[] = {"valid", "same", "same-lower", "causal"};
    options->pad_given = true;
    options->pad_by_rule = value[0] < '0' || value[0] > '9';
    if (!options->pad_by_rule)
        return cli_parse_list(flag, value, &options->pad, failure);
    if (value[0] == '-')
        return cli_fail(failure, CLI_USAGE, "%s: is %s, must not be negative", flag, value);

    size_t rule = 0;
    const int code = CHOOSE(rules, &rule);
    options->pad_rule = (atrous_pad_rule)rule;
    options->pad.count = 0;
    return code;
}

int cli_set_pad_begin(struct cli_options *options, const char *flag, const char *value,
                      struct cli_failure *failure)
{
    options->pad_given = true;
    return cli_parse_list(flag, value, &options->pad_begin, failure);
}

int cli_set_pad_end(struct cli_options *options, const char *flag, const char *value,
                    struct cli_failure *failure)
{
    options->pad_given = true;
    return cli_parse_list(flag, value, &options->pad_end, failure);
}

int cli_set_pad_mode(struct cli_options *options, const char *flag, const char *value,
                     struct cli_failure *failure)
{
    /* In the order of atrous_padding. */
    static const char *const modes[] = {"zeros", "constant:V", "replicate", "reflect", "circular"};
    static const char constant[] = "constant:";
    options->pad_mode_given = true;
    if (strncmp(value, constant, sizeof constant - 1) == 0) {
        options->base.padding = ATROUS_PADDING_CONSTANT;
        return cli_parse_double(flag, value + sizeof constant - 1, &options->base.pad_value,
                                failure);
    }
    size_t mode = 0;
    const int code = CHOOSE(modes, &mode);
    options->base.padding = (atrous_padding)mode;
    options->base.pad_value = 0;
    return code;
}

static int choose_layout(const char *flag, const char *value, atrous_layout *layout,
                         struct cli_failure *failure)
{
    static const char *const layouts[] = {"nchw", "nhwc"};
    size_t chosen = 0;
    const int code = CHOOSE(layouts, &chosen);
    *layout = (atrous_layout)chosen;
    return code;
}

int cli_set_layout(struct cli_options *options, const char *flag, const char *value,
                   struct cli_failure *failure)
{
    const int code = choose_layout(flag, value, &options->base.input_layout, failure);
    if (!options->output_layout_given)
        options->base.output_layout = options->base.input_layout;
    return code;
}

int cli_set_output_layout(struct cli_options *options, const char *flag, const char *value,
                          struct cli_failure *failure)
{
    options->output_layout_given = true;
    return choose_layout(flag, value, &options->base.output_layout, failure);
}

int cli_set_type(struct cli_options *options, const char *flag, const char *value,
                 struct cli_failure *failure)
{
    static const char *const types[] = {"f32", "f16", "bf16", "i8"};
    size_t type = 0;
    const int code = CHOOSE(types, &type);
    options->base.type = (atrous_type)type;
    return code;
}

int cli_set_math(struct cli_options *options, const char *flag, const char *value,
                 struct cli_failure *failure)
{
    static const char *const modes[] = {"default", "strict"};
    size_t mode = 0;
    const int code = CHOOSE(modes, &mode);
    options->base.math = (atrous_math)mode;
    return code;
}

/* LO:HI of clamp. */
static int parse_range(const char *flag, const char *text, atrous_conv *conv,
                       struct cli_failure *failure)
{
    char low[64];
    const size_t length = strcspn(text, ":");
    if (text[length] != ':' || length >= sizeof low)
        return cli_fail(failure, CLI_USAGE, "%s: is 'clamp:%s', must be clamp:LO:HI", flag, text);
    memcpy(low, text, length);
    low[length] = '\0';
    const int code = cli_parse_double(flag, low, &conv->activation_low, failure);
    if (code != CLI_DONE)
        return code;
    const int after = cli_parse_double(flag, text + length + 1, &conv->activation_high, failure);
    if (after == CLI_DONE && conv->activation_low > conv->activation_high)
        return cli_fail(failure, CLI_USAGE, "%s: is 'clamp:%s', LO must not exceed HI", flag, text);
    return after;
}

int cli_set_activation(struct cli_options *options, const char *flag, const char *value,
                       struct cli_failure *failure)
{
    /* In the order of atrous_activation. */
    static const char *const words[] = {"none", "relu",        "leaky-relu:A", "sigmoid",
                                        "tanh", "clamp:LO:HI", "gated"};
    static const char leaky[] = "leaky-relu:", clamp[] = "clamp:";
    atrous_conv *conv = &options->base;
    if (strncmp(value, leaky, sizeof leaky - 1) == 0) {
        conv->activation = ATROUS_ACTIVATION_LEAKY_RELU;
        return cli_parse_double(flag, value + sizeof leaky - 1, &conv->activation_low, failure);
    }
    if (strncmp(value, clamp, sizeof clamp - 1) == 0) {
        conv->activation = ATROUS_ACTIVATION_CLAMP;
        return parse_range(flag, value + sizeof clamp - 1, conv, failure);
    }
    size_t chosen = 0;
    const int code = CHOOSE(words, &chosen);
    conv->activation = (atrous_activation)chosen;
    return code;
}

static int set_residual(struct cli_options *options, const char *flag, const char *value,
                        atrous_residual place, struct cli_failure *failure)
{
    if (options->base.residual != ATROUS_RESIDUAL_NONE && options->base.residual != place)
        return cli_fail(failure, CLI_USAGE, "%s: is %s, must not meet --add or --add-after", flag,
                        value);
    options->base.residual = place;
    options->residual = value;
    return CLI_DONE;
}

int cli_set_add(struct cli_options *options, const char *flag, const char *value,
                struct cli_failure *failure)
{
    return set_residual(options, flag, value, ATROUS_RESIDUAL_BEFORE, failure);
}

int cli_set_add_after(struct cli_options *options, const char *flag, const char *value,
                      struct cli_failure *failure)
{
    return set_residual(options, flag, value, ATROUS_RESIDUAL_AFTER, failure);
}

int cli_set_device(struct cli_options *options, const char *flag, const char *value,
                   struct cli_failure *failure)
{
    if (strcmp(value, "auto") == 0)
        options->device = ATROUS_DEVICE_AUTO;
    else if (strcmp(value, "cpu") == 0)
        options->device = ATROUS_DEVICE_CPU_PATH;
    else if (value[0] < '0' || value[0] > '9')
        return cli_fail(failure, CLI_USAGE, "%s: is '%s', must be auto, cpu or an index", flag,
                        value);
    else {
        options->device = ATROUS_DEVICE_INDEX;
        return cli_parse_size(flag, value, 0, SIZE_MAX, &options->device_index, failure);
    }
    return CLI_DONE;
}

int cli_set_solver(struct cli_options *options, const char *flag, const char *value,
                   struct cli_failure *failure)
{
    if (value[0] == '\0')
        return cli_fail(failure, CLI_USAGE, "%s: is '', must be auto or a solver's name", flag);
    options->solver = strcmp(value, "auto") == 0 ? NULL : value;
    return CLI_DONE;
}

int cli_set_native_half(struct cli_options *options, const char *flag, const char *value,
                        struct cli_failure *failure)
{
    (void)flag, (void)value, (void)failure;
    options->base.native_half = 1;
    return CLI_DONE;
}

int cli_set_flip(struct cli_options *options, const char *flag, const char *value,
                 struct cli_failure *failure)
{
    (void)flag, (void)value, (void)failure;
    options->base.orientation = ATROUS_TRUE_CONVOLUTION;
    return CLI_DONE;
}
