#!/bin/sh
# Boots the guest, runs a list of commands in it and brings back what they left in /out.
#   ci/guest/run.sh COMMANDS [FOLDER]
# COMMANDS is a shell script; FOLDER is found in the guest as /work. Exit status: that of COMMANDS,
# 71 if the guest ended without saying one, 124 after GATTEST_GUEST_SECONDS (default 900).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "${GATTEST_GUEST:-$here/../../target/guest}" && pwd)
commands=$1
folder=${2:-}
busybox=$out/guest/bin/busybox

# A second archive behind the first is unpacked over it: the guest itself needs no new one.
extra=$out/extra
rm -rf "$extra" "$out/result" "$out/result.tar"
mkdir -p "$extra/etc" "$extra/work" "$out/result"
cp "$commands" "$extra/etc/commands"
chmod +x "$extra/etc/commands"
[ -z "$folder" ] || cp -r "$folder/." "$extra/work/"
(cd "$extra" && find . | "$busybox" cpio -o -H newc 2>/dev/null) >"$out/extra.cpio"
cat "$out/initramfs.cpio" "$out/extra.cpio" >"$out/all.cpio"

qemu() {
    if command -v qemu-system-x86_64 >/dev/null; then
        qemu-system-x86_64 "$@"
    else
        LD_LIBRARY_PATH=$out/qemu/usr/lib/x86_64-linux-gnu:$out/qemu/lib/x86_64-linux-gnu \
            "$out/qemu/usr/bin/qemu-system-x86_64" -L "$out/qemu/usr/share/qemu" -L "$out/qemu/usr/share/seabios" "$@"
    fi
}

# Time in the guest is counted in instructions, 2 ns each, and jumps ahead when nobody has anything to do: no wait takes
# the time of this machine, and how busy this machine is changes nothing that the guest sees. Hardware acceleration
# cannot do that, and a guest that mostly waits gains nothing else by it.
boot() {
    qemu -M q35 -accel tcg,thread=single -icount shift=1,sleep=off -cpu max -smp 1 -m 1024 -nodefaults -no-reboot \
        -display none -kernel "$out/vmlinux" -initrd "$out/all.cpio" \
        -append "console=ttyS0 quiet panic=-1 rdinit=/init tsc=reliable" \
        -serial "file:$out/console.txt" \
        -device virtio-serial-pci -chardev "file,id=result,path=$out/result.tar" \
        -device virtserialport,chardev=result,name=result
}

boot &
qemu_pid=$!
trap 'kill "$qemu_pid" 2>/dev/null || true' EXIT INT TERM
tries=$((${GATTEST_GUEST_SECONDS:-900} * 10))
while kill -0 "$qemu_pid" 2>/dev/null; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "the guest was not done in time; its console: $out/console.txt" >&2; exit 124; }
    sleep 0.1
done
trap - EXIT INT TERM
tar -xf "$out/result.tar" -C "$out/result" 2>/dev/null || true
status=$(cat "$out/result/status" 2>/dev/null || echo 71)
[ "$status" != 71 ] || { echo "the guest ended without a result; its console:" >&2; tail -n 20 "$out/console.txt" >&2; }
exit "$status"
