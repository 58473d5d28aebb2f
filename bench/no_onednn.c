/* Stands in for the oneDNN peer where the library was not found at configure. */
#include "contender.h"
#include "failure.h"

bool contender_onednn_exists(void)
{
    return false;
}

bool contender_onednn(const atrous_conv *conv, bool plain, const atrous_arrays *arrays,
                      struct contender *out, atrous_error *error)
{
    (void)conv;
    (void)plain;
    (void)arrays;
    (void)out;
    return bench_fail(error, ATROUS_UNSUPPORTED, "this build has no oneDNN");
}
