/* Flags to struct cli_options: one table, which getopt_long() reads. Abbreviations are refused, so
 * that a flag added later cannot change what a script means. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "choices.h"

enum {
    ANY_PROBLEM = CLI_CONV | CLI_PLAN | CLI_FILTER,
    ANY_RUN = ANY_PROBLEM | CLI_TUNE | CLI_STARLET,
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
    {"help", ANY_RUN | CLI_DEVICES | CLI_FIELD, SWITCH, AT(help), 0, NULL},
    /* files and shapes */
    {"input", CLI_CONV, TEXT, AT(input), 0, NULL},
    {"weights", CLI_CONV, TEXT, AT(weights), 0, NULL},
    {"bias", CLI_CONV | CLI_PLAN, TEXT, AT(bias), 0, NULL},
    {"scale", CLI_CONV | CLI_PLAN, TEXT, AT(scale), 0, NULL},
    {"output", CLI_CONV, TEXT, AT(output), 0, NULL},
    {"grad-output", CLI_CONV, TEXT, AT(grad_output), 0, NULL},
    {"bias-output", CLI_CONV | CLI_PLAN, TEXT, AT(bias_output), 0, NULL},
    {"input-shape", CLI_CONV, LIST, AT(input_shape), 0, NULL},
    {"shape", CLI_PLAN | CLI_FIELD, LIST, AT(shape), 0, NULL},
    {"filters", CLI_PLAN, SIZE, AT(filters), SIZE_MAX, NULL},
    {"kernel", ANY_PROBLEM, TEXT, AT(kernel), 0, NULL},
    {"scales", CLI_FILTER | CLI_STARLET, SIZE, AT(scales), SCALES_MAX, NULL},
    /* fields of stacks */
    {"rank", CLI_FIELD, SIZE, AT(rank), ATROUS_MAX_RANK, NULL},
    {"svg", CLI_FIELD, TEXT, AT(svg), 0, NULL},
    {"animate", CLI_FIELD, SWITCH, AT(animate), 0, NULL},
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
    {"native-half", CLI_CONV | CLI_PLAN, WORD_ALONE, 0, 0, cli_set_native_half},
    {"math", ANY_PROBLEM, WORD, 0, 0, cli_set_math},
    {"alpha", ANY_PROBLEM, NUMBER, AT(base.alpha), 0, NULL},
    {"beta", ANY_PROBLEM, NUMBER, AT(base.beta), 0, NULL},
    {"activation", ANY_PROBLEM, WORD, 0, 0, cli_set_activation},
    {"add", ANY_PROBLEM, WORD, 0, 0, cli_set_add},
    {"add-after", ANY_PROBLEM, WORD, 0, 0, cli_set_add_after},
    /* run */
    {"device", ANY_RUN, WORD, 0, 0, cli_set_device},
    {"solver", ANY_RUN, WORD, 0, 0, cli_set_solver},
    {"threads", ANY_RUN, SIZE, AT(threads), THREADS_MAX, NULL},
    {"repeat", ANY_RUN, SIZE, AT(repeat), REPEAT_MAX, NULL},
    {"check", ANY_RUN, SWITCH, AT(check), 0, NULL},
    {"json", ANY_RUN | CLI_DEVICES | CLI_FIELD, SWITCH, AT(json), 0, NULL},
    {"quiet", ANY_RUN, SWITCH, AT(quiet), 0, NULL},
    {"progress", ANY_RUN, SWITCH, AT(progress), 0, NULL},
};

enum {
    FLAGS = sizeof flags / sizeof flags[0],
    ARGUMENT = 1,     /* what getopt_long() calls a word that is no flag */
    FIRST_FLAG = 256, /* flag i is FIRST_FLAG + i: beyond every character */
    NAME_SIZE = 32
};

static bool takes_value(const struct flag *flag)
{
    return flag->kind != SWITCH && flag->kind != WORD_ALONE;
}

/* The flags of `command` as getopt_long() wants them, the all-zero one last. */
static void list_flags(unsigned command, struct option list[FLAGS + 1])
{
    size_t count = 0;
    for (size_t i = 0; i < FLAGS; ++i)
        if ((flags[i].commands & command) != 0)
            list[count++] =
                (struct option){.name = flags[i].name,
                                .has_arg = takes_value(&flags[i]) ? required_argument : no_argument,
                                .val = FIRST_FLAG + (int)i};
    list[count] = (struct option){0};
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

/* Why getopt_long() stopped at `word`: ':' for a value that is missing, '?' for the rest. */
static int refuse_flag(int why, const char *word, struct cli_failure *failure)
{
    if (optopt >= FIRST_FLAG) {
        const char *name = flags[optopt - FIRST_FLAG].name;
        if (why == ':')
            return cli_fail(failure, CLI_USAGE, "--%s: has no value, must have one", name);
        return cli_fail(failure, CLI_USAGE, "--%s: is '%s', must have no value", name,
                        strchr(word, '=') + 1);
    }
    if (optopt != 0)
        return cli_fail(failure, CLI_USAGE, "-%c: unknown flag", optopt);
    return cli_fail(failure, CLI_USAGE, "%.*s: unknown flag", (int)strcspn(word, "="), word);
}

/* Takes the flag that getopt_long() found in the words before argv[optind]. */
static int take_flag(struct cli_options *options, const struct flag *flag, char **argv,
                     struct cli_failure *failure)
{
    const bool value_apart = takes_value(flag) && optarg == argv[optind - 1];
    const char *word = argv[optind - (value_apart ? 2 : 1)];
    const size_t length = strcspn(word, "=");
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "--%s", flag->name);
    if (strlen(name) != length)
        return cli_fail(failure, CLI_USAGE, "%.*s: unknown flag, is %s meant?", (int)length, word,
                        name);
    if (value_apart && strncmp(optarg, "--", 2) == 0)
        return cli_fail(failure, CLI_USAGE, "%s: has no value, must have one", name);
    return store(options, flag, name, optarg, failure);
}

static int parse_words(struct cli_options *options, unsigned command, int argc, char **argv,
                       struct cli_failure *failure)
{
    struct option list[FLAGS + 1];
    int found = 0, code = CLI_DONE;

    list_flags(command, list);
    options->arguments = argv + 1;
    opterr = 0;
    /* "-": words in their order, whatever POSIXLY_CORRECT says; ":": missing values apart. */
    while (code == CLI_DONE && (found = getopt_long(argc, argv, "-:h", list, NULL)) != -1) {
        if (found == ARGUMENT)
            options->arguments[options->argument_count++] = optarg;
        else if (found == 'h')
            options->help = true;
        else if (found >= FIRST_FLAG)
            code = take_flag(options, &flags[found - FIRST_FLAG], argv, failure);
        else
            code = refuse_flag(found, argv[optind - 1], failure);
    }
    /* What follows "--". */
    for (; code == CLI_DONE && optind < argc; ++optind)
        options->arguments[options->argument_count++] = argv[optind];
    return code;
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
    options->scales = 1;
    const int code = parse_words(options, command, argc, argv, failure);
    if (code != CLI_DONE)
        return code;
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
