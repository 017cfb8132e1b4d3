#!/bin/sh
# The memory that the server takes with 32-bit pointers, as on a chip, against the limits in its documentation.
# Needs `rustup target add i686-unknown-linux-musl`, and a kernel that runs 32-bit programs; skipped without.
set -eu
cd "$(dirname "$0")/.."
target=i686-unknown-linux-musl
if [ ! -d "$(rustc --print target-libdir --target $target)" ]; then
    echo "memory: skipped, there is no standard library for $target"
    exit 0
fi
export CARGO_TARGET_I686_UNKNOWN_LINUX_MUSL_LINKER=rust-lld
shown=$(cargo test --quiet --package gatts --target $target --test memory -- --nocapture 2>&1) ||
    { echo "$shown" >&2; exit 1; }
echo "$shown" | grep 'bytes$'
