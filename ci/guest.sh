#!/bin/sh
# The scenarios through Linux's own Bluetooth stack: the kernel, bluetoothd and the message bus of a small guest, with the
# virtual board behind /dev/vhci; then benches that are out of order in every way there is. One boot does it all; what it
# leaves goes to target/guest/result. GATTEST_PROGRAM names a program that is built already.
# Usage: ci/guest.sh [RUNS OF THE WHOLE SET [PAIRS [READS]]]; PAIRS with and without the harness, of so many READS each.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
runs=${1:-1} pairs=${2:-1} reads=${3:-400}
# One run of the set and the faults took 132 s on two busy cores; this is for slower machines.
export GATTEST_GUEST_SECONDS="${GATTEST_GUEST_SECONDS:-$((900 + 300 * runs))}"
export GATTEST_GUEST="${GATTEST_GUEST:-$target/guest}"
program=${GATTEST_PROGRAM:-$target/release/gattest}
[ -n "${GATTEST_PROGRAM:-}" ] || cargo build --quiet --release --package gattest
# What the time of the harness is compared with is its own library's, and that of the system.
cargo build --quiet --release --package rig --example bare_reads
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
# Symbols are half of it, and the guest's memory holds it all.
strip -o "$here/gattest" "$program"
strip -o "$here/bare_reads" "$target/release/examples/bare_reads"

began=$(date +%s)
ci/guest/build.sh "$here/gattest" "$here/bare_reads"
built=$(date +%s)
mkdir "$here/work" "$here/work/fixtures"
cp -r scenarios "$here/work/scenarios"
cp -r fixtures/traces "$here/work/fixtures/traces"
cp -r ci/guest/beside "$here/work/beside"
mkdir "$here/work/cost"
sed "s/times: .*/times: $((reads + 1))/" ci/guest/reads.yaml >"$here/work/cost/reads.yaml"
sed "s/times: .*/times: 1/" ci/guest/reads.yaml >"$here/work/cost/one.yaml"
(cd "$here/work/cost" && "$here/gattest" run --accept reads.yaml one.yaml >/dev/null)
printf 'export runs=%s pairs=%s reads=%s\n' "$runs" "$pairs" "$reads" >"$here/work/settings"
status=0
ci/guest/run.sh ci/guest/commands.sh "$here/work" || status=$?
result=$GATTEST_GUEST/result
for part in scenarios long repeats cost beside faults; do
    [ ! -s "$result/$part.txt" ] || { echo "-- $part"; tail -n 25 "$result/$part.txt"; }
done
echo "guest: made in $((built - began)) s, ran for $(($(date +%s) - built)) s; what it left: $result"
exit "$status"
