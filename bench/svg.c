/* Writes the two plots of a run as one SVG that reads in light and in dark. */
#include "svg.h"

#include <math.h>
#include <stdio.h>

/* Plain classes, repeated for dark: not every reader knows CSS variables. */
static const char style[] =
    "text{font-family:'DejaVu Sans',Verdana,sans-serif;font-size:11px;fill:#1f2933}\n"
    ".back{fill:#ffffff}.title{font-size:18px;font-weight:bold}\n"
    ".head{font-size:14px;font-weight:bold}.name{font-weight:bold}.soft{fill:#5b6774}\n"
    ".grid{stroke:#dde2e8;stroke-width:1}.axis{stroke:#5b6774;stroke-width:1}\n"
    ".ours{stroke:#1f5fbf;fill:none;stroke-width:2}.oursdot{fill:#1f5fbf}\n"
    ".peer{stroke:#c05a00;fill:none;stroke-width:2;stroke-dasharray:5 3}.peerdot{fill:#c05a00}\n"
    ".mark{stroke:#c05a00;stroke-width:3}.peak{fill:#1f5fbf}.copy{fill:#2a8c6a}\n"
    "@media (prefers-color-scheme: dark){\n"
    "text{fill:#e4e8ec}.back{fill:#14181d}.soft{fill:#9aa7b4}\n"
    ".grid{stroke:#2c343d}.axis{stroke:#9aa7b4}\n"
    ".ours{stroke:#6aa5ff}.oursdot{fill:#6aa5ff}\n"
    ".peer{stroke:#ff9d47}.peerdot{fill:#ff9d47}\n"
    ".mark{stroke:#ff9d47}.peak{fill:#6aa5ff}.copy{fill:#4fc79c}\n"
    "}\n";

static void put_escaped(FILE *file, const char *text)
{
    for (; *text != '\0'; ++text) {
        switch (*text) {
        case '&':
            fputs("&amp;", file);
            break;
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        default:
            if ((unsigned char)*text >= 0x20)
                fputc(*text, file);
        }
    }
}

void svg_text(FILE *file, double x, double y, const char *class, const char *anchor,
              const char *text)
{
    fprintf(file, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", class, x, y,
            anchor);
    put_escaped(file, text);
    fputs("</text>\n", file);
}

void svg_line(FILE *file, const char *class, double x1, double y1, double x2, double y2)
{
    fprintf(file, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class,
            x1, y1, x2, y2);
}

double svg_step(double largest, int parts)
{
    const double rough = largest / parts;
    const double power = pow(10, floor(log10(rough)));
    const double digit = rough / power;
    return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
}

static void put_title(FILE *file, const struct report *report)
{
    char text[320];
    svg_text(file, SVG_MARGIN, 34, "title", "start", "Dilated convolution, measured");
    int length = snprintf(text, sizeof text, "%s; peer: %s", report->device, report->peer);
    if (isfinite(report->limits.peak_gflops) && length > 0 && (size_t)length < sizeof text)
        snprintf(text + length, sizeof text - (size_t)length,
                 "; limits: %.0f GFLOP/s, copy %.1f GB/s", report->limits.peak_gflops,
                 report->limits.copy_gbps);
    svg_text(file, SVG_MARGIN, 54, "soft", "start", text);
}

bool report_svg(const struct report *report, const char *path)
{
    const double top = 72;
    const double time_height = svg_time_height(report);
    const double height = top + time_height + svg_share_height(report);
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    fprintf(file,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" "
            "viewBox=\"0 0 %d %.0f\">\n<style>\n%s</style>\n"
            "<rect class=\"back\" width=\"100%%\" height=\"100%%\"/>\n",
            SVG_WIDTH, height, SVG_WIDTH, height, style);
    put_title(file, report);
    svg_time(file, report, top);
    svg_share(file, report, top + time_height);
    fputs("</svg>\n", file);
    const bool good = ferror(file) == 0;
    return fclose(file) == 0 && good;
}
