# cli.sh: what the tests of the program share; sourced in a scratch folder with $atrous set and,
# before bad_conv, $device. Runs leave stdout in "out", stderr in "err".
failures=0
checks=0

fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
    sed 's/^/    stdout: /' out
    sed 's/^/    stderr: /' err
}

# run CODE NAME ARGUMENT...: runs the program; a failure must be one line on stderr.
run() {
    expected=$1
    name=$2
    shift 2
    "$atrous" "$@" >out 2>err
    code=$?
    checks=$((checks + 1))
    if [ "$code" != "$expected" ]; then
        fail "$name: exit $code, not $expected: atrous $*"
    elif [ "$expected" -ge 2 ] && [ "$(wc -l <err)" != 1 ]; then
        fail "$name: not one line on stderr: atrous $*"
    fi
}

# says FILE PATTERN: the last run's stdout or stderr.
says() {
    checks=$((checks + 1))
    grep -Eiq -e "$2" "$1" || fail "$name: $1 lacks \"$2\""
}

absent() {
    checks=$((checks + 1))
    [ ! -e "$1" ] || fail "$name: $1 was written"
}

same() {
    checks=$((checks + 1))
    cmp -s "$1" "$2" || fail "$name: $1 differs from $2"
}

# bad NAME PATTERN ARGUMENT...: refused with exit 2, the pattern in the message, no bad.npy.
bad() {
    name=$1
    pattern=$2
    shift 2
    rm -f bad.npy
    run 2 "$name" "$@"
    says err "$pattern"
    absent bad.npy
}

bad_conv() {
    name=$1
    pattern=$2
    shift 2
    bad "$name" "$pattern" conv --device "$device" --output bad.npy "$@"
}
