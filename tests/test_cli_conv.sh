#!/bin/sh
# test_cli_conv.sh ATROUS MAKE_NPY DATA SCRATCH: the whole operator through the program: scale and
# accumulate, types, directions, layouts, and flags that do not go together.
# ATROUS_TEST_DEVICE=cpu (without any OpenCL driver) or another (with OpenCL device 0).
atrous=$1
make_npy=$2
data=$3
scratch=$4
here=$(cd "$(dirname "$0")" && pwd)

rm -rf "$scratch"
mkdir -p "$scratch" && cd "$scratch" || exit 1
. "$here/cli.sh"

device=0
[ "$ATROUS_TEST_DEVICE" != cpu ] || device=cpu
"$make_npy" x.npy 2,4,9,10 && "$make_npy" w.npy 6,4,3,3 && "$make_npy" b.npy 6 &&
    "$make_npy" dy.npy 2,6,9,10 && "$make_npy" wt.npy 4,6,3,3 || exit 1
"$atrous" conv --device $device --input x.npy --weights w.npy --output y.npy >out 2>err
if [ $? = 3 ]; then
    cat err
    [ "$CI" = true ] && exit 1
    echo "skipped: no OpenCL device"
    exit 77
fi

forward="conv --device $device --input x.npy --weights w.npy --bias b.npy --pad same --math strict"
data_gradient="conv --device $device --backward-data --grad-output dy.npy --weights w.npy \
    --input-shape 2,4,9,10 --pad same --math strict"
weights_gradient="conv --device $device --backward-weights --grad-output dy.npy --input x.npy \
    --kernel 3 --pad same --math strict"
transposed="conv --device $device --transposed --input x.npy --weights wt.npy --stride 2 \
    --output-padding 1 --math strict"

# ---- beta adds to what the output's file holds: y + y is 2 y, exactly, of small integers

for direction in forward transposed data_gradient weights_gradient; do
    eval "flags=\$$direction"
    files="--output sum.npy" doubled="--output twice.npy"
    if [ $direction = weights_gradient ]; then
        files="$files --bias-output sum_b.npy" doubled="$doubled --bias-output twice_b.npy"
    fi
    run 0 "$direction, twice" $flags $doubled --alpha 2
    run 0 "$direction, once" $flags $files
    run 0 "$direction, and again" $flags $files --beta 1 --check
    says out "check: worst error"
    same sum.npy twice.npy
    run 0 "$direction, timed" $flags $files --beta 0
    run 0 "$direction, timed and again" $flags $files --beta 1 --repeat 7 --quiet
    same sum.npy twice.npy # the timed runs are not counted
    [ $direction != weights_gradient ] || same sum_b.npy twice_b.npy
done

# All bits set is NaN; a beta of 0 reads nothing of it, a half of it stays NaN.
run 0 "an output" $forward --output y.npy
size=$(wc -c <y.npy)
{ head -c 128 y.npy && tr '\0' '\377' </dev/zero | head -c $((size - 128)); } >nan.npy
cp nan.npy once.npy
run 0 "beta 0 on NaN" $forward --output once.npy --beta 0 --check
same once.npy y.npy
cp nan.npy once.npy
run 0 "beta 0.5 on NaN" $forward --output once.npy --beta 0.5 --check
checks=$((checks + 1))
cmp -s once.npy y.npy && fail "beta 0.5 on NaN: nothing of it was read"
{ head -c 128 y.npy && head -c $((size - 128)) /dev/zero; } >none.npy
run 0 "an output minus itself" $forward --output y.npy --alpha -1 --beta 1
same y.npy none.npy

name="beta without an output to add to"
bad "$name" "--beta: is 0.5, needs what --output holds: bad.npy" $forward --output bad.npy \
    --beta 0.5
name="beta without a bias gradient to add to"
run 0 "$name" $weights_gradient --output dw.npy
cp dw.npy kept.npy
bad "$name" "--beta: is 1, needs what --bias-output holds: bad.npy" $weights_gradient \
    --output dw.npy --bias-output bad.npy --beta 1
same dw.npy kept.npy
bad "beta on another shape" "--beta.*shape is .2,4,9,10., must be .2,6,9,10." $forward \
    --output x.npy --beta 1
bad "beta on pictures" "--beta: is 1" filter "$data/coffee.png" bad.npy --kernel box3 --beta 1
run 0 "plan with beta" plan --device $device --shape 1,4,9,9 --filters 4 --kernel 3 --beta 0.5 \
    --add r.npy --bias b.npy --scale s.npy --activation relu --check
says out "check: worst error"
run 0 "plan of accumulated gradients" plan --device $device --shape 1,4,9,9 --filters 4 \
    --kernel 3 --beta 1 --backward-weights --bias-output db.npy --check --repeat 2
