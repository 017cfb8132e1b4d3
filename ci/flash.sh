#!/bin/sh
# `gattest flash` against the virtual ROM loader, beside Espressif's own tool in the same run; and against a ROM loader
# that is not ours. Prints the times. Needs the images of ci/firmware.sh, and Python for the other tools.
set -eu
cd "$(dirname "$0")/.."
ESPTOOL=5.6.0
MOCK=0.3.0
target=${CARGO_TARGET_DIR:-target}
python=$target/flash-$ESPTOOL-$MOCK/bin/python
if [ ! -x "$python" ]; then
    python3 -m venv "$target/flash-$ESPTOOL-$MOCK"
    "$python" -m pip install --quiet --disable-pip-version-check "esptool==$ESPTOOL" "esp32-mock-bootloader==$MOCK"
fi
cargo build --quiet --release --package gattest
gattest=$target/release/gattest
here=$(mktemp -d)
board=
trap '[ -z "$board" ] || kill "$board"; rm -rf "$here"' EXIT
cc -shared -fPIC -Wall -Werror -o "$here/modem_lines.so" ci/modem_lines.c -ldl
export GATTEST_CONTROL="$here/control"
unset GATTEST_BOARD GATTEST_CENTRAL

now_ms() { date +%s%3N; }

# A board with erased flash that is kept in $here/flash.
start_board() {
    [ -z "$board" ] || { kill "$board"; wait "$board" || :; }
    rm -f "$here/ready" "$here/flash"
    mkfifo "$here/ready"
    "$gattest" board --chip "$chip" --pty "$here/port" --control "unix:$here/control" --state "$here/flash" \
        --blank >"$here/ready" &
    board=$!
    read -r _ <"$here/ready"
}

# Runs a command that must succeed; what it says is shown when it does not. Sets $took, in milliseconds.
timed() {
    began=$(now_ms)
    LD_PRELOAD="$here/modem_lines.so" "$@" >"$here/said" 2>&1 || { cat "$here/said"; echo "failed: $*" >&2; exit 1; }
    took=$(($(now_ms) - began))
}

for chip in esp32c6 esp32c3; do
    "$gattest" firmware --chip "$chip" --out "$here" >/dev/null 2>"$here/said" || { cat "$here/said"; exit 1; }
    elf=$here/gattest-$chip.elf

    start_board
    timed "$gattest" flash --board "$here/port" --image "$elf"
    grep -q '^flashed: ' "$here/said" || { cat "$here/said"; exit 1; }
    ours=$took
    timed "$gattest" flash --board "$here/port" --image "$elf"
    grep -q '^unchanged: ' "$here/said" || { cat "$here/said"; exit 1; }
    again=$took
    [ "$again" -lt 500 ] || { echo "$chip: $again ms to know an unchanged image, at most 500" >&2; exit 1; }

    # The same bytes with the other tool, on a board that was erased as well.
    kill "$board"; wait "$board" || :
    board=
    "$python" - "$here/flash" "$here" <<'EOF'
import sys
flash, here = open(sys.argv[1], "rb").read(), sys.argv[2]
for name, start, end in ("boot", 0, 0x8000), ("table", 0x8000, 0x9000), ("app", 0x10000, len(flash)):
    data = flash[start:end].rstrip(b"\xff")
    open(f"{here}/{name}.bin", "wb").write(data + b"\xff" * (-len(data) % 4))
EOF
    start_board
    timed "$python" -m esptool --chip "$chip" --port "$here/port" --baud 921600 \
        write-flash 0 "$here/boot.bin" 0x8000 "$here/table.bin" 0x10000 "$here/app.bin"
    theirs=$took
    timed "$gattest" flash --board "$here/port" --image "$elf"
    grep -q '^unchanged: ' "$here/said" || { echo "$chip: not what esptool wrote"; cat "$here/said"; exit 1; }
    echo "$chip: gattest flash $ours ms, esptool $theirs ms; unchanged $again ms"
    [ "$ours" -le "$theirs" ] || { echo "$chip: slower than esptool" >&2; exit 1; }
done

# A loader of other people's, which has neither modem lines nor an application: what it was given is verified, and that
# nobody says Hello afterwards is told.
cat >"$here/bridge.py" <<'EOF'
import os, pty, select, socket, sys, tty
link, port = sys.argv[1], int(sys.argv[2])
master, slave = pty.openpty()
tty.setraw(slave)
os.symlink(os.ttyname(slave), link)
loader = socket.create_connection(("127.0.0.1", port))
print("ready", flush=True)
while True:
    for ready in select.select([master, loader], [], [])[0]:
        data = loader.recv(4096) if ready is loader else os.read(master, 4096)
        if not data:
            sys.exit()
        if ready is loader:
            os.write(master, data)
        else:
            loader.sendall(data)
EOF
mock() { "$(dirname "$python")/esp32-mock-bootloader" "$@"; }
kill "$board"; wait "$board" || :
board=
port=$("$python" -c "import socket; s = socket.socket(); s.bind((\"127.0.0.1\", 0)); print(s.getsockname()[1])")
mock start --chip esp32c3 --port $port >/dev/null
trap '[ -z "$board" ] || kill "$board"; mock stop --port $port >/dev/null; rm -rf "$here"' EXIT
rm -f "$here/ready" "$here/port"
mkfifo "$here/ready"
"$python" "$here/bridge.py" "$here/port" $port >"$here/ready" &
board=$!
read -r _ <"$here/ready"
"$gattest" flash --board "$here/port" --image "$here/gattest-esp32c3.elf" >"$here/said" 2>&1 && status=0 || status=$?
grep -q 'inconclusive: the board was flashed, and then' "$here/said" && [ $status -eq 3 ] ||
    { echo "esp32-mock-bootloader: exit $status"; cat "$here/said"; exit 1; }
# It ends with the connection, which the loader closes.
wait "$board" || :
board=
"$python" -m esptool --chip esp32c3 --port "socket://127.0.0.1:$port" --before no-reset --after no-reset \
    verify-flash 0 "$here/boot.bin" 0x8000 "$here/table.bin" 0x10000 "$here/app.bin" >"$here/said" 2>&1 ||
    { cat "$here/said"; exit 1; }
echo "esp32-mock-bootloader: flashed by gattest, verified by esptool"
