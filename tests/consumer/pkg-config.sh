#!/bin/sh
# Builds consumer.c against an installed atrous through pkg-config alone, and runs it.
#   pkg-config.sh SOURCE COMPILER LIBDIR shared|static PROGRAM
set -eu
source=$1 compiler=$2 libdir=$3 kind=$4 program=$5

export PKG_CONFIG_PATH="$libdir/pkgconfig"
pkg-config --exists --print-errors 'atrous >= 0.1 atrous < 1'
if [ "$kind" = static ]; then
    # OpenCL and the C library stay shared; only atrous itself is taken from its archive.
    libs=$(pkg-config --static --libs atrous | sed 's/-latrous/-l:libatrous.a/')
else
    libs=$(pkg-config --libs atrous)
    export LD_LIBRARY_PATH="$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
# Both lists are words for the compiler.
# shellcheck disable=SC2046,SC2086
"$compiler" -std=c11 -o "$program" "$source" $(pkg-config --cflags atrous) $libs
"$program"
