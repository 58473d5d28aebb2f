#!/bin/sh
# test_cli.sh ATROUS MAKE_NPY DATA SCRATCH: the program's promises, from exit codes to bad files.
# ATROUS_TEST_DEVICE=cpu (without any OpenCL driver) or another (with OpenCL device 0).
atrous=$1
make_npy=$2
data=$3
scratch=$4
here=$(cd "$(dirname "$0")" && pwd)

rm -rf "$scratch"
mkdir -p "$scratch" && cd "$scratch" || exit 1
. "$here/cli.sh"

"$make_npy" x.npy 1,16,32,32 && "$make_npy" w.npy 16,16,3,3 && "$make_npy" b.npy 16 || exit 1

if [ "$ATROUS_TEST_DEVICE" = cpu ]; then
    device=cpu
    solvers=cpu
else
    device=0
    solvers="reference tile simd"
    "$atrous" conv --device 0 --input x.npy --weights w.npy --output y.npy >out 2>err
    if [ $? = 3 ]; then
        cat err
        [ "$CI" = true ] && exit 1
        echo "skipped: no OpenCL device"
        exit 77
    fi
fi

# ---- what works

run 0 help help
says out "conv"
run 0 devices devices
run 0 "devices as JSON" devices --json
says out '^[[{]'

for d in 1 2 4 8 16; do
    run 0 "conv d=$d on the CPU path" conv --device cpu --input x.npy --weights w.npy \
        --bias b.npy --output "cpu$d.npy" --pad same --dilation $d --check
    says out "check: worst error"
    for solver in $solvers; do
        run 0 "conv d=$d through $solver" conv --device $device --solver $solver --input x.npy \
            --weights w.npy --bias b.npy --output "$solver$d.npy" --pad same --dilation $d --check
        says out "by $solver"
        same "$solver$d.npy" "cpu$d.npy" # small integers: exact whatever the order
    done
done

for mode in zeros reflect replicate circular constant:2; do
    run 0 "padding $mode" conv --device $device --input x.npy --weights w.npy --output "m.npy" \
        --pad 3,5 --pad-mode $mode --dilation 3,5 --flip --check --quiet --math strict
    run 0 "padding $mode on the CPU path" conv --device cpu --input x.npy --weights w.npy \
        --output "n.npy" --pad 3,5 --pad-mode $mode --dilation 3,5 --flip --quiet
    same m.npy n.npy
done
run 0 "groups and strides" conv --device $device --input x.npy --weights w.npy --output y.npy \
    --stride 2,3 --pad-begin 1,0 --pad-end 0,2 --check
"$make_npy" wg.npy 32,1,3,3
run 0 "depthwise" conv --device $device --input x.npy --weights wg.npy --output y.npy \
    --groups 16 --pad same --check --json
says out '"passed":[[:space:]]*true'
"$make_npy" s.npy 2,3,50 && "$make_npy" ws.npy 4,3,2
run 0 "causal signal" conv --device $device --input s.npy --weights ws.npy --output y.npy \
    --dilation 16 --pad causal --check
"$make_npy" v.npy 1,2,6,7,8 && "$make_npy" wv.npy 3,2,2,3,2
run 0 "volume" conv --device $device --input v.npy --weights wv.npy --output y.npy \
    --dilation 2,1,3 --check --repeat 2
"$make_npy" w1.npy 12,16,3,3
for d in cpu $device; do
    run 0 "transposed on $d" conv --device $d --transposed --input x.npy --weights w.npy \
        --bias b.npy --output "t$d.npy" --stride 2,3 --dilation 3,2 --pad 1 --output-padding 1 --check
    says out "1,16,68,97"
    run 0 "backward data on $d" conv --device $d --backward-data --grad-output x.npy \
        --weights w.npy --input-shape 1,16,64,61 --stride 2 --pad 1,2 --output "dx$d.npy" --check
    for mode in reflect replicate circular; do
        run 0 "backward data, $mode, on $d" conv --device $d --backward-data --grad-output x.npy \
            --weights w.npy --input-shape 1,16,64,61 --stride 2 --pad 1,2 --pad-mode $mode \
            --output "dx-$mode$d.npy" --check
    done
    run 0 "backward weights on $d" conv --device $d --backward-weights --grad-output x.npy \
        --input x.npy --kernel 3 --dilation 4 --pad same --pad-mode reflect --output "dw$d.npy" \
        --bias-output "db$d.npy" --check --json
    says out '"passed":[[:space:]]*true'
