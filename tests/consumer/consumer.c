/* Uses an installed atrous: headers and library agree, and one small problem is exact. */
#include <stdio.h>
#include <string.h>

#include <atrous/atrous.h>
#if __has_include(<atrous/opencl.h>)
#include <atrous/opencl.h>
#define WITH_OPENCL 1
#else
#define WITH_OPENCL 0
#endif

#define TEXT(x) #x
#define VERSION(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

/* y[p] = x[p] + 10 x[p + 2]: a two-tap kernel at dilation 2 on five samples. */
static int convolves(void)
{
    const float x[] = {1, 2, 3, 4, 5}, w[] = {1, 10}, want[] = {31, 42, 53};
    float y[3] = {0};
    atrous_context *context = NULL;
    atrous_plan *plan = NULL;
    atrous_error error;

    atrous_conv conv;
    atrous_conv_init(&conv, 1, sizeof conv);
    conv.input[0] = 5;
    conv.kernel[0] = 2;
    conv.dilation[0] = 2;

    atrous_arrays arrays;
    atrous_arrays_init(&arrays, sizeof arrays);
    arrays.input = x;
    arrays.weights = w;
    arrays.output = y;

    int works = atrous_context_create(NULL, &context, &error) == ATROUS_OK &&
                atrous_plan_create(context, &conv, NULL, &plan, &error) == ATROUS_OK &&
                atrous_plan_run(plan, &arrays, &error) == ATROUS_OK;
    if (!works)
        fprintf(stderr, "consumer: %s\n", error.message);
    works = works && memcmp(y, want, sizeof want) == 0;
#if WITH_OPENCL
    const int has_device = works && atrous_context_cl_device(context) != NULL;
    works = works && has_device != atrous_context_is_cpu_path(context);
#endif
    atrous_plan_destroy(plan);
    atrous_context_destroy(context);
    return works;
}

int main(void)
{
    const char *version = VERSION(ATROUS_VERSION_MAJOR, ATROUS_VERSION_MINOR, ATROUS_VERSION_PATCH);
    if (strcmp(version, atrous_version()) != 0) {
        fprintf(stderr, "consumer: headers %s, library %s\n", version, atrous_version());
        return 1;
    }
    if (!convolves()) {
        fprintf(stderr, "consumer: wrong answer\n");
        return 1;
    }
    printf("atrous %s, %s opencl.h\n", version, WITH_OPENCL ? "with" : "without");
    return 0;
}
