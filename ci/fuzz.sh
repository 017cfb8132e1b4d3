#!/bin/sh
# Builds the fuzz target of the server, runs the seeds that are kept, and then looks for new inputs. Stops at the
# first one that breaks a rule and keeps it. Usage: ci/fuzz.sh [SECONDS]
# libFuzzer needs a C++ compiler. Stable Rust does: nothing here is unsafe, so there is nothing for a sanitizer.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
fuzz=firmware/gatts/fuzz
target=${CARGO_TARGET_DIR:-target}/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
command -v "${CXX:-c++}" >/dev/null || { echo "fuzz: no C++ compiler; install one, g++ say" >&2; exit 1; }

coverage="-Cpasses=sancov-module -Ccodegen-units=1"
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    coverage="$coverage -Cllvm-args=-sanitizer-coverage-$option"
done
# Only what is built for a named target has these flags: build scripts have not.
RUSTFLAGS="--cfg fuzzing $coverage" CARGO_TARGET_DIR=$target \
    cargo build --quiet --release --locked --manifest-path $fuzz/Cargo.toml --target "$host"

mkdir -p "$target/corpus" $fuzz/artifacts
log=$target/log
if ! "$target/$host/release/pdus" "$target/corpus" $fuzz/seeds -max_total_time="$seconds" -max_len=1024 \
    -len_control=20 -timeout=10 -rss_limit_mb=1024 -artifact_prefix=$fuzz/artifacts/ >"$log" 2>&1; then
    grep -A 1 'panicked' "$log" >&2 || grep 'ERROR' "$log" >&2 || tail -n 20 "$log" >&2
    sed -n 's/.*Test unit written to /fuzz: kept as /p' "$log" >&2
    echo "fuzz: a rule is broken; mend it, and run the input again: $target/$host/release/pdus FILE" >&2
    echo "fuzz: RUST_LIBFUZZER_DEBUG_PATH=/dev/stdout shows what the input stands for" >&2
    exit 1
fi
sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) second.*/fuzz: \1 inputs in \2 s, each twice, and none broke a rule/p' "$log"
