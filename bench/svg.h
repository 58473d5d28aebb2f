/* Pieces of an SVG document; the parts of the report draw themselves below each other. */
#ifndef BENCH_SVG_H
#define BENCH_SVG_H

#include <stdio.h>

#include "report.h"

enum { SVG_WIDTH = 960, SVG_MARGIN = 24 };

/* A text in a CSS class, `anchor` "start", "middle" or "end"; what XML reserves is escaped. */
void svg_text(FILE *file, double x, double y, const char *class, const char *anchor,
              const char *text);
void svg_line(FILE *file, const char *class, double x1, double y1, double x2, double y2);

/* A step of 1, 2 or 5 times a power of ten that divides `largest` into at most `parts` (> 0)
 * and a bit. */
double svg_step(double largest, int parts);

/* Time against dilation: one panel for each family of rows whose names differ in -dN alone.
 * Heights are asked for first because the document states its own. */
double svg_time_height(const struct report *report);
void svg_time(FILE *file, const struct report *report, double top);

/* How much of the device's nearer limit each row reaches, as bars. */
double svg_share_height(const struct report *report);
void svg_share(FILE *file, const struct report *report, double top);

#endif
