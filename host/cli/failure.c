/* Exit codes and the one line that explains them. */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int cli_fail(struct cli_failure *failure, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof failure->text, format, arguments);
    va_end(arguments);
    failure->code = code;
    return code;
}

/* Fields of the library that a flag sets; others come from files or from no flag alone. */
static const struct {
    const char *field, *flag;
} flags[] = {
    {"options.index", "--device"},
    {"solver", "--solver"},
    {"stride", "--stride"},
    {"dilation", "--dilation"},
    {"groups", "--groups"},
    {"output_padding", "--output-padding"},
    {"rule", "--pad"},
    {"padding", "--pad-mode"},
    {"pad_value", "--pad-mode"},
    {"input_layout", "--layout"},
    {"output_layout", "--output-layout"},
    {"type", "--type"},
    {"native_half", "--native-half"},
    {"channel_scale", "--scale"},
    {"activation", "--activation"},
    {"activation_low", "--activation"},
    {"activation_high", "--activation"},
    {"residual", "--add, --add-after"},
    {"alpha", "--alpha"},
    {"beta", "--beta"},
    {"math", "--math"},
};

/* The flag that sets a field ("dilation" of "dilation[1]"), or NULL. */
static const char *flag_of(const char *field)
{
    const size_t length = strcspn(field, "[");
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; ++i)
        if (strlen(flags[i].field) == length && memcmp(flags[i].field, field, length) == 0)
            return flags[i].flag;
    return NULL;
}

int cli_fail_status(struct cli_failure *failure, atrous_status status, const atrous_error *error)
{
    if (status == ATROUS_OK)
        return CLI_DONE;
    const int device = status == ATROUS_NO_DEVICE || status == ATROUS_OPENCL_ERROR;
    const int code = device ? CLI_DEVICE : CLI_USAGE;
    const char *text = error->message[0] != '\0' ? error->message : atrous_status_string(status);
    const char *flag = flag_of(error->field);
    const size_t length = strlen(error->field);
    if (flag != NULL && strncmp(text, error->field, length) == 0)
        return cli_fail(failure, code, "%s%s%s", flag, error->field + strcspn(error->field, "["),
                        text + length);
    return cli_fail(failure, code, "%s", text);
}

int cli_fail_memory(struct cli_failure *failure, const char *what, size_t bytes)
{
    return cli_fail(failure, CLI_USAGE, "%s: needs %zu bytes, more memory than there is", what,
                    bytes);
}
