/* Flags to struct cli_options: one table, one loop. Abbreviations are refused, so that a flag
 * added later cannot change what a script means. */
#include "options.h"

#include <string.h>

#include "choices.h"

enum {
    ANY_PROBLEM = CLI_CONV | CLI_PLAN | CLI_FILTER,
    /* Far above any machine, far below what makes a threads runtime give up. */
    THREADS_MAX = 1024,
    REPEAT_MAX = 1000000,
    SCALES_MAX = 62
};

enum kind { SWITCH, TEXT, SIZE, NUMBER, LIST, WORD, WORD_ALONE };

struct flag {
    const char *name;
    unsigned commands;
    enum kind kind;
    size_t at;       /* offset in struct cli_options; unused by WORD and WORD_ALONE */
    size_t most;     /* SIZE: 1 .. most */
    cli_setter *set; /* WORD: with a value; WORD_ALONE: without */
};

#define AT(member) offsetof(struct cli_options, member)

static const struct flag flags[] = {
    {"help", ANY_PROBLEM | CLI_DEVICES, SWITCH, AT(help), 0, NULL},
    /* files and shapes */
    {"input", CLI_CONV, TEXT, AT(input), 0, NULL},
    {"weights", CLI_CONV, TEXT, AT(weights), 0, NULL},
    {"bias", CLI_CONV, TEXT, AT(bias), 0, NULL},
    {"output", CLI_CONV, TEXT, AT(output), 0, NULL},
    {"grad-output", CLI_CONV, TEXT, AT(grad_output), 0, NULL},
    {"bias-output", CLI_CONV, TEXT, AT(bias_output), 0, NULL},
    {"input-shape", CLI_CONV, LIST, AT(input_shape), 0, NULL},
    {"shape", CLI_PLAN, LIST, AT(shape), 0, NULL},
    {"filters", CLI_PLAN, SIZE, AT(filters), SIZE_MAX, NULL},
    {"kernel", ANY_PROBLEM, TEXT, AT(kernel), 0, NULL},
    {"scales", CLI_FILTER, SIZE, AT(scales), SCALES_MAX, NULL},
    /* problem */
    {"transposed", CLI_CONV | CLI_PLAN, SWITCH, AT(transposed), 0, NULL},
    {"backward-data", CLI_CONV | CLI_PLAN, SWITCH, AT(backward_data), 0, NULL},
    {"backward-weights", CLI_CONV | CLI_PLAN, SWITCH, AT(backward_weights), 0, NULL},
    {"output-padding", CLI_CONV | CLI_PLAN, LIST, AT(output_padding), 0, NULL},
    {"stride", ANY_PROBLEM, LIST, AT(stride), 0, NULL},
    {"dilation", ANY_PROBLEM, LIST, AT(dilation), 0, NULL},
    {"groups", ANY_PROBLEM, SIZE, AT(base.groups), SIZE_MAX, NULL},
    {"flip", ANY_PROBLEM, WORD_ALONE, 0, 0, cli_set_flip},
    {"pad", ANY_PROBLEM, WORD, 0, 0, cli_set_pad},
    {"pad-begin", ANY_PROBLEM, WORD, 0, 0, cli_set_pad_begin},
    {"pad-end", ANY_PROBLEM, WORD, 0, 0, cli_set_pad_end},
    {"pad-mode", ANY_PROBLEM, WORD, 0, 0, cli_set_pad_mode},
    {"layout", ANY_PROBLEM, WORD, 0, 0, cli_set_layout},
    {"output-layout", ANY_PROBLEM, WORD, 0, 0, cli_set_output_layout},
    {"type", ANY_PROBLEM, WORD, 0, 0, cli_set_type},
    {"math", ANY_PROBLEM, WORD, 0, 0, cli_set_math},
    {"alpha", ANY_PROBLEM, NUMBER, AT(base.alpha), 0, NULL},
    {"beta", ANY_PROBLEM, NUMBER, AT(base.beta), 0, NULL},
    {"activation", ANY_PROBLEM, WORD, 0, 0, cli_set_activation},
    {"add", ANY_PROBLEM, WORD, 0, 0, cli_set_add},
    {"add-after", ANY_PROBLEM, WORD, 0, 0, cli_set_add_after},
    /* run */
    {"device", ANY_PROBLEM, WORD, 0, 0, cli_set_device},
    {"solver", ANY_PROBLEM, WORD, 0, 0, cli_set_solver},
    {"threads", ANY_PROBLEM, SIZE, AT(threads), THREADS_MAX, NULL},
    {"repeat", ANY_PROBLEM, SIZE, AT(repeat), REPEAT_MAX, NULL},
    {"check", ANY_PROBLEM, SWITCH, AT(check), 0, NULL},
    {"json", ANY_PROBLEM | CLI_DEVICES, SWITCH, AT(json), 0, NULL},
    {"quiet", ANY_PROBLEM, SWITCH, AT(quiet), 0, NULL},
    {"progress", ANY_PROBLEM, SWITCH, AT(progress), 0, NULL},
};

static const struct flag *find(unsigned command, const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; ++i)
        if ((flags[i].commands & command) != 0 && strlen(flags[i].name) == length &&
            memcmp(flags[i].name, name, length) == 0)
            return &flags[i];
    return NULL;
}

