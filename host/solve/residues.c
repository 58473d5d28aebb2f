/* Finds which residues of strides meet the same inputs. */
#include "solve/residues.h"

static size_t find_runs(const struct atrous__axis *axis, struct atrous__run runs[ATROUS__MOST_RUNS])
{
    size_t count = 0;
    for (size_t r = 0; r < atrous__min(axis->spread, axis->out); ++r) {
        const struct atrous__residue residue = atrous__residue_of(axis, r);
        const struct atrous__run next = {.first = r,
                                         .count = 1,
                                         .taps = residue.taps,
                                         .tap_step = residue.tap_step,
                                         .from = residue.taps > 0 ? residue.from : 0};
        struct atrous__run *last = count > 0 ? &runs[count - 1] : NULL;
        if (last != NULL && last->from == next.from && last->taps == next.taps)
            ++last->count;
        else
            runs[count++] = next;
    }
    return count;
}

/* What the runs of an axis read together, from positions that are counted once for all. */
static struct atrous__axis dense_axis(const struct atrous__axis *axis,
                                      const struct atrous__run *runs, size_t count)
{
    ptrdiff_t from = 0, end = 1;
    bool is_first = true;
    for (size_t i = 0; i < count; ++i) {
        if (runs[i].taps == 0)
            continue;
        const ptrdiff_t run_end = runs[i].from + (ptrdiff_t)runs[i].taps;
        from = is_first || runs[i].from < from ? runs[i].from : from;
        end = is_first || run_end > end ? run_end : end;
        is_first = false;
    }
    return (struct atrous__axis){.in = axis->in,
                                 .out = atrous__ceil_div(axis->out, axis->spread),
                                 .kernel = (size_t)(end - from),
                                 .stride = 1,
                                 .dilation = 1,
                                 .spread = 1,
                                 .pad = from < 0 ? (size_t)-from : 0,
                                 .crop = from > 0 ? (size_t)from : 0};
}

struct atrous__class atrous__class_at(const struct atrous__residues *residues, size_t index)
{
    struct atrous__class c = {.residues = 1, .taps = 1};
    for (int i = ATROUS__AXES; i-- > 0; index /= residues->run_count[i]) {
        c.run[i] = &residues->runs[i][index % residues->run_count[i]];
        c.residues *= c.run[i]->count;
        c.taps *= c.run[i]->taps;
    }
    return c;
}

struct atrous__residues atrous__residues_make(const struct atrous__problem *problem)
{
    struct atrous__residues r = {.classes = 1, .most_taps = 1, .dense = *problem};
    r.dense.form = ATROUS__SUM;
    r.dense.taps = r.dense.out_plane = 1;
    for (int i = 0; i < ATROUS__AXES; ++i) {
        r.run_count[i] = find_runs(&problem->axis[i], r.runs[i]);
        r.classes *= r.run_count[i];
        r.dense.axis[i] = dense_axis(&problem->axis[i], r.runs[i], r.run_count[i]);
        r.dense.taps *= r.dense.axis[i].kernel;
        r.dense.out_plane *= r.dense.axis[i].out;
    }
    for (size_t i = 0; i < r.classes; ++i) {
        const size_t taps = atrous__class_at(&r, i).taps;
        r.most_taps = atrous__max(r.most_taps, taps);
        r.has_zeros = r.has_zeros || taps == 0;
    }
    return r;
}
