/* Draws how much of the device's nearer limit each row reaches. */
#include "svg.h"

#include <math.h>
#include <string.h>

enum { HEAD = 84, BAR_STEP = 18, BAR_HEIGHT = 12, LABELS = 230, VALUES = 110 };
static const double plot_left = SVG_MARGIN + LABELS;
static const double plot_width = SVG_WIDTH - 2 * SVG_MARGIN - LABELS - VALUES;

/* The larger of both shares; which one into *of_copy. NAN where the limits are not known. */
static double share(const struct figures *row, const struct limits *limits, bool *of_copy)
{
    const double peak = figures_peak_share(row, limits), copy = figures_copy_share(row, limits);
    *of_copy = copy > peak;
    return *of_copy ? copy : peak;
}

static double largest_share(const struct report *report)
{
    double largest = 1;
    bool of_copy = false;
    for (size_t i = 0; i < report->count; ++i) {
        const double ours = share(&report->rows[i], &report->limits, &of_copy);
        const double peer = ours / report->rows[i].ratio;
        largest = isfinite(ours) ? fmax(largest, ours) : largest;
        largest = isfinite(peer) ? fmax(largest, peer) : largest;
    }
    return largest;
}

static size_t count_bars(const struct report *report)
{
    size_t count = 0;
    bool of_copy = false;
    for (size_t i = 0; i < report->count; ++i)
        count += isfinite(share(&report->rows[i], &report->limits, &of_copy)) ? 1 : 0;
    return count;
}

double svg_share_height(const struct report *report)
{
    return HEAD + (double)count_bars(report) * BAR_STEP + 2 * SVG_MARGIN;
}

static void put_legend(FILE *file, const struct report *report, double y)
{
    double x = SVG_MARGIN;
    const char *const names[] = {"of the FMA peak", "of the copy bandwidth"};
    const char *const classes[] = {"peak", "copy"};
    for (int i = 0; i < 2; ++i) {
        fprintf(file, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"28\" height=\"10\"/>\n",
                classes[i], x, y - 9);
        svg_text(file, x + 34, y, "", "start", names[i]);
        x += 190;
    }
    if (strcmp(report->peer, "none") != 0) {
        svg_line(file, "mark", x + 14, y - 11, x + 14, y + 2);
        svg_text(file, x + 34, y, "", "start", report->peer);
    }
}

static void put_grid(FILE *file, double largest, double top, double bottom)
{
    char text[16];
    const double step = largest > 1.5 ? svg_step(largest, 8) : 0.25;
    for (int i = 0; i * step <= largest * 1.0001; ++i) {
        const double x = plot_left + plot_width * i * step / largest;
        const bool whole = i == 0 || fabs(i * step - 1) < 1e-9;
        svg_line(file, whole ? "axis" : "grid", x, top, x, bottom);
        snprintf(text, sizeof text, "%.0f %%", 100 * i * step);
        svg_text(file, x, top - 6, "soft", "middle", text);
    }
}

static void put_bar(FILE *file, const struct figures *row, const struct report *report,
                    double largest, double y)
{
    char text[48];
    bool of_copy = false;
    const double value = share(row, &report->limits, &of_copy);
    const double peer = value / row->ratio;
    const double width = plot_width * value / largest;
    snprintf(text, sizeof text, "%.34s", row->name);
    svg_text(file, plot_left - 8, y + 10, "", "end", text);
    fprintf(file, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>\n",
            of_copy ? "copy" : "peak", plot_left, y, width, BAR_HEIGHT);
    if (isfinite(peer)) {
        const double x = plot_left + plot_width * peer / largest;
        svg_line(file, "mark", x, y - 1, x, y + BAR_HEIGHT + 1);
    }
    snprintf(text, sizeof text, "%.0f %% %.10s", 100 * value, row->solver);
    svg_text(file, plot_left + plot_width + 12, y + 10, "soft", "start", text);
}

void svg_share(FILE *file, const struct report *report, double top)
{
    const double largest = largest_share(report);
    const double bars = top + HEAD;
    const double bottom = bars + (double)count_bars(report) * BAR_STEP;
    bool of_copy = false;
    double y = bars + 3;
    svg_text(file, SVG_MARGIN, top + 14, "head", "start",
             "Share of the device's limit, the nearer of two, both measured in the same run");
    put_legend(file, report, top + 38);
    if (bottom <= bars) {
        svg_text(file, SVG_MARGIN, top + 64, "soft", "start",
                 "The limits were not measured in this run.");
        return;
    }
    put_grid(file, largest, bars, bottom);
    for (size_t i = 0; i < report->count; ++i) {
        if (!isfinite(share(&report->rows[i], &report->limits, &of_copy)))
            continue;
        put_bar(file, &report->rows[i], report, largest, y);
        y += BAR_STEP;
    }
}
