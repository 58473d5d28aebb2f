/* Thread counts of the CPU path. */
#include "cpu/threads.h"
#include "cpu/cpu.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* OpenMP ends the process when it cannot make the threads it was asked for. */
enum { MOST_THREADS = 256 };

/* A few microseconds of work, about what it takes to wake a thread. */
static const double worth_threads = 65536;

unsigned atrous__cpu_threads(unsigned asked)
{
    const int found = omp_get_num_procs();
    const unsigned processors = found > 0 ? (unsigned)found : 1;
    if (asked == 0)
        return processors;
    return asked < MOST_THREADS || asked < processors ? asked : MOST_THREADS;
}

unsigned atrous__threads_for(double macs, unsigned asked)
{
    return macs < worth_threads ? 1 : atrous__cpu_threads(asked);
}

/* What Linux says of the first processor: "32768K" on a line; else 0. */
static size_t shared_cache(void)
{
    FILE *file = fopen("/sys/devices/system/cpu/cpu0/cache/index3/size", "r");
    char line[32] = "", *unit = line;
    if (file == NULL)
        return 0;
    if (fgets(line, sizeof line, file) == NULL)
        line[0] = '\0';
    fclose(file);
    const unsigned long size = strtoul(line, &unit, 10);
    return *unit == 'K' && size < SIZE_MAX >> 10 ? (size_t)size << 10 : 0;
}

size_t atrous__cpu_cache(void)
{
    /* sysconf may count all caches of a package, of which a processor reaches one. */
    const size_t shared = shared_cache();
    if (shared > 0)
        return shared;
#ifdef _SC_LEVEL3_CACHE_SIZE
    const long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
    return bytes > 0 ? (size_t)bytes : 0;
#else
    return 0;
#endif
}
