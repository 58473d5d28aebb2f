#!/bin/sh
# test_tune.sh ATROUS SCRATCH: atrous tune on a small suite, and what it refuses.
# ATROUS_TEST_DEVICE=cpu (without any OpenCL driver) or another (with OpenCL device 0).
atrous=$1
scratch=$2
here=$(cd "$(dirname "$0")" && pwd)

rm -rf "$scratch"
mkdir -p "$scratch" && cd "$scratch" || exit 1
. "$here/cli.sh"
export ATROUS_CACHE="$PWD/winners.sqlite"

# runs CODE ARGUMENT...: run() by the command's own name.
runs() {
    expected=$1
    shift
    run "$expected" "atrous $*" "$@"
}

header=name,note,ndim,N,G,IC,ID,IH,IW,OC,KD,KH,KW,SD,SH,SW,DD,DH,DW,PD0,PD1,PH0,PH1,PW0,PW1
cat >suite.csv <<END
$header,pad_mode,op,dir,dtype,layout
image,"quoted, with ""marks""",2,1,1,8,1,20,20,8,1,3,3,1,1,1,1,2,2,0,0,2,2,2,2,zeros,conv,F,f32,nchw

signal,,1,1,1,8,1,1,100,8,1,1,3,1,1,1,1,1,4,0,0,0,0,8,0,replicate
letters,,2,1,1,8,1,2x,20,8,1,3,3,1,1,1,1,2,2,0,0,2,2,2,2,zeros
groups,,2,1,3,8,1,20,20,8,1,3,3,1,1,1,1,2,2,0,0,2,2,2,2,zeros
mirror,,2,1,1,8,1,20,20,8,1,3,3,1,1,1,1,2,2,0,0,2,2,2,2,mirror
END

# ---- refused before any device is opened

runs 2 tune
says err "file"
runs 2 tune nowhere.csv
says err "nowhere.csv"
runs 2 tune suite.csv --solver reference
says err "solver.*reference"
runs 2 tune suite.csv --device cpu
says err "device.*cpu"
runs 2 tune suite.csv --dilation 2
says err "dilation.*unknown"
: >empty.csv
runs 2 tune empty.csv
says err "empty.csv.*column"
echo "$header" >bare.csv
runs 2 tune bare.csv
says err "bare.csv.*row"
{ echo "$header" && echo 'image,"open,2,1'; } >quote.csv
runs 2 tune quote.csv
says err "quote.csv.*line 2.*quote"
sed 's/,IC,/,CI,/' suite.csv >column.csv
runs 2 tune column.csv
says err "column.csv.*'IC'"
{ cat suite.csv && printf 'a\000b\n'; } >zero.csv
runs 2 tune zero.csv
says err "zero.csv.*zero byte"

if [ "$ATROUS_TEST_DEVICE" = cpu ]; then
    runs 3 tune suite.csv
    says err "device"
else
    if ! "$atrous" plan --device 0 --shape 1,1,8 --filters 1 --kernel 3 >out 2>err; then
        cat err
        [ "$CI" = true ] && exit 1
        echo "skipped: no OpenCL device"
        exit 77
    fi
    runs 0 tune suite.csv --device 0 --check
    says out "^image .*reference [0-9.]+"
    says out "check: worst error"
    says out "^letters .*not tuned: IH: is '2x'"
    says out "^groups .*not tuned: groups: is 3"
    says out "^mirror .*not tuned: pad_mode: is 'mirror'"
    says out "^2 rows tuned, 3 not"
    says out "within 1\.15 of the best in [0-2] of 2 rows"
    if [ -e winners.sqlite ]; then # a build without SQLite remembers nothing
        runs 0 plan --device 0 --shape 1,8,20,20 --filters 8 --kernel 3 --dilation 2 --pad 2
        says out "remembered winner"
        says out "estimate .*measured"
        runs 0 plan --device 0 --shape 1,8,20,20 --filters 8 --kernel 3 --dilation 2 --pad 2 --json
        says out '"remembered":[[:space:]]*true'
    else
        says out "2 winners could not be remembered"
    fi
    ATROUS_CACHE=off
    runs 0 tune suite.csv --device 0 --json
    says out '"tuned":[[:space:]]*2,'
    says out '"not_tuned":[[:space:]]*3,'
    says out '"remembered":[[:space:]]*false'
    runs 0 plan --device 0 --shape 1,8,20,20 --filters 8 --kernel 3 --dilation 2 --pad 2
    says out "least estimate"
    runs 0 tune suite.csv --device 0 --quiet
    checks=$((checks + 1))
    [ ! -s out ] || fail "$name: --quiet is not quiet"
fi

echo "$checks checks, $failures failed"
[ $failures = 0 ]
