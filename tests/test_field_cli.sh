#!/bin/sh
# test_field_cli.sh ATROUS SCRATCH: the promises of atrous field, from JSON to pictures and bad input.
atrous=$1
scratch=$2
failures=0
checks=0

rm -rf "$scratch"
mkdir -p "$scratch" && cd "$scratch" || exit 1

fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
}

# run CODE ARGUMENT...: runs atrous field; a failure must be one line on stderr, stdout empty.
run() {
    expected=$1
    shift
    what="$*"
    "$atrous" field "$@" >out 2>err
    code=$?
    checks=$((checks + 1))
    [ "$code" = "$expected" ] || fail "exit $code, not $expected: $what: $(cat err)"
    if [ "$code" != 0 ]; then
        [ "$(wc -l <err)" = 1 ] || fail "not one line on stderr: $what"
        [ ! -s out ] || fail "stdout is not empty: $what"
    fi
}

# says PATTERN: the last run's stdout, blanks squeezed; has PATTERN: with all blanks left out.
says() {
    checks=$((checks + 1))
    tr -s ' ' <out | grep -Eq -e "$1" || fail "$what: lacks \"$1\""
}
has() {
    checks=$((checks + 1))
    tr -d ' \t\n' <out | grep -Fq -e "$1" || fail "$what: JSON lacks $1"
}

# bad PATTERN ARGUMENT...: refused with exit 2 and the pattern in the message; nothing written.
bad() {
    pattern=$1
    shift
    rm -f bad.svg
    run 2 "$@"
    checks=$((checks + 1))
    grep -Eiq -e "$pattern" err || fail "$what: stderr lacks \"$pattern\": $(cat err)"
    [ ! -e bad.svg ] || fail "$what: bad.svg was written"
}

# draw NAME ARGUMENT...: a picture that is well-formed and whose texts stand apart.
draw() {
    picture=$1
    shift
    run 0 "$@" --svg "$picture"
    checks=$((checks + 3))
    if command -v xmllint >xmllint.path; then
        xmllint --noout "$picture" 2>err || fail "$what: $(cat err)"
    fi
    [ "$(tail -n 1 "$picture")" = "</svg>" ] || fail "$what: does not end in </svg>"
    if grep -Eq 'nan|inf[^o]|http[^"]*"[^>]*href|<script|<image' "$picture"; then
        fail "$what: a number that is none, or something from outside"
    fi
    texts_apart "$picture"
}

