/* The atrous program: finds the command, parses its flags, runs it, explains a failure in one
 * line. */
#include <stdio.h>
#include <string.h>

#include "command.h"

static const struct cli_command *find(const char *name)
{
    for (size_t i = 0; i < cli_command_count; ++i)
        if (strcmp(name, cli_commands[i].name) == 0)
            return &cli_commands[i];
    return NULL;
}

static int unknown(const char *name, struct cli_failure *failure)
{
    return cli_fail(failure, CLI_USAGE, "'%s': unknown command, see atrous help", name);
}

static int help(int argc, char **argv, struct cli_failure *failure)
{
    const struct cli_command *command = argc > 2 ? find(argv[2]) : NULL;
    if (argc > 3)
        return cli_fail(failure, CLI_USAGE, "'%s': unexpected argument", argv[3]);
    if (argc > 2 && command == NULL)
        return unknown(argv[2], failure);
    cli_help(command);
    return CLI_DONE;
}

static int run(const struct cli_command *command, int argc, char **argv,
               struct cli_failure *failure)
{
    struct cli_options options;
    const int code = cli_options_parse(&options, command->bit, argc, argv, failure);
    if (code != CLI_DONE)
        return code;
    if (options.help) {
        cli_help(command);
        return CLI_DONE;
    }
    if (command->argument_count == CLI_ANY_COUNT)
        return command->run(&options, failure);
    if (options.argument_count > command->argument_count)
        return cli_fail(failure, CLI_USAGE, "'%s': unexpected argument",
                        options.arguments[command->argument_count]);
    if (options.argument_count < command->argument_count)
        return cli_fail(failure, CLI_USAGE, "%d of %d file names are missing",
                        command->argument_count - options.argument_count, command->argument_count);
    return command->run(&options, failure);
}

static int dispatch(int argc, char **argv, const char **name, struct cli_failure *failure)
{
    if (argc < 2)
        return cli_fail(failure, CLI_USAGE, "no command, see atrous help");
    if (strcmp(argv[1], "--version") == 0) {
        printf("atrous %s\n", atrous_version());
        return CLI_DONE;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0)
        return help(argc, argv, failure);

    const struct cli_command *command = find(argv[1]);
    if (command == NULL)
        return unknown(argv[1], failure);
    *name = command->name;
    return run(command, argc - 1, argv + 1, failure);
}

/* Names of files may hold line feeds and worse; an error stays one line. */
static void print_failure(const char *name, const struct cli_failure *failure)
{
    fprintf(stderr, "atrous%s%s: ", name[0] == '\0' ? "" : " ", name);
    for (const char *at = failure->text; *at != '\0'; ++at)
        fputc((unsigned char)*at < ' ' || *at == 0x7f ? '?' : *at, stderr);
    fputc('\n', stderr);
}

int main(int argc, char **argv)
{
    struct cli_failure failure = {0};
    const char *name = "";
    int code = dispatch(argc, argv, &name, &failure);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == CLI_DONE)
        code = cli_fail(&failure, CLI_USAGE, "standard output: cannot be written");
    if (code != CLI_DONE)
        print_failure(name, &failure);
    return code;
}
