/* Thread counts of the CPU path. */
#include "cpu/threads.h"
#include "cpu/cpu.h"

#include <omp.h>
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

size_t atrous__cpu_cache(void)
{
#ifdef _SC_LEVEL3_CACHE_SIZE
    const long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
    return bytes > 0 ? (size_t)bytes : 0;
#else
    return 0;
#endif
}
