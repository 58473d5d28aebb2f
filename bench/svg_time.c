/* Draws time against dilation, one panel for each family of rows. */
#include "svg.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

enum { COLUMNS = 4, HEAD = 52, PANEL_HEIGHT = 190, PANEL_GAP = 20, MAX_POINTS = 32 };
enum { PLOT_LEFT = 40, PLOT_TOP = 40, PLOT_BOTTOM = 30 };
static const double panel_width =
    (SVG_WIDTH - 2 * SVG_MARGIN - (COLUMNS - 1) * PANEL_GAP) / (double)COLUMNS;

/* Rows of one name but for the number after the last -d, by growing number. */
struct family {
    size_t prefix; /* length of what the names share */
    const struct figures *row[MAX_POINTS];
    double dilation[MAX_POINTS];
    size_t count;
};

/* Length of the name before a closing -dN, N into *number; 0 where there is none. */
static size_t family_prefix(const char *name, double *number)
{
    const char *at = strrchr(name, '-');
    if (at == NULL || at == name || at[1] != 'd' || at[2] == '\0' || strlen(at) > 8)
        return 0;
    *number = 0;
    for (const char *digit = at + 2; *digit != '\0'; ++digit) {
        if (!isdigit((unsigned char)*digit))
            return 0;
        *number = 10 * *number + (*digit - '0');
    }
    return *number >= 1 ? (size_t)(at - name) : 0;
}

static void insert(struct family *family, const struct figures *row, double dilation)
{
    size_t at = family->count++;
    for (; at > 0 && family->dilation[at - 1] > dilation; --at) {
        family->row[at] = family->row[at - 1];
        family->dilation[at] = family->dilation[at - 1];
    }
    family->row[at] = row;
    family->dilation[at] = dilation;
}

/* Collects the family that row `first` begins; false where another began it, or it is alone. */
static bool collect(const struct report *report, size_t first, struct family *family)
{
    double dilation = 0;
    const char *name = report->rows[first].name;
    const size_t prefix = family_prefix(name, &dilation);
    *family = (struct family){.prefix = prefix};
    for (size_t i = 0; prefix > 0 && i < report->count; ++i) {
        const struct figures *row = &report->rows[i];
        if (family_prefix(row->name, &dilation) != prefix || !isfinite(row->ms) ||
            strncmp(row->name, name, prefix) != 0)
            continue;
        if (i < first)
            return false;
        if (family->count < MAX_POINTS)
            insert(family, row, dilation);
    }
    return family->count > 1;
}

static size_t count_families(const struct report *report)
{
    struct family family;
    size_t count = 0;
    for (size_t i = 0; i < report->count; ++i)
        count += isfinite(report->rows[i].ms) && collect(report, i, &family);
    return count;
}

double svg_time_height(const struct report *report)
{
    const size_t lines = (count_families(report) + COLUMNS - 1) / COLUMNS;
    return HEAD + (lines == 0 ? 24 : (double)lines * (PANEL_HEIGHT + PANEL_GAP));
}

/* Where a panel's points lie. */
struct frame {
    double left, top, width, height;
    double first, span; /* log2 of the dilations */
    double largest_ms;
};

static double place_x(const struct frame *frame, double dilation)
{
    return frame->left + frame->width * (log2(dilation) - frame->first) / frame->span;
}

static double place_y(const struct frame *frame, double ms)
{
    return frame->top + frame->height * (1 - ms / frame->largest_ms);
}

static struct frame make_frame(const struct family *family, double x, double y)
{
    struct frame frame = {.left = x + PLOT_LEFT,
                          .top = y + PLOT_TOP,
                          .width = panel_width - PLOT_LEFT - 10,
                          .height = PANEL_HEIGHT - PLOT_TOP - PLOT_BOTTOM,
                          .first = log2(family->dilation[0])};
    frame.span = fmax(log2(family->dilation[family->count - 1]) - frame.first, 1e-3);
    for (size_t i = 0; i < family->count; ++i) {
        frame.largest_ms = fmax(frame.largest_ms, family->row[i]->ms);
        if (isfinite(family->row[i]->peer_ms))
            frame.largest_ms = fmax(frame.largest_ms, family->row[i]->peer_ms);
    }
    frame.largest_ms *= 1.08;
    return frame;
}

