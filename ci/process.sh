#!/bin/sh
# Every scenario on boards that are programs of their own: over a serial port, with a radio on sockets, in real
# time, and with the same expected traces as in process. Several boards share the work. GATTEST names the
# command; without it, it is built. Usage: ci/process.sh [BOARDS]
set -eu
cd "$(dirname "$0")/.."
count=${1:-6}
gattest=${GATTEST:-}
if [ -z "$gattest" ]; then
    cargo build --quiet --release --package gattest
    gattest=${CARGO_TARGET_DIR:-target}/release/gattest
fi
unset GATTEST_BOARD GATTEST_CENTRAL
here=$(mktemp -d)
boards=
# shellcheck disable=SC2086 # one word for each board
trap '[ -z "$boards" ] || kill $boards; rm -rf "$here"' EXIT

# The files of what runs in process, those that take longest first. What is skipped there needs another device.
"$gattest" run --json "$here/run.json" >"$here/said" || { cat "$here/said"; exit 1; }
sed -n 's/^ *"file": "\(.*\)",$/file \1/p; s/^ *"bench_us": \([0-9]*\),$/took \1/p; s/^ *"verdict": "\(.*\)",$/was \1/p' \
    "$here/run.json" |
    awk '$1 == "file" { file = $2 } $1 == "was" { was = $2 } $1 == "took" && was != "skipped" { print $2, file }' |
    sort -rn | awk '{ print $2 }' >"$here/files"

# The share of the board with this number, on that board.
run_share() {
    folder=$here/$1
    awk -v share="$1" -v count="$count" 'NR % count == share - 1' "$here/files" |
        xargs "$gattest" run --board "$folder/port" --no-flash \
            --central "att:unix:$folder/r1" --central "att:unix:$folder/r2" \
            --central "att:unix:$folder/r3" --central "att:unix:$folder/r4" >"$folder/said" 2>&1
}

shares=
for number in $(seq "$count"); do
    folder=$here/$number
    mkdir "$folder"
    mkfifo "$folder/ready"
    "$gattest" board --seed "$number" --pty "$folder/port" --radio "$folder/r1" --radio "$folder/r2" \
        --radio "$folder/r3" --radio "$folder/r4" >"$folder/ready" &
    boards="$boards $!"
    read -r _ <"$folder/ready"
    run_share "$number" &
    shares="$shares $!"
done
failed=0
for share in $shares; do
    wait "$share" || failed=1
done
cat "$here"/*/said | grep -v '^pass ' || :
passed=$(cat "$here"/*/said | grep -c '^pass ' || :)
all=$(wc -l <"$here/files")
echo "$passed of $all scenarios have the same trace on $count boards that are programs of their own"
[ "$failed" = 0 ] && [ "$passed" = "$all" ] && [ "$all" -gt 0 ]
