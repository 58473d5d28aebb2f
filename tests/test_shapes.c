/* Every small geometry of other libraries' own test lists, and layers whose taps lie mostly in
 * padding, through every solver that accepts it, against the oracle. */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include "files.h"
#include "harness.h"
#include "shapes.h"

enum { SEED = 20240611 };

static struct csv table, layers; /* small geometries; layers of networks */

/* Whether the row is a problem of this subject: forward and cheap enough for the oracle. */
static bool usable(size_t row, atrous_conv *conv)
{
    const double most = harness.quick ? 2e5 : 5e7;

    if (csv_is(&table, row, "op", "deconv"))
        return false;
    shape_from_row(&table, row, conv);
    conv->has_bias = row % 2 == 0;
    return shape_macs(conv) <= most;
}

/* Layers whose taps lie mostly in padding, with a few of their channels. */
static bool is_head(size_t row, atrous_conv *conv)
{
    if (strncmp(csv_cell(&layers, row, "name"), "aspp-2048-33", 12) != 0)
        return false;
    shape_from_row(&layers, row, conv);
    conv->in_channels = 19;
    conv->out_channels = 17;
    conv->has_bias = 1;
    return true;
}

struct tally {
    size_t ran[HARNESS_MAX_SOLVERS], used;
    struct random random;
};

static void try_shape(atrous_conv *conv, bool exact, struct tally *tally)
{
    if (exact)
        conv->math = ATROUS_MATH_STRICT;
    struct data data = data_draw(conv, &tally->random, exact ? FILL_INTEGERS : FILL_REALS);
    data_solve(&data);
    for (size_t s = 0; s < harness.solver_count; ++s)
        tally->ran[s] += exact ? harness_check_exact(harness.solver[s], &data, SEED)
                               : harness_check(harness.solver[s], &data, SEED);
    data_free(&data);
    ++tally->used;
}

static void sweep(bool exact)
{
    struct tally tally = {.random = {SEED}};
    atrous_conv conv;

    printf("seed %d\n", SEED);
    for (size_t row = 0; row < table.rows; ++row)
        if (usable(row, &conv) && (!exact || row % 5 == 0))
            try_shape(&conv, exact, &tally);
    assert_true(tally.used > 0);
    for (size_t row = 0; row < layers.rows; ++row)
        if (is_head(row, &conv))
            try_shape(&conv, exact, &tally);
    for (size_t s = 0; s < harness.solver_count; ++s) {
        printf("%-10s ran %zu of %zu geometries\n", harness.solver[s], tally.ran[s], tally.used);
        assert_true(!harness_takes_forward(harness.solver[s]) || tally.ran[s] > 0 ||
                    (exact && !harness_takes_everything(harness.solver[s])));
    }
}

static void shapes_agree_with_the_oracle(void **state)
{
    (void)state;
    sweep(false);
}

static void shapes_are_exact_on_small_integers(void **state)
{
    (void)state;
    sweep(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_agree_with_the_oracle),
        cmocka_unit_test(shapes_are_exact_on_small_integers),
    };
    char path[1024];
    int failed = 0;

    if (!cases_present()) {
        printf("skipped: no cases in %s\n", cases_folder());
        return HARNESS_SKIPPED;
    }
    if (!csv_read(cases_path(path, sizeof path, "shapes/bench.csv"), ',', &layers) ||
        !csv_read(cases_path(path, sizeof path, "shapes/correctness.csv"), ',', &table)) {
        printf("cannot read %s\n", path);
        return 1;
    }
    failed = harness_open();
    if (failed == 0)
        failed = cmocka_run_group_tests_name("shapes", tests, NULL, NULL);
    harness_close();
    csv_free(&table);
    csv_free(&layers);
    return failed;
}