says out "check: worst error"
checks=$((checks + 1))
[ ! -e db.npy ] && [ ! -e r.npy ] || fail "plan wrote a file"

# ---- types, in every direction and from layout to layout: the program's own check, and the CPU
# path's bits

for type in f16 bf16 i8; do
    case $type in
    f16) descr='<f2' ;;
    bf16) descr='<u2' ;;
    i8) descr='|i1' ;;
    esac
    "$make_npy" tx.npy 2,9,10,4 "$descr" && "$make_npy" tdy.npy 2,6,9,10 "$descr" &&
        "$make_npy" tw.npy 6,4,3,3 "$descr" && "$make_npy" twt.npy 4,3,3,3 "$descr" &&
        "$make_npy" tr.npy 2,6,9,10 "$descr" || exit 1
    for on in cpu $device; do
        typed="conv --device $on --type $type --layout nhwc --output-layout nchw --check"
        run 0 "$type on $on" $typed --input tx.npy --weights tw.npy --bias b.npy --scale b.npy \
            --add-after tr.npy --activation leaky-relu:0.25 --alpha 0.5 --pad same --dilation 2 \
            --pad-mode reflect --output "fwd.$on.npy"
        run 0 "$type transposed on $on" $typed --transposed --input tx.npy --weights twt.npy \
            --bias b.npy --scale b.npy --groups 2 --stride 3,2 --dilation 2,3 \
            --output-padding 2,1 --pad 1,4 --output "tr.$on.npy"
        run 0 "$type data gradient on $on" $typed --backward-data --grad-output tdy.npy \
            --weights tw.npy --input-shape 2,4,18,29 --stride 2,3 --pad 1 --flip \
            --output "dx.$on.npy"
        run 0 "$type weights gradient on $on" $typed --backward-weights --grad-output tdy.npy \
            --input tx.npy --kernel 3 --pad same --pad-mode circular --output "dw.$on.npy" \
            --bias-output "db.$on.npy"
    done
    name="$type on both paths"
    for t in fwd tr dx dw db; do
        same $t.cpu.npy $t.$device.npy
    done
done

# ---- steps that are never taken may be any

run 0 "a stride beyond the image" $forward --pad 0 --stride 18446744073709551615 --output y.npy \
    --check
run 0 "a dilation of one tap" plan --device $device --shape 1,4,9,9 --filters 4 --kernel 1 \
    --dilation 18446744073709551615 --check
says out "output +1,4,9,9"

# ---- flags that do not go together, values that name their flag

bad "one file for both gradients" "--bias-output.*must not be the file of --output" \
    $weights_gradient --output bad.npy --bias-output ./bad.npy
bad "output padding of a forward problem" "--output-padding.*transposed" $forward \
    --output bad.npy --output-padding 1
bad "activation of a gradient" "--activation: is leaky relu, must be none" $data_gradient \
    --output bad.npy --activation leaky-relu:0.1
bad "residual of a gradient" "--add-after: is after the activation, must be none" \
    $weights_gradient --output bad.npy --add-after dw.npy
bad "a clamp upside down" "--activation: is 'clamp:3:1', LO must not exceed HI" $forward \
    --output bad.npy --activation clamp:3:1
bad "alpha beyond every float" "--alpha: is 1e\+39" $forward --output bad.npy --alpha 1e39
bad "beta beyond every float" "--beta: is -1e\+39" $forward --output bad.npy --beta -1e39
bad "padding beyond every float" "--pad-mode: is 1e\+39" $forward --output bad.npy \
    --pad-mode constant:1e39
run 0 "a clamp that limits one side" $forward --output y.npy --activation clamp:0:1e300 --check
bad "half sums of floats" "--native-half: is 1.*f16" $forward --output bad.npy --native-half
bad "a transposed layer padded by a rule for signals" "--pad: is causal" plan --device $device \
    --shape 1,4,9 --filters 4 --kernel 3 --transposed --pad causal
bad "a transposed layer that reflects" "--pad-mode" $transposed --output bad.npy --pad-mode reflect
bad "a bias of a gradient" "--bias" plan --shape 1,4,9 --filters 4 --kernel 3 --backward-data \
    --bias b.npy
bad "a bias gradient of a forward problem" "--bias-output" plan --shape 1,4,9 --filters 4 \
    --kernel 3 --bias-output db.npy
if [ "$device" = 0 ]; then
    bad "a solver that is none" "nosuch.*winograd.*gradient_minimal.* reference$" $forward \
        --output bad.npy --solver nosuch
fi
run 0 "help" help conv
for flag in transposed backward-data backward-weights output-padding input-shape bias-output \
    native-half; do
    says out "--$flag"
done

echo "$checks checks, $failures failed"
[ $failures = 0 ]
