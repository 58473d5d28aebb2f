/* Writes a run as JSON; a figure that was not taken is null. */
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

static bool add_number(cJSON *object, const char *name, double value)
{
    if (!isfinite(value))
        return cJSON_AddNullToObject(object, name) != NULL;
    return cJSON_AddNumberToObject(object, name, value) != NULL;
}

static bool add_text(cJSON *object, const char *name, const char *text)
{
    if (text == NULL || *text == '\0')
        return cJSON_AddNullToObject(object, name) != NULL;
    return cJSON_AddStringToObject(object, name, text) != NULL;
}

static bool add_row(cJSON *rows, const struct figures *figures, const struct report *report)
{
    cJSON *row = cJSON_CreateObject();
    if (row == NULL || !cJSON_AddItemToArray(rows, row)) {
        cJSON_Delete(row);
        return false;
    }
    return add_text(row, "name", figures->name) && add_text(row, "solver", figures->solver) &&
           add_number(row, "ms", figures->ms) &&
           add_number(row, "gflops", figures_gflops(figures)) &&
           add_number(row, "peak_share", figures_peak_share(figures, &report->limits)) &&
           add_number(row, "copy_share", figures_copy_share(figures, &report->limits)) &&
           add_text(row, "peer", isfinite(figures->peer_ms) ? report->peer : NULL) &&
           add_number(row, "peer_ms", figures->peer_ms) &&
           add_number(row, "ratio", figures->ratio) &&
           add_number(row, "plan_ms", figures->plan_ms) &&
           add_number(row, "error_over_bound", figures->error_over_bound);
}

static cJSON *build(const struct report *report)
{
    const struct summary summary = report_summary(report);
    cJSON *root = cJSON_CreateObject();
    cJSON *rows = NULL;
    bool good = root != NULL && add_text(root, "device", report->device) &&
                add_number(root, "peak_gflops", report->limits.peak_gflops) &&
                add_number(root, "copy_gbps", report->limits.copy_gbps) &&
                (rows = cJSON_AddArrayToObject(root, "rows")) != NULL;
    for (size_t i = 0; good && i < report->count; ++i)
        good = add_row(rows, &report->rows[i], report);
    good = good && add_number(root, "geomean", summary.geomean) &&
           add_number(root, "worst", summary.worst);
    if (good)
        return root;
    cJSON_Delete(root);
    return NULL;
}

bool report_json(const struct report *report, const char *path)
{
    cJSON *root = build(report);
    char *text = root != NULL ? cJSON_Print(root) : NULL;
    FILE *file = text != NULL ? fopen(path, "wb") : NULL;
    bool good = file != NULL && fprintf(file, "%s\n", text) > 0;
    if (file != NULL)
        good = fclose(file) == 0 && good;
    cJSON_free(text);
    cJSON_Delete(root);
    return good;
}
