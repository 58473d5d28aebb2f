/* Output extents of every problem in the third-party tables, without any device: the library's
 * against the oracle's and the tables' own. */
#include "testing.h"

#include <stdio.h>

#include "files.h"
#include "harness.h"
#include "oracle.h"
#include "shapes.h"

static void check_table(const char *name)
{
    struct csv table;
    char path[1024], text[256];

    assert_true(csv_read(cases_path(path, sizeof path, name), ',', &table));
    for (size_t row = 0; row < table.rows; ++row) {
        static const char *const columns[] = {"OD", "OH", "OW"};
        size_t got[ATROUS_MAX_RANK], want[ATROUS_MAX_RANK];
        atrous_error error;
        atrous_conv conv;
        if (csv_is(&table, row, "op", "deconv"))
            continue;
        shape_from_row(&table, row, &conv);
        if (atrous_conv_output(&conv, got, &error) != ATROUS_OK)
            fail_msg("%s: %s; %s", csv_cell(&table, row, "name"), error.message,
                     shape_text(&conv, text, sizeof text));
        assert_true(oracle_output(&conv, want));
        for (int axis = 0; axis < conv.rank; ++axis) {
            const char *column = columns[ATROUS_MAX_RANK - conv.rank + axis];
            assert_int_equal(got[axis], want[axis]);
            assert_int_equal(got[axis], csv_size(&table, row, column, want[axis]));
        }
    }
    printf("%zu rows of %s\n", table.rows, name);
    csv_free(&table);
}

static void tables_correctness_rows(void **state)
{
    (void)state;
    check_table("shapes/correctness.csv");
}

static void tables_network_rows(void **state)
{
    (void)state;
    check_table("shapes/networks.csv");
}

static void tables_perf_rows(void **state)
{
    (void)state;
    check_table("shapes/perf.csv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_correctness_rows),
        cmocka_unit_test(tables_network_rows),
        cmocka_unit_test(tables_perf_rows),
    };

    if (!cases_present()) {
        printf("skipped: no cases in %s\n", cases_folder());
        return HARNESS_SKIPPED;
    }
    return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
