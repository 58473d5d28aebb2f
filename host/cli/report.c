/* What the commands print on stdout: lines for people, one JSON object for programs. */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>

const char *cli_bytes_text(size_t bytes, char *text, size_t size)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < sizeof units / sizeof units[0]; ++unit)
        value /= 1024;
    snprintf(text, size, "%.3g %s", value, units[unit]);
    return text;
}

const char *cli_device_type_text(atrous_device_type type)
{
    switch (type) {
    case ATROUS_DEVICE_TYPE_CPU:
        return "CPU";
    case ATROUS_DEVICE_TYPE_GPU:
        return "GPU";
    case ATROUS_DEVICE_TYPE_ACCELERATOR:
        return "accelerator";
    case ATROUS_DEVICE_TYPE_OTHER:
        break;
    }
    return "other";
}

const char *cli_device_text(const struct cli_session *session, const struct cli_result *result)
{
    const bool replaced = result->info.on_cpu_path && !atrous_context_is_cpu_path(session->context);
    return replaced ? "CPU path" : session->device.name;
}

void cli_print_result(const char *subject, const struct cli_session *session,
                      const struct cli_result *result)
{
    printf("%s by %s on %s: %.3f ms\n", subject, result->solver, cli_device_text(session, result),
           result->ms);
    if (result->checked)
        printf("check: worst error %.3g of the bound, %zu of %zu outputs compared\n",
               result->check.worst, result->check.checked, result->check.total);
    if (result->repeat > 0)
        printf("repeat: %zu runs, min %.3f ms, median %.3f ms\n", result->repeat, result->least_ms,
               result->median_ms);
}

static cJSON *size_item(uint64_t value)
{
    char text[24];
    if (value <= (UINT64_C(1) << 53))
        return cJSON_CreateNumber((double)value);
    snprintf(text, sizeof text, "%" PRIu64, value);
    return cJSON_CreateString(text);
}

void cli_json_add_size(cJSON *object, const char *name, uint64_t value)
{
    cJSON_AddItemToObject(object, name, size_item(value));
}

void cli_json_add_sizes(cJSON *object, const char *name, const size_t *values, int count)
{
    cJSON *list = cJSON_AddArrayToObject(object, name);
    for (int i = 0; i < count; ++i)
        cJSON_AddItemToArray(list, size_item(values[i]));
}

void cli_json_add_ms(cJSON *object, const char *name, double ms)
{
    if (ms > 0)
        cJSON_AddNumberToObject(object, name, ms);
    else
        cJSON_AddNullToObject(object, name);
}

void cli_json_add_result(cJSON *object, const struct cli_session *session,
                         const struct cli_result *result)
{
    cJSON_AddStringToObject(object, "device", cli_device_text(session, result));
    cJSON_AddStringToObject(object, "solver", result->solver);
    cJSON_AddBoolToObject(object, "cpu_path", result->info.on_cpu_path);
    if (result->fallback[0] != '\0')
        cJSON_AddStringToObject(object, "fallback", result->fallback);
    cli_json_add_ms(object, "ms", result->ms); /* 0: planned only */
    cJSON_AddNumberToObject(object, "plan_ms", result->info.create_ms);
    if (result->repeat > 0) {
        cJSON *repeat = cJSON_AddObjectToObject(object, "repeat");
        cli_json_add_size(repeat, "runs", result->repeat);
        cJSON_AddNumberToObject(repeat, "min_ms", result->least_ms);
        cJSON_AddNumberToObject(repeat, "median_ms", result->median_ms);
    }
    if (result->checked) {
        const atrous_check *check = &result->check;
        cJSON *to = cJSON_AddObjectToObject(object, "check");
        cJSON_AddBoolToObject(to, "passed", result->passed);
        cJSON_AddNumberToObject(to, "error_over_bound", check->worst);
        cJSON_AddNumberToObject(to, "error", check->worst_error);
        cJSON_AddNumberToObject(to, "bound", check->worst_bound);
        cli_json_add_size(to, "at", check->worst_at);
        cli_json_add_size(to, "checked", check->checked);
        cli_json_add_size(to, "total", check->total);
        if (check->checked < check->total)
            cli_json_add_size(to, "seed", check->seed);
    }
}

int cli_json_print(cJSON *object, struct cli_failure *failure)
{
    char *text = object == NULL ? NULL : cJSON_Print(object);
    cJSON_Delete(object);
    if (text == NULL)
        return cli_fail(failure, CLI_USAGE, "--json: out of memory");
    printf("%s\n", text);
    cJSON_free(text);
    return CLI_DONE;
}
