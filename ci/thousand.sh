#!/bin/sh
# 1,000 small scenarios are checked within 1 s and run within 2 s on two cores, so that the whole set stays
# something to run at every save.
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
began=$(date +%s%N)
cargo run --quiet --release --package gattest -- check "$folder/scenarios"
check_ms=$((($(date +%s%N) - began) / 1000000))
echo "checked in $check_ms ms, cargo's own time among them"
[ "$check_ms" -lt 1000 ] || { echo "checking 1,000 scenarios took $check_ms ms" >&2; exit 1; }
gattest run --json "$folder/out.json"
tail -n 1 "$folder/out"
wall_us=$(sed -n 's/^  "wall_us": \([0-9]*\).*/\1/p' "$folder/out.json")
[ "$wall_us" -lt 2000000 ] || { echo "1,000 scenarios took $wall_us us" >&2; exit 1; }
