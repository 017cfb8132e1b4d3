#!/bin/sh
# Makes the guest: a kernel, and an initramfs with bluetoothd, dbus-daemon and the given programs.
#   ci/guest/build.sh PROGRAM...
# All of it under target/guest; nothing of the system is changed. Needs apt and dpkg of Debian 12 or
# later. Downloads happen once; the initramfs is made anew each time.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${GATTEST_GUEST:-$here/../../target/guest}
mkdir -p "$out"
out=$(cd "$out" && pwd)

names() { awk -v part="$1" '$1 == part { print $2 }' "$here/packages.txt"; }

# The archive's lists, fetched once for this folder: the system's own stay as they are, and need not be there.
apt() {
    command -v apt-get >/dev/null || { echo "the guest is made of Debian's packages: apt-get is missing" >&2; exit 1; }
    mkdir -p "$out/apt/lists/partial" "$out/apt/cache/archives/partial"
    tool=$1
    shift
    "$tool" -o Dir::State::lists="$out/apt/lists" -o Dir::Cache="$out/apt/cache" -o APT::Sandbox::User=root "$@"
}

# Downloads packages, unless these were before. apt checks each file's SHA-256 against the signed lists, and leaves the
# files and nothing else.
download() {
    part=$1
    shift
    [ "$(cat "$out/debs/$part.done" 2>/dev/null)" != "$*" ] || return 0
    [ -d "$out/apt/lists" ] || apt apt-get -qq update
    rm -rf "$out/debs/$part" "$out/$part"
    mkdir -p "$out/debs/$part"
    (cd "$out/debs/$part" && apt apt-get -qq download "$@")
    echo "$*" >"$out/debs/$part.done"
}

# Debian's name without a version depends on the one package with a version: that is the kernel.
kernel_package() { apt apt-cache depends "$(names kernel)" | awk '$1 == "Depends:" { print $2; exit }'; }

unpack() {
    [ -d "$out/$1" ] && return
    mkdir -p "$out/$1.part"
    for package in "$out/debs/$1"/*.deb; do dpkg-deb --extract "$package" "$out/$1.part"; done
    mv "$out/$1.part" "$out/$1"
}

# The kernel's ELF image boots directly: a compressed one would be unpacked under emulation.
kernel() {
    [ -f "$out/vmlinux" ] && return
    mkdir -p "$out/kernel"
    # Few of its 4,000 modules are of use here.
    dpkg-deb --fsys-tarfile "$out"/debs/kernel/*.deb |
        tar --extract --directory "$out/kernel" --wildcards './boot/vmlinuz*' './lib/modules/*/modules.*' \
            './lib/modules/*/kernel/crypto/*' './lib/modules/*/kernel/net/bluetooth/bluetooth.ko' \
            './lib/modules/*/kernel/net/rfkill/*' './lib/modules/*/kernel/drivers/bluetooth/hci_vhci.ko' \
            './lib/modules/*/kernel/drivers/virtio/*' './lib/modules/*/kernel/drivers/char/virtio_console.ko' \
            './lib/modules/*/kernel/drivers/hid/uhid.ko' './lib/modules/*/kernel/lib/*' \
            './lib/modules/*/kernel/arch/x86/crypto/*'
    image=$(echo "$out"/kernel/boot/vmlinuz-*)
    # What is packed begins with the magic number of xz.
    at=$(LC_ALL=C grep --text --byte-offset --only-matching --max-count=1 "$(printf '\3757zXZ')" "$image" |
        head -n 1 | cut -d: -f1)
    [ -n "$at" ] || { echo "no xz image in $image: has Debian changed its kernel's compression?" >&2; exit 1; }
    tail --bytes=+$((at + 1)) "$image" | xz --decompress --stdout --single-stream >"$out/vmlinux.part" 2>/dev/null || true
    [ -s "$out/vmlinux.part" ] || { echo "$image could not be unpacked" >&2; exit 1; }
    mv "$out/vmlinux.part" "$out/vmlinux"
}

# The C library comes from where the program was built: an older one in the guest would not load it.
libraries() { ldd "$1" | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }'; }

initramfs() {
    root=$out/root
    rm -rf "$root"
    mkdir -p "$root/bin" "$root/sbin" "$root/dev" "$root/proc" "$root/sys" "$root/run/dbus" "$root/tmp" "$root/etc" \
        "$root/var/lib/bluetooth" "$root/usr/lib" "$root/usr/bin" "$root/lib" "$root/lib64" "$root/out"
    cp "$out/guest/bin/busybox" "$root/bin/busybox"
    for applet in $("$out/guest/bin/busybox" --list | grep -v '^busybox$'); do ln -sf busybox "$root/bin/$applet"; done
    # The kernel calls this one by its path.
    ln -sf ../bin/modprobe "$root/sbin/modprobe"
    cp "$out/guest/usr/bin/dbus-daemon" "$out/guest/usr/bin/bluetoothctl" "$out/guest/usr/sbin/rfkill" "$root/usr/bin/"
    cp "$out/guest/usr/libexec/bluetooth/bluetoothd" "$root/usr/bin/"
    cp -r "$out/guest/etc/dbus-1" "$root/etc/" 2>/dev/null || mkdir -p "$root/etc/dbus-1/system.d"
    cp "$here/bluetooth.conf" "$root/etc/main.conf"
    cp "$here/dbus.conf" "$root/etc/dbus.conf"
    cp "$here/init" "$root/init"
    cp "$here/judge.sh" "$here/cost.sh" "$here/long.sh" "$here/beside.sh" "$here/faults.sh" "$root/etc/"
    chmod +x "$root/init"
    cp "$@" "$root/bin/"
    printf 'root:x:0:0:root:/:/bin/sh\nmessagebus:x:100:100::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\n' >"$root/etc/passwd"
    printf 'root:x:0:\nbluetooth:x:101:\n' >"$root/etc/group"
    find "$out/guest" -name '*.so*' -path '*x86_64-linux-gnu*' -exec cp -P {} "$root/usr/lib/" \;
    for library in $(for program in "$@"; do libraries "$program"; done); do cp -L "$library" "$root/usr/lib/"; done
    for base in libc.so.6 libm.so.6 libgcc_s.so.1 libdl.so.2 libpthread.so.0 librt.so.1 libresolv.so.2; do
        from=$(ldconfig -p | awk -v name="$base" '$1 == name { print $NF; exit }')
        [ -z "$from" ] || cp -L "$from" "$root/usr/lib/"
    done
    cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
    cp -r "$out/kernel/lib/modules" "$root/lib/"
    rm -f "$root"/lib/modules/*/*.bin
    "$out/guest/bin/busybox" depmod -b "$root" "$(ls "$root/lib/modules")"
    (cd "$root" && find . | "$out/guest/bin/busybox" cpio -o -H newc 2>/dev/null) >"$out/initramfs.cpio"
}

qemu_here() { command -v qemu-system-x86_64 >/dev/null; }

[ -f "$out/vmlinux" ] || { apt apt-get -qq update; download kernel "$(kernel_package)"; }
download guest $(names guest)
unpack guest
kernel
qemu_here || { download qemu $(names qemu); unpack qemu; }
initramfs "$@"
printf 'guest: kernel %s, initramfs %s kB\n' "$(basename "$out"/kernel/boot/vmlinuz-*)" \
    "$(($(stat -c %s "$out/initramfs.cpio") / 1024))"
