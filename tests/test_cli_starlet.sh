#!/bin/sh
# test_cli_starlet.sh ATROUS TEST_STARLET DATA SCRATCH: what `atrous starlet` writes and refuses.
# ATROUS_TEST_DEVICE=cpu (the CPU path) or another (OpenCL device 0).
atrous=$1
test_starlet=$2
data=$3
scratch=$4
failures=0

rm -rf "$scratch"
mkdir -p "$scratch" && cd "$scratch" || exit 1
device=0
[ "$ATROUS_TEST_DEVICE" != cpu ] || device=cpu
"$atrous" starlet "$data/coffee.png" probe --scales 1 --device $device --quiet >out 2>err
if [ $? = 3 ]; then
    cat err
    [ "$CI" = true ] && exit 1
    exit 77
fi

fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
    cat out err
}

# bad PATTERN ARGUMENT...: exit 2, one line on stderr with the pattern, no directory "bad".
bad() {
    pattern=$1
    shift
    "$atrous" starlet "$@" >out 2>err
    [ $? = 2 ] || fail "not exit 2: $*"
    [ "$(wc -l <err)" = 1 ] || fail "not one line: $*"
    grep -q -e "$pattern" err || fail "no '$pattern': $*"
    [ ! -e bad ] || fail "bad was written: $*"
}

"$atrous" starlet "$data/hubble_512.png" hubble --scales 5 --device $device --check >out 2>err ||
    fail "the Hubble picture"
grep -q "check: worst error" out || fail "no check"
grep -q "reconstruction: worst error" out || fail "no reconstruction error"
"$test_starlet" hubble 5 >out 2>err || fail "planes of the Hubble picture"
for name in plane_1 plane_5 smooth reconstruction; do
    [ -s hubble/$name.npy ] && [ -s hubble/$name.png ] || fail "$name is missing"
done
"$atrous" starlet "$data/coffee.png" hubble --scales 3 --device $device --json >out 2>err ||
    fail "a second picture into the same directory"
grep -q '"reconstruction_error"' out || fail "no reconstruction error in JSON"
"$test_starlet" hubble 3 >out 2>err || fail "planes of the photograph"
[ -z "$("$atrous" starlet "$data/coffee.png" quiet --scales 1 --device $device --quiet 2>&1)" ] ||
    fail "--quiet speaks"

# Bars are for a person at a terminal; `script` is one, where there is such a program.
"$atrous" starlet "$data/coffee.png" bars --scales 2 --device $device --progress >out 2>err ||
    fail "--progress"
! grep -q '#' err || fail "a bar into a file"
if command -v script >/dev/null 2>&1; then
    script -qec "$atrous starlet $data/coffee.png bars --scales 2 --device $device --repeat 3 \
        --progress" /dev/null >out 2>err </dev/null || fail "--progress at a terminal"
    grep -q 'repeat \[#*\] 3 of 3' out || fail "no bar of the runs"
    grep -q 'writing \[#*\] 4 of 4' out || fail "no bar of the files"
fi

bad "scales" "$data/coffee.png" bad --scales 0
bad "scales" "$data/coffee.png" bad --scales 31
bad "scales" "$data/coffee.png" bad --scales x
bad "missing" "$data/coffee.png" --scales 2
bad "unknown flag" "$data/coffee.png" bad --scales 2 --dilation 3
bad "nowhere.png" nowhere.png bad --scales 2
bad "PNG" hubble/smooth.npy bad --scales 2
bad "nosuch" "$data/coffee.png" bad --scales 2 --solver nosuch --device $device
bad "cannot be" "$data/coffee.png" nowhere/deep --scales 2 --device $device
bad "cannot be" "$data/coffee.png" hubble/smooth.png --scales 2 --device $device

[ $failures = 0 ]
