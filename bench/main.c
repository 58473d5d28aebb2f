/* atrous-bench: times the problems of a suite, beside a peer, and says how near the limit. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contender.h"
#include "measure.h"
#include "options.h"
#include "report.h"
#include "stacks.h"
#include "statistics.h"
#include "suite.h"

enum { EXIT_DONE = 0, EXIT_WRONG_ANSWER = 1, EXIT_USAGE = 2, EXIT_DEVICE = 3 };
enum { LIMIT_TIMES = 3, WIDEST_NAME = 40 };

static bool set_where_unset(const char *name, const char *value)
{
    return getenv(name) == NULL && setenv(name, value, 1) == 0;
}

/* Gives all sides the same number of threads and keeps those of OpenMP from spinning while
 * another side is timed. The OpenMP runtime reads its variables when it is loaded, so the
 * program starts itself again where it had to set one. */
static unsigned settle_threads(char **argv)
{
    const char *asked = getenv("OMP_NUM_THREADS");
    long threads = asked != NULL ? strtol(asked, NULL, 10) : sysconf(_SC_NPROCESSORS_ONLN);
    char text[24];
    threads = threads < 1 ? 1 : threads > 4096 ? 4096 : threads;
    snprintf(text, sizeof text, "%ld", threads);
    set_where_unset("POCL_MAX_PTHREAD_COUNT", text);
    /* What is measured is the cost model's choice, not what a tuning remembers. */
    set_where_unset("ATROUS_CACHE", "off");
    /* A thread to a processor on either side: where a sleeping thread wakes is a coin toss
     * otherwise, and two on one processor take twice the time. */
    set_where_unset("POCL_AFFINITY", "1");
    const bool set_binding = set_where_unset("OMP_PROC_BIND", "true");
    const bool set_threads = set_where_unset("OMP_NUM_THREADS", text);
    const bool set_policy = set_where_unset("OMP_WAIT_POLICY", "passive");
    if (set_threads || set_policy || set_binding)
        execvp(argv[0], argv); /* comes back only where it failed: then go on as we are */
    return (unsigned)threads;
}

static bool writable(const char *path)
{
    FILE *file = path != NULL ? fopen(path, "ab") : NULL;
    if (file != NULL)
        fclose(file);
    else if (path != NULL)
        fprintf(stderr, "atrous-bench: %s: cannot be written\n", path);
    return path == NULL || file != NULL;
}

static bool usable(const struct options *options)
{
    const bool onednn = options->peer == PEER_ONEDNN || options->peer == PEER_ONEDNN_PLAIN;
    if (onednn && !contender_onednn_exists()) {
        fprintf(stderr,
                "atrous-bench: --peer %s: this build has no oneDNN; install libdnnl-dev and "
                "configure again\n",
                peer_name(options->peer));
        return false;
    }
    return writable(options->json) && writable(options->svg);
}

static bool open_context(const struct options *options, unsigned threads,
                         atrous_device_choice choice, atrous_context **out, atrous_error *error)
{
    atrous_context_options context;
    atrous_context_options_init(&context, sizeof context);
    context.device = choice;
    context.index = options->device_index;
    context.threads = threads;
    context.cpu_fallback = 0; /* a device's figure is never the CPU path's */
    return atrous_context_create(&context, out, error) == ATROUS_OK;
}

static bool open_bench(struct bench *bench, unsigned threads, atrous_error *error)
{
    const struct options *options = bench->options;
    if (!open_context(options, threads, options->device, &bench->context, error))
        return false;
    if (!atrous_context_is_cpu_path(bench->context) &&
        !device_open(bench->context, &bench->device, error))
        return false;
    return options->peer != PEER_CPU ||
           open_context(options, threads, ATROUS_DEVICE_CPU_PATH, &bench->peer_context, error);
}

static void close_bench(struct bench *bench)
{
    device_close(bench->device);
    atrous_context_destroy(bench->context);
    atrous_context_destroy(bench->peer_context);
}

/* The limits as measured before, amid and after the rows: other loads come and go. */
struct limit_series {
    double peak[LIMIT_TIMES], copy[LIMIT_TIMES];
    size_t count;
};

static bool measure_limits(const struct bench *bench, struct limit_series *series,
                           struct report *report, atrous_error *error)
{
    struct limits now;
    if (bench->device == NULL || series->count == LIMIT_TIMES)
        return true;
    if (!device_limits(bench->device, &now, error))
        return false;
    series->peak[series->count] = now.peak_gflops;
    series->copy[series->count++] = now.copy_gbps;
    report->limits.peak_gflops = median(series->peak, series->count);
    report->limits.copy_gbps = median(series->copy, series->count);
    report->lowest_peak = series->peak[0]; /* the median leaves them sorted */
    report->highest_peak = series->peak[series->count - 1];
    return true;
}

