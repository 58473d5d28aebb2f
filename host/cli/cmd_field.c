/* atrous field: what a stack of dilated convolutions sees, in numbers and pictures. */
#include "command.h"
#include "field_report.h"
#include "svg.h"

int cli_field(const struct cli_options *options, struct cli_failure *failure)
{
    struct cli_stack made = {0};
    int code = CLI_DONE;
    if (options->animate && options->svg == NULL)
        return cli_fail(failure, CLI_USAGE, "--animate: needs --svg FILE to draw into");
    code = cli_stack_make(&made, options, failure);
    if (code == CLI_DONE && options->svg != NULL)
        code = cli_svg_write(&made, options->svg, options->animate, failure);
    if (code == CLI_DONE)
        code = options->json ? cli_field_json(&made, failure) : cli_field_print(&made, failure);
    cli_stack_free(&made);
    return code;
}
