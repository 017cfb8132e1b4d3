#!/bin/sh
# Boards that break, and programs that are killed, at any moment of a flashing: it ends in time, as done or as
# inconclusive with a cause and what to do, leaves nothing locked, and the next one works.
# Usage: ci/flash_faults.sh [RUNS OF EACH KIND]
set -eu
cd "$(dirname "$0")/.."
runs=${1:-1}
# A loader that has gone is given up after some tens of seconds.
longest_ms=60000
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --release --package gattest
gattest=$target/release/gattest
here=$(mktemp -d)
board=
trap '[ -z "$board" ] || kill "$board"; rm -rf "$here"' EXIT
cc -shared -fPIC -Wall -Werror -o "$here/modem_lines.so" ci/modem_lines.c -ldl
export GATTEST_CONTROL="$here/control"
unset GATTEST_BOARD GATTEST_CENTRAL

"$gattest" firmware --out "$here" >/dev/null 2>"$here/said" || { cat "$here/said"; exit 1; }
mv "$here/gattest-esp32c3.elf" "$here/1.elf"
# The same program, and yet another image: as small a change as there is.
cp "$here/1.elf" "$here/2.elf"
printf '\0' >>"$here/2.elf"

mkfifo "$here/ready"
"$gattest" board --pty "$here/port" --control "unix:$here/control" >"$here/ready" &
board=$!
# Open for all the board's life: it says each time that its port is there.
exec 3<"$here/ready"
read -r _ <&3

now_ms() { date +%s%3N; }

# Does something to the board.
tell() {
    python3 - "$here/control" "$1" <<'EOF'
import socket, sys
with socket.socket(socket.AF_UNIX) as board:
    board.connect(sys.argv[1])
    board.sendall(sys.argv[2].encode() + b"\n")
    sys.exit(board.recv(100) != b"ok\n")
EOF
}

# Becomes the command, so that it can be ended by its number.
flash() {
    LD_PRELOAD="$here/modem_lines.so" exec "$gattest" flash --board "$here/port" --image "$here/$1.elf" >"$here/said" 2>&1
}

wrong() {
    echo "$fault after $after s: $1" >&2
    cat "$here/said" >&2
    exit 1
}

(flash 1)
image=1
for fault in unplug brown-out reset silence boot-loop 'noise 400' 'write-protect 1' kill; do
    done=0 broken=0 most=0
    : >"$here/causes"
    for _ in $(seq "$runs"); do
        image=$((3 - image))
        after=$(awk -v seed="$(od -An -N4 -tu4 /dev/urandom)" 'BEGIN { srand(seed); printf "%.2f", rand() * 4.5 }')
        began=$(now_ms)
        flash $image &
        flashing=$!
        sleep "$after"
        if [ "$fault" = kill ]; then kill -9 $flashing || :; else tell "$fault"; fi
        wait $flashing && status=0 || status=$?
        took=$(($(now_ms) - began))
        [ $took -le $longest_ms ] || wrong "it took $took ms"
        [ $took -le $most ] || most=$took
        case $status in
            0) done=$((done + 1)) ;;
            3)
                broken=$((broken + 1))
                grep -q '^what to do: ..' "$here/said" || wrong "no word of what to do"
                grep '^inconclusive: ' "$here/said" >>"$here/causes" || wrong "no cause"
                ;;
            137) [ "$fault" = kill ] || wrong "killed"; broken=$((broken + 1)) ;;
            *) wrong "exit code $status" ;;
        esac
        case $fault in
            unplug) tell plug; read -r _ <&3 ;;
            write-protect*) tell 'write-protect 0' ;;
            silence | boot-loop) tell reset ;;
        esac
        (flash $image) || wrong "the next one does not work"
    done
    echo "$fault: $done flashed, $broken broken off, the longest took $most ms"
    sed "s|$here/||g" "$here/causes" | sort | uniq -c
done
