# What the harness adds to reads through the system's stack: the time of `reads` in a scenario, and of as many in a bare
# loop of the same library, in turn, on one board. `pairs` of them, one a line; the median may be 1.05 at most.
cd /work/cost
exec 2>&1
gattest board --radio vhci >board.txt &
board=$!
trap 'kill $board' EXIT
tenths=300
until grep -qs '^ready:' board.txt; do
    tenths=$((tenths - 1))
    [ $tenths -gt 0 ] || { echo "the board did not start"; exit 1; }
    usleep 100000
done
port=$(sed -n 's/^ready: port \([^,]*\),.*/\1/p' board.txt)

# Microseconds that a scenario took, connecting and all.
scenario() {
    gattest run --board "$port" --central btleplug --json "$1.json" "$1.yaml" >"$1.txt" || { cat "$1.txt"; exit 1; }
    awk -F '[:,]' '/"wall_us"/ { wall = $2 } END { print wall + 0 }' "$1.json"
}

pair=0
while [ $pair -lt "$pairs" ]; do
    pair=$((pair + 1))
    one=$(scenario one) || { echo "$one"; exit 1; }
    all=$(scenario reads) || { echo "$all"; exit 1; }
    bare=$(bare_reads LoPy 11D7 "$reads") || { echo "the bare loop failed: $bare"; exit 1; }
    awk -v one="$one" -v all="$all" -v bare="$bare" -v pair=$pair -v reads="$reads" 'BEGIN {
        ours = all - one
        printf "pair %d: %d reads in a scenario %.2f s, in a bare loop %.2f s, ratio %.3f\n", pair, reads, ours / 1e6, bare / 1e6, ours / bare
    }'
done | tee pairs.txt
sed 's/.*ratio //' pairs.txt | sort -n | awk -v wanted="$pairs" -v reads="$reads" '
    { ratio[NR] = $1 }
    END {
        if (NR != wanted) { print NR " of " wanted " pairs"; exit 1 }
        median = (ratio[int((NR + 1) / 2)] + ratio[int(NR / 2) + 1]) / 2
        printf "%d reads: %.3f times the bare loop in the median of %d, %.3f to %.3f, in virtual time\n", reads, median, NR, ratio[1], ratio[NR]
        exit median > 1.05
    }'