# No two texts of a picture overlap, and none leaves the page, with characters 0.56 em wide.
texts_apart() {
    sed 's/×/x/g; s/–/-/g; s/…/./g; s/&[a-z]*;/+/g' "$1" | awk '
        /<svg / { match($0, /width="[0-9.]*/); page = substr($0, RSTART + 7, RLENGTH - 7) + 0 }
        /<g font-size=/ { match($0, /font-size="[0-9.]*/)
                          inherited = substr($0, RSTART + 11, RLENGTH - 11) + 0 }
        /<text / {
            split($0, part, "\"")
            x = part[2] + 0; y = part[4] + 0; class = part[6]
            text = $0; sub(/^[^>]*>/, "", text); sub(/<\/text>.*/, "", text)
            size = class ~ /title/ ? 20 : class ~ /section/ ? 15 : class ~ /label/ ? 12 : 0
            if (size == 0) size = class ~ /note/ ? 11 : inherited
            width = length(text) * size * 0.56
            left = class ~ /middle/ ? x - width / 2 : class ~ /end/ ? x - width : x
            if (left < 0 || left + width > page) { print "leaves the page: " text; bad = 1 }
            for (i = 0; i < n; ++i)
                if (left < r[i] && l[i] < left + width && y - size * 0.8 < b[i] && t[i] < y) {
                    print "overlap: " text " | " said[i]; bad = 1
                }
            l[n] = left; r[n] = left + width; t[n] = y - size * 0.8; b[n] = y; said[n] = text; ++n
        }
        END { exit bad }' >overlaps || fail "$what: $(head -n 3 overlaps)"
}

# taps_inside FILE N: N red points, each within the box of its layer's kernel, drawn before it.
taps_inside() {
    checks=$((checks + 1))
    awk -v expected="$2" '
        function value(name) {
            match($0, " " name "=\"[-0-9.e+]*")
            return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3) + 0
        }
        /class="pixel"/ { left = value("x"); top = value("y")
                          right = left + value("width"); bottom = top + value("height") }
        /class="tap"/ {
            x = value("cx"); y = value("cy"); r = value("r"); ++taps
            if (x - r < left || x + r > right || y - r < top || y + r > bottom) {
                print "the point at " x ", " y " leaves its box"; bad = 1
            }
        }
        END { if (taps != expected) print taps " points, not " expected
              exit bad || taps != expected }' "$1" >outside || fail "$1: $(head -n 3 outside)"
}

# JSON, with the keys and shapes that other programs read.
run 0 k3d1 k3d2 k3d4 --json
has '"size":[15,15],"jump":[1,1],"start":[0,0],"holes":0,"macs":27,"parameters":27,"dense_macs":225,"remedy":null,"coverage":[[1,1,2,1,3,2,3,1,3,2,3,1,2,1,1],[1,1,2,1,3'
run 0 k3d2 k3d2 k3d2 --json
has '"size":[13,13]'
has '"holes":120'
has '"remedy":[1,2,3]'
has '[7,0,21,0,42,0,49,0,42,0,21,0,7]'
run 0 --rank 1 k3d2 k3d2 k3d2 --json
has '"size":[13],"jump":[1],"start":[0],"holes":6'
has '"coverage":[1,0,3,0,6,0,7,0,6,0,3,0,1]'
run 0 k3x1d2x1 k3x1d2x1 --json
has '"remedy":[[1,1],[3,1]]'
run 0 k3d100 --json
has '"remedy":null'
run 0 k3x5d2x4s1p2c64 k3s2p1c128 --shape 1,3,400,400 --json
has '"size":[7,19],"jump":[2,2],"start":[-3,-3]'
has '"macs":85248'
has '"parameters":76608'
run 0 --rank 3 k3 k3d2 --json
has '"size":[7,7,7]'
has '"coverage":[[[1,1,2,1,2,1,1],'
set --
while [ $# -lt 60 ]; do set -- "$@" k3; done
run 0 --rank 1 "$@" --json
has '"macs":180'
# Counts of 28 digits are strings.
has '"2665608276005367141972445389"'
run 0 --rank 1 k2000000 --json
has '"holes":0'
has '"coverage":null'
run 0 --rank 1 k3d1000000000000 --json
has '"holes":null'
has '"remedy":null'

# The report.
run 0 k3d1 k3d2 k3d4
says '^holes none: all 225 '
says '^rule M2 = 2, K = 3: .* would pass it'
says '^strided .* at a stride of 3x3: one output for 9 inputs'
run 0 k3d2 k3d2 k3d2
says '^holes 120 of 169 '
says '^rule M2 = 2, K = 3: .* would pass it'
says '^remedy dilations 1, 2, 3:'
run 0 k3d1 k3d3 k3d1
says '^holes none'
says '^rule M2 = 5, K = 3: .* would reject it'
run 0 k3psame k3d2psame --shape 1,1,32,20
says '^k3d2psame .* 2 7x7 1 -3,-3 32x20$'
says '^use each input takes part in 16 to 49 outputs'
run 0 k3s2psame --shape 1,1,32
says ' 0\+1 3 2 0 16$'

# Pictures. Nine taps of k3d2, two cells apart.
draw taps.svg k3d2
checks=$((checks + 2))
[ "$(grep -c 'class="tap"' taps.svg)" = 9 ] || fail "k3d2: not nine taps"
sed -n 's/.*class="tap" cx="\([^"]*\)".*/\1/p' taps.svg | sort -n -u | awk '
    NR > 1 && $1 - last != 44 { exit 1 } { last = $1 } END { exit NR != 3 }' ||
    fail "k3d2: taps do not stand two cells of 22 apart"
grep -q 'prefers-color-scheme:dark' taps.svg || fail "k3d2: no dark style"
draw stack.svg k3d1 k3d2 k3d4
grep -q '>9</text>' stack.svg || fail "k3d1 k3d2 k3d4: the coverage has no 9"
draw holes.svg k3d2 k3d2 k3d2
grep -q 'hole: no path' holes.svg || fail "k3d2 k3d2 k3d2: holes are not marked"
draw wavenet.svg --rank 1 k2d1 k2d2 k2d4 k2d8
checks=$((checks + 1))
# 16 inputs, then 8, 4, 2, 1 outputs of the layers on the way.
[ "$(grep -c 'class="reached"' wavenet.svg)" = 31 ] || fail "wavenet: not 31 dots on the paths"
draw long.svg --rank 1 k2d1 k2d2 k2d4 k2d8 k2d16 k2d32 k2d64 k2d128 k2d256 k2d512
taps_inside taps.svg 9
taps_inside stack.svg 27
taps_inside wavenet.svg 8
taps_inside long.svg 20
draw wide.svg --rank 1 k3d1 k3d8 k3d300
taps_inside wide.svg 9
draw large.svg k3d1 k3d2 k3d4 k3d8 k3d16 k3d32
taps_inside large.svg 54
draw uneven.svg k3x5d2x4s1p2c64 k3s2p1c128 k3d3 --shape 1,3,40,60
draw volume.svg --rank 3 k3d1x2x2 k3d2
draw one.svg k1
draw deep.svg "$@"
draw same.svg --rank 1 k3psame k3d2psame k3d4psame --shape 1,1,40
draw walk.svg --animate k3d2
checks=$((checks + 2))
# 25 outputs: the first is always there, the others fill in.
[ "$(grep -c 'attributeName="opacity"' walk.svg)" = 24 ] || fail "k3d2: 24 outputs do not fill in"
grep -q 'type="translate"' walk.svg || fail "k3d2: the kernel does not move"
draw walk1.svg --animate --rank 1 k3d2s2psame --shape 1,1,20

# Bad input.
bad 'no LAYER'
bad "'x3'.*begin with k" x3
bad "'': must begin" ''
bad "'k0': kernel .k. is 0" k0
bad "'k3d0': dilation" k3d0
bad "'k3s0': stride" k3s0
bad "'k3c0': channels" k3c0
bad "'k3q2'.*'q2'" k3q2
bad "'k': kernel.*number" k
bad "'k3d-1': dilation.*number" k3d-1
bad "'k3d2d3': dilation.*twice" k3d2d3
bad "'k3psamep1': padding.*twice" k3psamep1
bad "'k3x3x3x3': kernel.*at most 3" k3x3x3x3
bad "'k3c2x2': channels.*one" k3c2x2
bad "'k99999999999999999999': kernel" k99999999999999999999
bad "'k3x3x3': has rank 3, must have 2" k3x3x3 --rank 2
bad "'k3x3x3': has rank 3, must have 2 as layer" k3x3 k3x3x3
bad "'k3x3d2x2x2': kernel.*2 numbers" k3x3d2x2x2
bad '[-][-]rank' k3 --rank 4
bad '[-][-]shape' k3 --rank 1 --shape 1,1,8,8
bad '[-][-]shape' k3 --shape 1,1
bad '[-][-]shape.*0' k3 --shape 1,0,8,8
bad "'k3d9'.*19.*8" k3d9 --shape 1,1,8,8
bad "'k9d3000000000000000000'.*overflows" k9d3000000000000000000
bad "'k3s2psame'.*--shape" k3s2psame
bad 'unknown flag' k3 --stride 2
bad 'too large to draw' k3d200 --svg bad.svg
bad 'too large to draw' --rank 1 k3d5000 --svg bad.svg
bad 'layers are too many to draw' "$@" k3 k3 k3 k3 k3 --svg bad.svg
bad '[-][-]animate.*--svg' k3 --animate
bad '[-][-]animate.*one layer' k3 k3 --animate --svg bad.svg
bad '[-][-]animate.*rank' --rank 3 k3 --animate --svg bad.svg
bad '[-][-]animate.*too large' k3 --shape 1,1,100,9 --animate --svg bad.svg
bad 'cannot be written' k3 --svg no-such-folder/bad.svg

echo "$checks checks, $failures failures"
[ "$failures" = 0 ]
