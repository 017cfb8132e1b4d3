#!/bin/sh
# Flashes a board and runs the scenarios on it: what people call at their desks, and a runner calls on its bench.
# Needs GATTEST_BOARD and GATTEST_CENTRAL, as `gattest run --help` describes them.
# Usage: ci/bench.sh IMAGE RESULTS [SCENARIOS...]
set -eu
[ $# -ge 2 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
: "${GATTEST_BOARD:?name the board: auto, its port or its MAC address}"
: "${GATTEST_CENTRAL:?name the adapter of the central, as att:hci0}"
image=$1 results=$2
shift 2
gattest=${GATTEST:-$(dirname "$0")/../target/release/gattest}
mkdir -p "$results"
"$gattest" flash --board "$GATTEST_BOARD" --image "$image"
# What the console shows is kept, and the run's own exit code counts.
{
    "$gattest" run --no-flash --junit "$results/junit.xml" --json "$results/results.json" \
        --btsnoop "$results/radio.btsnoop" "$@" 2>&1 && echo 0 >"$results/exit" || echo $? >"$results/exit"
} | tee "$results/console.txt"
exit "$(cat "$results/exit")"
