/* How many threads a piece of work of the CPU path gets. */
#ifndef ATROUS_CPU_THREADS_H
#define ATROUS_CPU_THREADS_H

/* atrous__cpu_threads(asked), or 1 where starting threads costs more than `macs` multiply-adds. */
unsigned atrous__threads_for(double macs, unsigned asked);

#endif
