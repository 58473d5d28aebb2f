#!/bin/sh
# Runs a test program under oclgrind and fails on any line it reports: races, accesses outside a
# buffer, reads of uninitialised memory, misused API calls.
program=$1

if ! command -v oclgrind >/dev/null 2>&1; then
    echo "skipped: oclgrind is not installed"
    exit 77
fi

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

# One process a solver: oclgrind takes a small buffer's notes for those of a larger one that
# follows it, and then calls what lies behind them uninitialised.
for solver in reference tile; do
    # Optimised code contains an instruction that this interpreter stops at.
    ATROUS_TEST_SOLVERS=$solver oclgrind --build-options "-cl-opt-disable" --data-races \
        --uninitialized --check-api --log "$log" "$program" || exit
    if [ -s "$log" ]; then
        echo "oclgrind reports, first of all:"
        head -n 12 "$log"
        echo "and by place (count, line):"
        grep -E 'At line' "$log" | sort | uniq -c | sort -rn | head -n 20
        exit 1
    fi
done