done
for t in t dx dx-reflect dx-replicate dx-circular dw db; do
    same "${t}cpu.npy" "${t}$device.npy"
done
for direction in transposed backward-data backward-weights; do
    run 0 "plan of $direction" plan --device $device --$direction --shape 1,16,32,32 --filters 8 \
        --kernel 3 --stride 2 --check
done
run 0 "plan" plan --device $device --shape 1,16,32,32 --filters 16 --kernel 3 --dilation 4 --pad same
for solver in $solvers; do
    says out "$solver"
done
run 0 "filter" filter --device $device "$data/hubble_512.png" f.png --kernel b3spline --dilation 4
run 0 "filter on the CPU path" filter --device cpu "$data/hubble_512.png" g.png \
    --kernel sobel-x --pad-mode reflect --quiet

# ---- without a driver, and with a device that is not there

no_driver() {
    OCL_ICD_VENDORS=/nonexistent "$atrous" "$@"
}
name="conv without a driver"
no_driver conv --input x.npy --weights w.npy --bias b.npy --output none.npy --pad same >out 2>err ||
    fail "$name"
says err "CPU path"
same none.npy cpu1.npy
name="--device 0 without a driver"
no_driver conv --device 0 --input x.npy --weights w.npy --output bad.npy >out 2>err
[ $? = 3 ] || fail "$name: not exit 3"
says err "device"
absent bad.npy
run 3 "--device 99" conv --device 99 --input x.npy --weights w.npy --output bad.npy
says err "99"
absent bad.npy

# ---- wrong usage

bad "no command" "command|usage|atrous" ""
bad "unknown command" "convolve" convolve
bad_conv "unknown flag" "--dilatoin" --input x.npy --weights w.npy --dilatoin 2
bad_conv "missing value" "--dilation" --input x.npy --weights w.npy --dilation
bad_conv "missing input" "--input" --weights w.npy
bad_conv "missing weights" "--weights" --input x.npy
run 2 "missing output" conv --input x.npy --weights w.npy
bad_conv "dilation 0" "dilation.*0" --input x.npy --weights w.npy --dilation 0
bad_conv "stride 0" "stride.*0" --input x.npy --weights w.npy --stride 1,0
bad_conv "negative dilation" "dilation.*-2" --input x.npy --weights w.npy --dilation -2
bad_conv "dilation abc" "dilation.*abc" --input x.npy --weights w.npy --dilation abc
bad_conv "dilation 2x" "dilation.*2x" --input x.npy --weights w.npy --dilation 2x
bad_conv "three dilations" "dilation" --input x.npy --weights w.npy --dilation 1,2,3
bad_conv "huge dilation" "99999999999999999999" --input x.npy --weights w.npy \
    --dilation 99999999999999999999
bad_conv "dilation beyond the image" "kernel|dilation" --input x.npy --weights w.npy --dilation 16
bad_conv "groups" "groups.*3" --input x.npy --weights w.npy --groups 3
bad_conv "channels of the weights" "w.npy" --input x.npy --weights w.npy --groups 2
bad_conv "unknown solver" "nosuch" --input x.npy --weights w.npy --solver nosuch
bad_conv "unknown padding" "mirror" --input x.npy --weights w.npy --pad-mode mirror
bad_conv "causal image" "causal" --input x.npy --weights w.npy --pad causal
bad_conv "type not served" "f16|type" --input x.npy --weights w.npy --type f16
bad_conv "unknown activation" "relv" --input x.npy --weights w.npy --activation relv
bad_conv "unknown layout" "nwhc" --input x.npy --weights w.npy --layout nwhc
bad_conv "channels of another layout" "w.npy" --input x.npy --weights w.npy --layout nhwc
bad_conv "unknown type" "f33" --input x.npy --weights w.npy --type f33
bad_conv "transposed without weights" "weights" --transposed --input x.npy
bad_conv "transposed weights" "w1.npy.*axis 0" --transposed --input x.npy --weights w1.npy
bad_conv "output padding" "output-padding|output_padding" --transposed --input x.npy \
    --weights w.npy --output-padding 2
bad_conv "transposed padding" "pad" --transposed --input x.npy --weights w.npy --pad-mode reflect
bad_conv "backward data without a shape" "input-shape" --backward-data --grad-output x.npy \
    --weights w.npy
