/* The table of commands and the help that is made from it. */
#include "command.h"

#include <stdio.h>

const struct cli_command cli_commands[] = {
    {"devices", CLI_DEVICES, 0, cli_devices, "list the OpenCL devices and the CPU path",
     "atrous devices [--json]\n"},
    {"conv", CLI_CONV, 0, cli_conv, "convolve .npy arrays",
     "atrous conv --input x.npy --weights w.npy [--bias b.npy] [--scale s.npy] --output y.npy\n"
     "            PROBLEM RUN\n"
     "atrous conv --transposed --input x.npy --weights w.npy [--bias b.npy] [--scale s.npy]\n"
     "            --output y.npy [--output-padding P[,P...]] PROBLEM RUN\n"
     "atrous conv --backward-data --grad-output dy.npy --weights w.npy --input-shape N,C,...\n"
     "            --output dx.npy PROBLEM RUN\n"
     "atrous conv --backward-weights --grad-output dy.npy --input x.npy --kernel R[,S...]\n"
     "            --output dw.npy [--bias-output db.npy] PROBLEM RUN\n"
     "\n"
     "x is N,C,spatial (N,spatial,C with --layout nhwc), w is K,C/G,spatial (transposed:\n"
     "C,K/G,spatial), b is K, s is K and multiplies the sums of each filter before the bias; b, s\n"
     "and db are float32; all in C order, little-endian; one to three spatial axes. Where --beta\n"
     "is not 0, what the files of --output and --bias-output hold is read first.\n"},
    {"plan", CLI_PLAN, 0, cli_plan, "tell which solver serves a problem, and why not the others",
     "atrous plan --shape N,C,[D,][H,]W --filters K --kernel R[,S...] PROBLEM RUN\n"
     "            [--transposed [--output-padding P[,P...]] | --backward-data | "
     "--backward-weights]\n"
     "            [--bias b.npy] [--scale s.npy] [--bias-output db.npy]\n"
     "\n"
     "--check and --repeat run the plan on random data. Files are not read nor written: a problem\n"
     "has a bias, a scale or a residual where one is named.\n"},
    {"filter", CLI_FILTER, 2, cli_filter, "filter a PNG picture",
     "atrous filter IN.png OUT.png --kernel NAME [--scales n] PROBLEM RUN\n"
     "\n"
     "NAME is b3spline, gauss3, box3, sobel-x, sobel-y, laplace or a two-axis FILE.npy.\n"
     "--scales n applies it n times, the dilation doubling from pass to pass.\n"
     "Without padding flags: --pad same --pad-mode replicate. Alpha passes through.\n"},
    {"starlet", CLI_STARLET, 2, cli_starlet, "take a PNG picture apart into wavelet planes",
     "atrous starlet IN.png OUT-DIRECTORY --scales n RUN\n"
     "\n"
     "Writes plane_1 to plane_n, smooth and their sum, reconstruction: .npy (float32, of [0, 1];\n"
     "colours first) and .png to look at, where mid-grey is no detail. Mirrored borders.\n"},
    {"field", CLI_FIELD, CLI_ANY_COUNT, cli_field,
     "tell and draw what a stack of layers sees: field, coverage, holes",
     "atrous field LAYER... [--rank r] [--shape N,C,...] [--json] [--svg FILE] [--animate]\n"
     "\n"
     "A LAYER is k with its extents, then any of d dilation, s stride, p padding (a number or\n"
     "same), c channels out (1): k3d2, k3x5d2x4s1p2c64. One number serves all axes; the rank is\n"
     "--rank, that of an x list or of --shape, else 2.\n"
     "--svg draws taps, coverage, growth; --animate the kernel of one layer on its way.\n"},
    {"tune", CLI_TUNE, 1, cli_tune,
     "measure the solvers on a list of problems, remember the winners",
     "atrous tune FILE.csv RUN\n"
     "\n"
     "Columns by the names in the first line: name, ndim, N, G, IC, ID, IH, IW, OC, KD, KH, KW,\n"
     "SD, SH, SW, DD, DH, DW, PD0, PD1, PH0, PH1, PW0, PW1 and, where present, op, dir, pad_mode,\n"
     "dtype, layout. Winners are kept in $XDG_CACHE_HOME/atrous/winners.sqlite or the file that\n"
     "ATROUS_CACHE names; ATROUS_CACHE=off keeps none.\n"
     "--check and --repeat run each winner on random data.\n"},
};

const size_t cli_command_count = sizeof cli_commands / sizeof cli_commands[0];

static const char problem_help[] =
    "\n"
    "Lists hold one number for all axes or one an axis, slowest axis first.\n"
    "\n"
    "PROBLEM  --stride S[,S...] --dilation D[,D...] --groups G\n"
    "         --flip (true convolution: the kernel reversed on every axis)\n"
    "         --pad P[,P...] | --pad same|same-lower|valid|causal\n"
    "         --pad-begin P[,P...] --pad-end P[,P...]\n"
    "         --pad-mode zeros|reflect|replicate|circular|constant:V\n"
    "         --layout nchw|nhwc [--output-layout nchw|nhwc]\n"
    "         --type f32|f16|bf16|i8 [--native-half]   --math default|strict\n"
    "         --alpha A --beta B (y = A * (...) + B * y)\n"
    "         --activation none|relu|leaky-relu:A|sigmoid|tanh|clamp:LO:HI|gated\n"
    "         --add r.npy | --add-after r.npy\n";
static const char run_help[] =
    "\n"
    "RUN      --device auto|cpu|INDEX   --solver auto|NAME   --threads n (CPU path)\n"
    "         --check   --repeat n   --json   --quiet   --progress\n";

void cli_help(const struct cli_command *command)
{
    if (command != NULL) {
        const bool has_run = command->bit != CLI_DEVICES && command->bit != CLI_FIELD;
        printf("%s%s%s", command->usage,
               has_run && command->bit != CLI_TUNE && command->bit != CLI_STARLET ? problem_help
                                                                                  : "",
               has_run ? run_help : "");
        return;
    }
    printf("atrous %s: dilated (a trous) convolution\n\n", atrous_version());
    for (size_t i = 0; i < cli_command_count; ++i)
        printf("  atrous %-8s  %s\n", cli_commands[i].name, cli_commands[i].summary);
    printf("  atrous %-8s  %s\n", "help", "this text, or that of one command");
    printf("\nexit codes: 0 done, 1 --check failed, 2 wrong usage or input, 3 the device failed\n");
}
