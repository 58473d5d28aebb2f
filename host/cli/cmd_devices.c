/* atrous devices: the OpenCL devices and, last, the CPU path. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "report.h"

/* Describes what `index` names, or the CPU path for cpu_path. */
static int describe(size_t index, bool cpu_path, atrous_device_info *info,
                    struct cli_failure *failure)
{
    atrous_error error;
    memset(info, 0, sizeof *info);
    info->struct_size = sizeof *info;
    if (!cpu_path)
        return cli_fail_status(failure, atrous_device_describe(index, info, &error), &error);

    atrous_context_options options;
    atrous_context *context = NULL;
    atrous_context_options_init(&options, sizeof options);
    options.device = ATROUS_DEVICE_CPU_PATH;
    atrous_status status = atrous_context_create(&options, &context, &error);
    if (status == ATROUS_OK)
        status = atrous_context_describe(context, info, &error);
    atrous_context_destroy(context);
    return cli_fail_status(failure, status, &error);
}

static void print_row(size_t index, bool cpu_path, const atrous_device_info *info)
{
    char number[24] = "cpu", local[64] = "-", global[32] = "-", allocation[32] = "-", text[32];
    if (!cpu_path)
        snprintf(number, sizeof number, "%zu", index);
    if (info->local_memory > 0)
        snprintf(local, sizeof local, "%s %s",
                 cli_bytes_text(info->local_memory, text, sizeof text),
                 info->local_is_dedicated ? "dedicated" : "cache");
    if (info->global_memory > 0)
        cli_bytes_text(info->global_memory, global, sizeof global);
    if (info->max_allocation > 0 && !cpu_path)
        cli_bytes_text(info->max_allocation, allocation, sizeof allocation);
    printf("%-5s  %-11s  %5zu  %-19s  %-10s  %-10s  %6zu  %s", number,
           cli_device_type_text(info->type), info->compute_units, local, global, allocation,
           info->native_vector_floats, info->name);
    if (info->platform[0] != '\0')
        printf(" (%s", info->platform);
    if (info->driver[0] != '\0')
        printf("%sdriver %s", info->platform[0] != '\0' ? ", " : " (", info->driver);
    printf("%s\n", info->platform[0] != '\0' || info->driver[0] != '\0' ? ")" : "");
}

static void add_row(cJSON *list, size_t index, bool cpu_path, const atrous_device_info *info)
{
    cJSON *row = cJSON_CreateObject();
    if (cpu_path)
        cJSON_AddStringToObject(row, "index", "cpu");
    else
        cli_json_add_size(row, "index", index);
    cJSON_AddStringToObject(row, "name", info->name);
    cJSON_AddStringToObject(row, "vendor", info->vendor);
    cJSON_AddStringToObject(row, "platform", info->platform);
    cJSON_AddStringToObject(row, "version", info->version);
    cJSON_AddStringToObject(row, "driver", info->driver);
    cJSON_AddStringToObject(row, "type", cli_device_type_text(info->type));
    cJSON_AddBoolToObject(row, "cpu_path", cpu_path);
    cli_json_add_size(row, "compute_units", info->compute_units);
    cli_json_add_size(row, "max_work_group", info->max_work_group);
    cli_json_add_size(row, "local_memory", info->local_memory);
    cJSON_AddBoolToObject(row, "local_is_dedicated", info->local_is_dedicated);
    cli_json_add_size(row, "global_memory", info->global_memory);
    cli_json_add_size(row, "max_allocation", info->max_allocation);
    cli_json_add_size(row, "native_vector_floats", info->native_vector_floats);
    cJSON_AddItemToArray(list, row);
}

int cli_devices(const struct cli_options *options, struct cli_failure *failure)
{
    atrous_error error;
    size_t count = 0;
    int code = cli_fail_status(failure, atrous_device_count(&count, &error), &error);
    if (code != CLI_DONE)
        return code;

    cJSON *object = options->json ? cJSON_CreateObject() : NULL;
    cJSON *list = options->json ? cJSON_AddArrayToObject(object, "devices") : NULL;
    if (!options->json)
        printf("%-5s  %-11s  %5s  %-19s  %-10s  %-10s  %6s  %s\n", "index", "type", "units",
               "local memory", "memory", "allocation", "floats", "name");
    for (size_t i = 0; i <= count; ++i) {
        atrous_device_info info;
        code = describe(i, i == count, &info, failure);
        if (code != CLI_DONE) {
            cJSON_Delete(object);
            return code;
        }
        if (options->json)
            add_row(list, i, i == count, &info);
        else
            print_row(i, i == count, &info);
    }
    return options->json ? cli_json_print(object, failure) : CLI_DONE;
}
