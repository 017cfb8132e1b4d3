#!/bin/sh
# 1,000 small scenarios run within 2 s on two cores, so that the whole set stays something to run at
# every save. Prints the time in microseconds.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/scenarios"
n=0
while [ $n -lt 1000 ]; do
    cp harness/cli/src/command/new.yaml "$folder/scenarios/s$n.yaml"
    n=$((n + 1))
done
gattest() { cargo run --quiet --release --package gattest -- "$@" "$folder/scenarios" --jobs 2 >"$folder/out"; }
gattest run --accept
gattest run --json "$folder/out.json"
tail -n 1 "$folder/out"
wall_us=$(sed -n 's/^  "wall_us": \([0-9]*\).*/\1/p' "$folder/out.json")
[ "$wall_us" -lt 2000000 ] || { echo "1,000 scenarios took $wall_us us" >&2; exit 1; }
