#!/bin/sh
# Builds the firmware of the chips that the upstream compiler knows, checks the images and prints their sizes.
# Needs the compiler's RISC-V targets: rustup's, or with RUST_SRC=DIR the library's source of a nightly toolchain's
# version, as distributions package it (DIR ends in /library).
set -eu
cd "$(dirname "$0")/.."
# Bytes that the application for the ESP32-C3 stays under.
limit=400000

cargo build --quiet --release --package gattest
target_dir=${CARGO_TARGET_DIR:-target}

if [ -n "${RUST_SRC:-}" ]; then
    export RUSTUP_TOOLCHAIN=nightly CARGO_UNSTABLE_BUILD_STD=core,alloc __CARGO_TESTS_ONLY_SRC_ROOT="$RUST_SRC"
else
    for target in riscv32imc-unknown-none-elf riscv32imac-unknown-none-elf; do
        [ -d "$(rustc --print target-libdir --target $target)" ] || rustup target add $target
    done
fi

sizes=$("$target_dir/release/gattest" firmware --chip esp32c3 --chip esp32c6 "$@")
echo "$sizes"
size=$(echo "$sizes" | sed -n 's/^esp32c3: \([0-9]*\) bytes.*/\1/p')
[ "$size" -lt "$limit" ] || { echo "the image for esp32c3 has $size bytes; it must stay under $limit" >&2; exit 1; }