bad_conv "backward data with an input" "input" --backward-data --grad-output x.npy --input x.npy \
    --weights w.npy --input-shape 1,16,34,34
bad_conv "gradient of another shape" "x.npy.*shape" --backward-data --grad-output x.npy \
    --weights w.npy --input-shape 1,16,33,34
bad_conv "backward weights without a kernel" "kernel" --backward-weights --grad-output x.npy \
    --input x.npy
bad_conv "bias output of forward" "bias-output" --input x.npy --weights w.npy --bias-output b2.npy
bad_conv "two directions" "transposed" --transposed --backward-data --input x.npy --weights w.npy
bad_conv "bias of another length" "s.npy" --input x.npy --weights w.npy --bias s.npy
bad "plan without a kernel" "kernel" plan --shape 1,1,8,8 --filters 1
bad "plan with a bad shape" "shape" plan --shape 1,x,8 --filters 1 --kernel 3
bad "unknown device" "gpu9" conv --device gpu9 --input x.npy --weights w.npy --output bad.npy
if [ "$device" = 0 ]; then
    "$make_npy" wd.npy 16,1,3,3
    for solver in tile simd; do # depthwise is not theirs, or they serve it: never a crash
        "$atrous" conv --device 0 --solver $solver --input x.npy --weights wd.npy --groups 16 \
            --output d.npy --check >out 2>err
        code=$?
        [ $code = 0 ] || [ $code = 2 ] || fail "$solver on depthwise: exit $code"
    done
fi

# ---- bad files

bad_input() {
    bad_conv "$1" "$2" --input "$2" --weights w.npy
}
bad_input "absent file" nowhere.npy
bad_input "folder" .
: >empty.npy
bad_input "empty file" empty.npy
head -c 100 x.npy >header.npy
bad_input "truncated header" header.npy
head -c 1000 x.npy >short.npy
bad_input "truncated data" short.npy
{ cat x.npy && echo more; } >long.npy
bad_input "data behind the end" long.npy
head -c 3000 "$data/hubble_512.png" >garbage.npy
bad_input "garbage" garbage.npy
printf '\223NUMPY\001\000v\000{' >brace.npy
bad_input "a header of one brace" brace.npy
printf '\223NUMPY\001\000\377\377{}' >lies.npy
bad_input "a header longer than the file" lies.npy
"$make_npy" big.npy 1,16,32,32 '>f4'
bad_input "big-endian" big.npy
"$make_npy" fortran.npy 1,16,32,32 '<f4' fortran
bad_input "Fortran order" fortran.npy
"$make_npy" double.npy 1,16,32,32 '<f8'
bad_input "double" double.npy
"$make_npy" integer.npy 1,16,32,32 '<i4'
bad_input "integers" integer.npy
"$make_npy" rank2.npy 32,32
bad_input "two axes" rank2.npy
"$make_npy" rank7.npy 1,1,1,1,1,1,1
bad_input "seven axes" rank7.npy
"$make_npy" zero.npy 1,16,0,32
bad_conv "an empty axis" "0" --input zero.npy --weights w.npy
sed 's/(1,16,32,32,)/(9999999999,9999999999,9,9,)/' x.npy >huge.npy
bad_input "a shape that overflows" huge.npy
sed 's/(1,16,32,32,)/(1,-6,32,32,)/' x.npy >minus.npy
bad_input "a negative extent" minus.npy
bad_conv "output in no folder" "nofolder" --input x.npy --weights w.npy --output nofolder/y.npy

bad_picture() {
    rm -f bad.png
    run 2 "$1" filter --device $device "$2" bad.png --kernel b3spline
    says err "$2"
    absent bad.png
}
bad_picture "absent picture" nowhere.png
bad_picture "no picture" x.npy
: >empty.png
bad_picture "empty picture" empty.png
head -c 5000 "$data/hubble_512.png" >cut.png
bad_picture "truncated picture" cut.png
{ head -c 3000 "$data/hubble_512.png" && head -c 3000 x.npy &&
    tail -c +6001 "$data/hubble_512.png"; } >corrupt.png
bad_picture "corrupt picture" corrupt.png
run 2 "unknown kernel" filter "$data/hubble_512.png" bad.png --kernel blur
says err "blur"
absent bad.png

echo "$checks checks, $failures failed"
[ $failures = 0 ]
