/* A handful of tiny problems, for devices that are a thousand times slower than the others. */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "shapes.h"

enum { SEED = 7 };

static void through_all(const atrous_conv *conv)
{
    struct random random = {SEED};
    struct data data = data_draw(conv, &random, FILL_INTEGERS);

    data_solve(&data);
    for (size_t s = 0; s < harness.solver_count; ++s)
        printf("%s %s\n", harness.solver[s],
               harness_check_exact(harness.solver[s], &data, SEED) ? "agrees" : "refuses");
    data_free(&data);
}

/* Moves the solvers that take everything to the front; returns how many there are. */
static size_t keep_general(size_t count)
{
    size_t kept = 0;

    for (size_t s = 0; s < count; ++s)
        if (harness_takes_everything(harness.solver[s]))
            harness.solver[kept++] = harness.solver[s];
    return kept;
}

static void tiny_dilated_image(void **state)
{
    (void)state;
    atrous_conv conv = shape_square(2, 2, 3, 7, 3, 2);
    conv.has_bias = 1;
    through_all(&conv);
}

static void tiny_replicated_border(void **state)
{
    (void)state;
    atrous_conv conv = shape_square(2, 1, 1, 5, 3, 3);
    conv.padding = ATROUS_PADDING_REPLICATE;
    through_all(&conv);
}

static void tiny_causal_signal(void **state)
{
    (void)state;
    atrous_conv conv = shape_square(1, 2, 2, 11, 2, 4);
    assert_int_equal(atrous_conv_pad(&conv, ATROUS_PAD_CAUSAL, NULL), ATROUS_OK);
    through_all(&conv);
}

static void tiny_grouped_strided_volume(void **state)
{
    (void)state;
    atrous_conv conv = shape_square(3, 4, 4, 4, 2, 2);
    conv.groups = 2;
    conv.stride[0] = conv.stride[2] = 2;
    conv.padding = ATROUS_PADDING_REFLECT;
    if (harness.quick) /* an interpreter takes a minute for a tile of it */
        harness.solver_count = keep_general(harness.solver_count);
    through_all(&conv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiny_dilated_image),
        cmocka_unit_test(tiny_replicated_border),
        cmocka_unit_test(tiny_causal_signal),
        cmocka_unit_test(tiny_grouped_strided_volume),
    };
    int failed = harness_open();

    if (failed == 0)
        failed = cmocka_run_group_tests_name("tiny", tests, NULL, NULL);
    harness_close();
    return failed;
}