static size_t widest_name(const struct suite *suite)
{
    size_t widest = strlen("problem");
    for (size_t i = 0; i < suite->count; ++i) {
        const size_t length = strlen(suite->rows[i].name);
        widest = length > widest && length <= WIDEST_NAME ? length : widest;
    }
    return widest;
}

static bool is_device_failure(const atrous_error *error)
{
    return error->status == ATROUS_OPENCL_ERROR || error->status == ATROUS_NO_DEVICE;
}

/* Measures and prints every row; the exit code of that. */
static int run_rows(const struct bench *bench, const struct suite *suite, struct figures *figures,
                    struct report *report)
{
    const size_t width = widest_name(suite);
    struct limit_series series = {.count = 0};
    atrous_error error = {0};
    int code = EXIT_DONE;
    if (!measure_limits(bench, &series, report, &error))
        goto failed;
    for (size_t i = 0; i < suite->count; ++i) {
        if (!measure_row(bench, &suite->rows[i], &figures[i], &error)) {
            if (bench->options->solver != NULL && strstr(error.field, "solver") != NULL &&
                error.status == ATROUS_INVALID_ARGUMENT) {
                fprintf(stderr, "atrous-bench: %s\n", error.message);
                return EXIT_USAGE;
            }
            code = is_device_failure(&error) ? EXIT_DEVICE : code;
        }
        report->count = i + 1;
        report_row(&figures[i], &report->limits, width);
        if (i + 1 == (suite->count + 1) / 2 && !measure_limits(bench, &series, report, &error))
            goto failed;
    }
    if (!measure_limits(bench, &series, report, &error))
        goto failed;
    return code;

failed:
    fprintf(stderr, "atrous-bench: measuring the device's limits: %s\n", error.message);
    return EXIT_DEVICE;
}

static int write_files(const struct options *options, const struct report *report)
{
    if (options->json != NULL && !report_json(report, options->json)) {
        fprintf(stderr, "atrous-bench: %s: could not be written\n", options->json);
        return EXIT_USAGE;
    }
    if (options->svg != NULL && !report_svg(report, options->svg)) {
        fprintf(stderr, "atrous-bench: %s: could not be written\n", options->svg);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

static int run_suite(const struct options *options, const struct suite *suite, unsigned threads)
{
    struct bench bench = {.options = options};
    atrous_device_info info = {.struct_size = sizeof info};
    atrous_error error = {0};
    struct figures *figures = calloc(suite->count, sizeof *figures);
    int code = EXIT_DEVICE;
    if (figures == NULL || !open_bench(&bench, threads, &error) ||
        atrous_context_describe(bench.context, &info, &error) != ATROUS_OK) {
        fprintf(stderr, "atrous-bench: %s\n", figures == NULL ? "out of memory" : error.message);
        goto done;
    }
    struct report report = {.device = info.name,
                            .peer = peer_name(options->peer),
                            .limits = {NAN, NAN},
                            .rows = figures};
    report_head(&report, bench.device != NULL ? threads : 0, widest_name(suite));
    code = run_rows(&bench, suite, figures, &report);
    if (code == EXIT_USAGE)
        goto done;
    report_end(&report);
    const int files = write_files(options, &report);
    if (code == EXIT_DONE)
        code = files;
    if (code == EXIT_DONE && report_summary(&report).wrong > 0)
        code = EXIT_WRONG_ANSWER;

done:
    close_bench(&bench);
    free(figures);
    return code;
}

static int run_stacks(const struct options *options, unsigned threads)
{
    struct bench bench = {.options = options};
    atrous_error error = {0};
    int code = EXIT_DEVICE;
    if (open_bench(&bench, threads, &error))
        code = stacks_run(options, bench.context, bench.device);
    else
        fprintf(stderr, "atrous-bench: %s\n", error.message);
    close_bench(&bench);
    return code;
}

int main(int argc, char **argv)
{
    struct options options;
    struct suite suite;
    struct suite_failure failure;
    if (!options_parse(argc, argv, &options))
        return EXIT_USAGE;
    if (options.help) {
        options_help();
        return EXIT_DONE;
    }
    const unsigned threads = settle_threads(argv);
    if (options.stacks != NULL)
        return run_stacks(&options, threads);
    if (!suite_read(options.suite, options.only, &suite, &failure)) {
        fprintf(stderr, "atrous-bench: %s: %s\n",
                options.suite != NULL ? options.suite : "shapes.csv", failure.message);
        return EXIT_USAGE;
    }
    const int code = usable(&options) ? run_suite(&options, &suite, threads) : EXIT_USAGE;
    suite_free(&suite);
    return code;
}