/* Puts `value` (NULL for a flag without one) where the flag's row says. */
static int store(struct cli_options *options, const struct flag *flag, const char *name,
                 const char *value, struct cli_failure *failure)
{
    void *at = (char *)options + flag->at;
    switch (flag->kind) {
    case SWITCH:
        *(bool *)at = true;
        break;
    case TEXT:
        *(const char **)at = value;
        break;
    case SIZE:
        return cli_parse_size(name, value, 1, flag->most, at, failure);
    case NUMBER:
        return cli_parse_double(name, value, at, failure);
    case LIST:
        return cli_parse_list(name, value, at, failure);
    case WORD:
    case WORD_ALONE:
        return flag->set(options, name, value, failure);
    }
    return CLI_DONE;
}

/* Reads the flag at argv[*at]; leaves *at on the last word it took. */
static int parse_flag(struct cli_options *options, unsigned command, int argc, char **argv, int *at,
                      struct cli_failure *failure)
{
    const char *word = argv[*at];
    const size_t length = strcspn(word, "=");
    const char *value = word[length] == '=' ? word + length + 1 : NULL;
    const struct flag *flag = length < 2 ? NULL : find(command, word + 2, length - 2);
    if (flag == NULL || strncmp(word, "--", 2) != 0)
        return cli_fail(failure, CLI_USAGE, "%.*s: unknown flag", (int)length, word);

    char name[32];
    memcpy(name, word, length); /* no longer than the table's longest */
    name[length] = '\0';
    if (flag->kind == SWITCH || flag->kind == WORD_ALONE) {
        if (value != NULL)
            return cli_fail(failure, CLI_USAGE, "%s: is '%s', must have no value", name, value);
    } else if (value == NULL) {
        if (*at + 1 >= argc || strncmp(argv[*at + 1], "--", 2) == 0)
            return cli_fail(failure, CLI_USAGE, "%s: has no value, must have one", name);
        value = argv[++*at];
    }
    return store(options, flag, name, value, failure);
}

/* Flags that are valid alone but not together. */
static int check_together(const struct cli_options *options, struct cli_failure *failure)
{
    const bool both_ends = options->pad_by_rule || options->pad.count > 0;
    if (both_ends && (options->pad_begin.count > 0 || options->pad_end.count > 0))
        return cli_fail(failure, CLI_USAGE, "--pad: must not meet --pad-begin or --pad-end");
    if (options->transposed + options->backward_data + options->backward_weights > 1)
        return cli_fail(failure, CLI_USAGE,
                        "--transposed, --backward-data, --backward-weights: at most one of them");
    return CLI_DONE;
}

int cli_options_parse(struct cli_options *options, unsigned command, int argc, char **argv,
                      struct cli_failure *failure)
{
    memset(options, 0, sizeof *options);
    atrous_conv_init(&options->base, 2, sizeof options->base);
    options->arguments = argv + 1;
    options->scales = 1;

    bool flags_ended = false;
    for (int i = 1; i < argc; ++i) {
        if (!flags_ended && strcmp(argv[i], "--") == 0)
            flags_ended = true;
        else if (!flags_ended && strcmp(argv[i], "-h") == 0)
            options->help = true;
        else if (!flags_ended && argv[i][0] == '-' && argv[i][1] != '\0') {
            const int code = parse_flag(options, command, argc, argv, &i, failure);
            if (code != CLI_DONE)
                return code;
        } else
            options->arguments[options->argument_count++] = argv[i];
    }
    if (options->transposed)
        options->base.direction = ATROUS_TRANSPOSED;
    else if (options->backward_data)
        options->base.direction = ATROUS_BACKWARD_DATA;
    else if (options->backward_weights)
        options->base.direction = ATROUS_BACKWARD_WEIGHTS;
    return check_together(options, failure);
}

int cli_options_served(const struct cli_options *options, struct cli_failure *failure)
{
    atrous_error error;
    atrous_conv probe = options->base;
    probe.out_channels = 2; /* even, for a gated activation */
    probe.groups = 1;
    for (int axis = 0; axis < probe.rank; ++axis)
        probe.input[axis] = 1;
    return cli_fail_status(failure, atrous_conv_output(&probe, NULL, &error), &error);
}

int cli_options_apply(const struct cli_options *options, atrous_conv *conv,
                      struct cli_failure *failure)
{
    atrous_conv made = options->base;
    made.rank = conv->rank;
    made.batch = conv->batch;
    made.in_channels = conv->in_channels;
    made.out_channels = conv->out_channels;
    memcpy(made.input, conv->input, sizeof made.input);
    memcpy(made.kernel, conv->kernel, sizeof made.kernel);

    const struct {
        const char *flag;
        const struct cli_list *list;
        size_t *axes;
    } lists[] = {
        {"--stride", &options->stride, made.stride},
        {"--dilation", &options->dilation, made.dilation},
        {"--pad", &options->pad, made.pad_begin},
        {"--pad", &options->pad, made.pad_end},
        {"--pad-begin", &options->pad_begin, made.pad_begin},
        {"--pad-end", &options->pad_end, made.pad_end},
        {"--output-padding", &options->output_padding, made.output_padding},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; ++i) {
        const int code =
            cli_spread(lists[i].flag, lists[i].list, made.rank, lists[i].axes, failure);
        if (code != CLI_DONE)
            return code;
    }
    if (options->pad_by_rule) {
        atrous_error error;
        const atrous_status status = atrous_conv_pad(&made, options->pad_rule, &error);
        if (status != ATROUS_OK)
            return cli_fail_status(failure, status, &error);
    }
    *conv = made;
    return CLI_DONE;
}
