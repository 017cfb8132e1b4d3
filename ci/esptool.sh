#!/bin/sh
# Espressif's own flashing tool against the virtual ROM loader: reset by the modem lines, with and without
# its stub, on each chip; what was flashed boots. ESPTOOL_PYTHON names a Python that has esptool; without
# it, one is made below target/. Usage: ci/esptool.sh [CHIP...]
set -eu
cd "$(dirname "$0")/.."
VERSION=5.6.0
target=${CARGO_TARGET_DIR:-target}
python=${ESPTOOL_PYTHON:-}
if [ -z "$python" ]; then
    python=$target/esptool-$VERSION/bin/python
    [ -x "$python" ] || python3 -m venv "$target/esptool-$VERSION"
    "$python" -m pip install --quiet --disable-pip-version-check "esptool==$VERSION"
fi
cargo build --quiet --release --package gattest
here=$(mktemp -d)
board=
trap '[ -z "$board" ] || kill "$board"; rm -rf "$here"' EXIT
cc -shared -fPIC -Wall -Werror -o "$here/modem_lines.so" ci/modem_lines.c -ldl

# A board with these options, once its port is there.
start_board() {
    [ -z "$board" ] || { kill "$board"; wait "$board" || :; }
    rm -f "$here/ready"
    mkfifo "$here/ready"
    "$target/release/gattest" board --pty "$here/port" --control "unix:$here/control" "$@" >"$here/ready" &
    board=$!
    read -r _ <"$here/ready"
}

# As a user calls it, but for the preloaded modem lines. What it says is shown only when it should not have.
esptool() {
    LD_PRELOAD="$here/modem_lines.so" GATTEST_CONTROL="$here/control" \
        "$python" -m esptool --chip "$chip" --port "$here/port" "$@" >"$here/said" 2>&1
}

must() {
    printf '%s: esptool %s\n' "$chip" "$(echo "$*" | sed "s|$here/||g")"
    esptool "$@" || { cat "$here/said"; echo "it failed"; exit 1; }
}

# The board says it within 10 s after a reset.
boots() {
    "$python" - "$here/port" "$here/control" "$1" <<'EOF'
import serial, socket, sys, time
port, control, text = sys.argv[1:]
with serial.Serial(port, 115200, timeout=0.1) as line, socket.socket(socket.AF_UNIX) as board:
    board.connect(control)
    board.sendall(b"reset\n")
    said, deadline = b"", time.monotonic() + 10
    while text.encode() not in said:
        said += line.read(4096)
        if time.monotonic() > deadline:
            sys.exit(f"the board does not say {text!r} but {said.decode(errors='replace')!r}")
EOF
    printf '%s: the board says: %s\n' "$chip" "$1"
}

for chip in ${*:-esp32c3 esp32 esp32c6}; do
    start_board --chip "$chip" --download
    must --baud 921600 read-flash 0 0x20000 "$here/factory.bin"
    head -c 65536 /dev/urandom >"$here/other.bin"
    kill "$board"; wait "$board" || :
    board=

    start_board --chip "$chip" --blank
    boots 'invalid header: 0xffffffff'
    for stub in '' --no-stub; do
        must $stub --baud 921600 write-flash --flash-mode keep 0 "$here/factory.bin" 0x100000 "$here/other.bin"
        must $stub --baud 921600 verify-flash --diff 0x100000 "$here/other.bin"
        boots 'boot: gattest-esp32'
        must --baud 921600 read-flash 0x100000 65536 "$here/back.bin"
        cmp "$here/other.bin" "$here/back.bin"
        if esptool $stub --baud 921600 verify-flash 0x100001 "$here/other.bin"; then
            echo "a wrong verification passed"
            exit 1
        fi
        grep -q 'Verification failed' "$here/said" || { cat "$here/said"; exit 1; }
        must erase-flash
        boots 'invalid header: 0xffffffff'
    done
done
echo "esptool $VERSION flashes, reads and verifies every chip, with its stub and without"
