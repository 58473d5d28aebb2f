/* The winners store: which solver was the fastest, remembered from process to process. */
#ifndef ATROUS_PLAN_STORE_H
#define ATROUS_PLAN_STORE_H

#include "base/base.h"

struct atrous__winner {
    char solver[32];
    double ms; /* positive */
};

/* ---- answered by host/plan/sqlite/, or by host/plan/without/ in a build without SQLite. Nothing
 * here fails a call: what cannot be opened, read or written within about 100 ms is as good as not
 * there. Safe from several threads and processes. */

/* Fills *winner with what is remembered of the problem on the device. False: nothing. */
bool atrous__store_recall(const atrous_device_info *device, const atrous_conv *conv,
                          struct atrous__winner *winner);

/* Remembers a winner in place of an older one. False when that could not be done. */
bool atrous__store_keep(const atrous_device_info *device, const atrous_conv *conv,
                        const char *solver, double ms);

#endif
