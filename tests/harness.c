/* Opens the device the environment names and runs problems on it. */
#include "testing.h"

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "fenced.h"
#include "shapes.h"

struct harness harness;

static bool set_to(const char *variable, const char *value)
{
    const char *is = getenv(variable);

    return is != NULL && strcmp(is, value) == 0;
}

/* Whether the comma-separated list names `solver`; an unset list names all. */
static bool asked_for(const char *solver)
{
    const char *list = getenv("ATROUS_TEST_SOLVERS");
    const size_t length = strlen(solver);

    if (list == NULL)
        return true;
    for (const char *at = strstr(list, solver); at != NULL; at = strstr(at + 1, solver))
        if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

/* Learns the solvers' names from the table of a plan that anything can serve. Those that compute
 * nothing but gradients of weights are of no use where every problem is forward. */
static bool list_solvers(bool gradients)
{
    const atrous_conv conv = shape_square(2, 1, 1, 4, 3, 1);
    atrous_candidate candidate = {.struct_size = sizeof candidate};
    atrous_plan_options options;
    atrous_error error;
    atrous_plan *plan = NULL;
    const char *only = getenv("ATROUS_TEST_SOLVERS");

    atrous_plan_options_init(&options, sizeof options);
    options.solver = harness.cpu_path ? "cpu" : "reference";
    if (only != NULL && strchr(only, ',') == NULL)
        options.solver = only; /* no other one runs, not even its self-test */
    if (atrous_plan_create(harness.context, &conv, &options, &plan, &error) != ATROUS_OK) {
        printf("no plan for a 4x4 image: %s\n", error.message);
        return false;
    }
    for (size_t i = 0; atrous_plan_candidate(plan, i, &candidate, NULL) == ATROUS_OK; ++i)
        if (asked_for(candidate.solver) &&
            (strncmp(candidate.solver, "gradient", strlen("gradient")) == 0) == gradients &&
            harness.solver_count < HARNESS_MAX_SOLVERS)
            harness.solver[harness.solver_count++] = candidate.solver;
    atrous_plan_destroy(plan);
    return harness.solver_count > 0;
}

int harness_open(void)
{
    atrous_context_options options;
    atrous_device_info info = {.struct_size = sizeof info};
    atrous_error error;

    harness.cpu_path = set_to("ATROUS_TEST_DEVICE", "cpu");
    harness.quick = set_to("ATROUS_TEST_QUICK", "1");
    harness.large = set_to("ATROUS_TEST_LARGE", "1");
    atrous_context_options_init(&options, sizeof options);
    options.device = harness.cpu_path ? ATROUS_DEVICE_CPU_PATH : ATROUS_DEVICE_INDEX;
    options.cpu_fallback = 0;
    const atrous_status status = atrous_context_create(&options, &harness.context, &error);
    if (status != ATROUS_OK) {
        const bool may_skip = status == ATROUS_NO_DEVICE &&
                              (!set_to("CI", "true") || set_to("ATROUS_TEST_OPTIONAL", "1"));
        printf("%s: %s\n", may_skip ? "skipped" : "failed", error.message);
        return may_skip ? HARNESS_SKIPPED : 1;
    }
    if (atrous_context_describe(harness.context, &info, NULL) == ATROUS_OK)
        printf("device: %s (%s)\n", info.name, info.platform);
    if (list_solvers(false))
        return 0;
    harness_close();
    return 1;
}

uint64_t harness_seed(uint64_t otherwise)
{
    const char *asked = getenv("ATROUS_TEST_SEED");
    const uint64_t seed = asked != NULL ? strtoull(asked, NULL, 10) : otherwise;

    printf("seed %llu\n", (unsigned long long)seed);
    return seed;
}

void harness_add_gradients(void)
{
    assert_true(list_solvers(true));
}

void harness_close(void)
{
    atrous_context_destroy(harness.context);
    memset(&harness, 0, sizeof harness);
}

void harness_expect_ok(atrous_status status, const atrous_error *error, const char *solver,
                       const atrous_conv *conv)
{
    char text[256];

    if (status != ATROUS_OK)
        fail_msg("%s: %s (%s); %s", solver, atrous_status_string(status), error->message,
                 shape_text(conv, text, sizeof text));
}

static atrous_plan *make_plan(const char *solver, const atrous_conv *conv, bool may_refuse)
{
    atrous_plan_options options;
    atrous_plan *plan = NULL;
    atrous_error error;

    atrous_plan_options_init(&options, sizeof options);
    options.solver = solver;
    const atrous_status status = atrous_plan_create(harness.context, conv, &options, &plan, &error);
    if (status == ATROUS_UNSUPPORTED && may_refuse) {
        assert_null(plan);
        assert_true(error.message[0] != '\0');
        return NULL;
    }
    harness_expect_ok(status, &error, solver != NULL ? solver : "auto", conv);
    return plan;
}

atrous_plan *harness_plan(const char *solver, const atrous_conv *conv)
{
    return make_plan(solver, conv, false);
}

atrous_plan *harness_try_plan(const char *solver, const atrous_conv *conv)
{
    return make_plan(solver, conv, solver != NULL && !harness_takes_everything(solver));
}

bool harness_serves(const char *solver, const atrous_conv *conv)
{
    atrous_plan *plan = harness_try_plan(solver, conv);
    atrous_plan_destroy(plan);
    return plan != NULL;
}

bool harness_run(const char *solver, const struct data *data, float *y)
{
    atrous_plan *plan = harness_try_plan(solver, &data->conv);

    if (plan == NULL)
        return false;
    if (!fenced_run_buffers(harness.context, plan, data, y))
        fenced_run_arrays(plan, data, y);
    atrous_plan_destroy(plan);
    return true;
}

bool harness_run_arrays(const char *solver, const struct data *data, float *y)
{
    atrous_plan *plan = harness_try_plan(solver, &data->conv);

    if (plan == NULL)
        return false;
    fenced_run_arrays(plan, data, y);
    atrous_plan_destroy(plan);
    return true;
}

/* A solver that does not sum directly states a bound of its own, which the library knows. */
static bool within_own_bound(const char *solver, const struct data *data, float *y)
{
    atrous_plan *plan = harness_try_plan(solver, &data->conv);
    const atrous_arrays arrays = data_arrays(data, y);
    atrous_check result = {.struct_size = sizeof result};
    atrous_error error;

    harness_expect_ok(atrous_plan_check(plan, &arrays, &result, &error), &error, solver,
                      &data->conv);
    atrous_plan_destroy(plan);
    return result.worst <= 1.0;
}

static bool check(const char *solver, const struct data *data, uint64_t seed, bool exact)
{
    float *y = floats(data->y_count);
    const bool ran = harness_run(solver, data, y);
    struct mismatch worst = {0};
    char text[256];
    bool good = true;

    if (ran)
        good = exact ? compare_exact(y, data->value, data->y_count, &worst)
                     : compare_bound(&data->conv, y, data->value, data->magnitude, data->y_count,
                                     0.0, &worst);
    if (!good && !exact && harness_is_minimal(solver))
        good = within_own_bound(solver, data, y);
    free(y);
    if (!good)
        fail_msg("%s: y[%zu] = %.9g, not %.9g: %.3g of the bound %.3g; seed %llu; %s", solver,
                 worst.at, worst.got, worst.want, worst.share, worst.bound,
                 (unsigned long long)seed, shape_text(&data->conv, text, sizeof text));
    return ran;
}

bool harness_check(const char *solver, const struct data *data, uint64_t seed)
{
    return check(solver, data, seed, false);
}

bool harness_check_exact(const char *solver, const struct data *data, uint64_t seed)
{
    return check(solver, data, seed, true);
}

bool harness_takes_everything(const char *solver)
{
    return strcmp(solver, "reference") == 0 || strcmp(solver, "cpu") == 0;
}

bool harness_takes_forward(const char *solver)
{
    return strcmp(solver, "spread") != 0 && strncmp(solver, "gradient", strlen("gradient")) != 0;
}

bool harness_is_minimal(const char *solver)
{
    const char *const names[] = {"winograd", "strips", "phases", "gradient_minimal",
                                 "gradient_phases"};

    for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
        if (strcmp(solver, names[i]) == 0)
            return true;
    return false;
}

const char *harness_name(const char *solver, const char *property)
{
    static char names[4096];
    static size_t used;
    char *name = names + used;
    const int length = snprintf(name, sizeof names - used, "%s_%s", solver, property);

    assert_true(length > 0 && used + (size_t)length + 1 < sizeof names);
    used += (size_t)length + 1;
    return name;
}