static void put_axes(FILE *file, const struct family *family, const struct frame *frame)
{
    char text[32];
    double free_from = 0; /* labels that would touch the one before are left out */
    const double bottom = frame->top + frame->height;
    const double step = svg_step(frame->largest_ms, 5);
    for (int i = 0; i * step <= frame->largest_ms; ++i) {
        const double y = place_y(frame, i * step);
        svg_line(file, i == 0 ? "axis" : "grid", frame->left, y, frame->left + frame->width, y);
        snprintf(text, sizeof text, "%g", i * step);
        svg_text(file, frame->left - 5, y + 4, "soft", "end", text);
    }
    for (size_t i = 0; i < family->count; ++i) {
        const double x = place_x(frame, family->dilation[i]);
        const int length = snprintf(text, sizeof text, "%g", family->dilation[i]);
        const double half = 3.6 * length;
        svg_line(file, "axis", x, bottom, x, bottom + 3);
        if (x - half < free_from)
            continue;
        svg_text(file, x, bottom + 15, "soft", "middle", text);
        free_from = x + half + 3;
    }
}

static void put_curve(FILE *file, const struct family *family, const struct frame *frame, bool ours)
{
    fprintf(file, "<polyline class=\"%s\" points=\"", ours ? "ours" : "peer");
    for (size_t i = 0; i < family->count; ++i) {
        const double ms = ours ? family->row[i]->ms : family->row[i]->peer_ms;
        if (isfinite(ms))
            fprintf(file, "%.1f,%.1f ", place_x(frame, family->dilation[i]), place_y(frame, ms));
    }
    fputs("\"/>\n", file);
    for (size_t i = 0; i < family->count; ++i) {
        const double ms = ours ? family->row[i]->ms : family->row[i]->peer_ms;
        if (isfinite(ms))
            fprintf(file, "<circle class=\"%sdot\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n",
                    ours ? "ours" : "peer", place_x(frame, family->dilation[i]),
                    place_y(frame, ms));
    }
}

/* The solvers of the family, each once, in the order of the dilations. */
static void put_solvers(FILE *file, const struct family *family, double x, double y)
{
    char text[40] = "";
    for (size_t i = 0; i < family->count; ++i) {
        const char *solver = family->row[i]->solver;
        const size_t length = strlen(text);
        if (strstr(text, solver) == NULL)
            snprintf(text + length, sizeof text - length, "%s%s", i > 0 ? ", " : "", solver);
    }
    svg_text(file, x, y, "soft", "start", text);
}

static void put_panel(FILE *file, const struct family *family, double x, double y)
{
    char name[32];
    const struct frame frame = make_frame(family, x, y);
    snprintf(name, sizeof name, "%.*s", (int)(family->prefix < 30 ? family->prefix : 30),
             family->row[0]->name);
    svg_text(file, x, y + 12, "name", "start", name);
    put_solvers(file, family, x, y + 27);
    put_axes(file, family, &frame);
    put_curve(file, family, &frame, false);
    put_curve(file, family, &frame, true);
}

static void put_legend(FILE *file, const struct report *report, double y)
{
    double x = SVG_MARGIN;
    svg_line(file, "ours", x, y - 4, x + 28, y - 4);
    svg_text(file, x + 34, y, "", "start", "atrous (the solver is named in the panel)");
    x += 300;
    if (strcmp(report->peer, "none") != 0) {
        svg_line(file, "peer", x, y - 4, x + 28, y - 4);
        svg_text(file, x + 34, y, "", "start", report->peer);
    }
}

void svg_time(FILE *file, const struct report *report, double top)
{
    struct family family;
    size_t drawn = 0;
    svg_text(
        file, SVG_MARGIN, top + 14, "head", "start",
        "Milliseconds against dilation (each scale starts at 0; flat: dilation costs nothing)");
    put_legend(file, report, top + 36);
    for (size_t i = 0; i < report->count; ++i) {
        if (!isfinite(report->rows[i].ms) || !collect(report, i, &family))
            continue;
        const double x = SVG_MARGIN + (double)(drawn % COLUMNS) * (panel_width + PANEL_GAP);
        const double y = top + HEAD + (double)(drawn / COLUMNS) * (PANEL_HEIGHT + PANEL_GAP);
        put_panel(file, &family, x, y);
        drawn++;
    }
    if (drawn == 0)
        svg_text(file, SVG_MARGIN, top + HEAD + 12, "soft", "start",
                 "No two rows of this run differ in their dilation alone.");
}
