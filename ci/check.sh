#!/bin/sh
# All that must hold before a change is kept; people and CI run the same list.
# Stops at the first failure and names it. Needs Rust, a C compiler and Python with venv (or
# GATTEST_SKIP_BUMBLE=1), and for the guest Debian's apt (or GATTEST_SKIP_GUEST=1); cargo-nextest is used if it is there.
set -u
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}" RUSTDOCFLAGS="-D warnings" INSTA_UPDATE=no

passed=0
start=$(date +%s)

part() {
    name=$1
    shift
    printf '\n== %s: %s\n' "$name" "$*"
    began=$(date +%s)
    if "$@"; then
        passed=$((passed + 1))
        printf '== %s: ok, %s s\n' "$name" "$(($(date +%s) - began))"
    else
        printf '== %s: FAILED, %s s\n\n' "$name" "$(($(date +%s) - began))"
        printf 'test result: FAILED. %s passed; 1 failed (%s); finished in %s s\n' \
            "$passed" "$name" "$(($(date +%s) - start))"
        exit 1
    fi
}

no_unreviewed_traces() {
    left=$(find firmware harness fixtures \( -name '*.snap.new' -o -name '*.pending-snap' \) -print)
    [ -z "$left" ] || { printf 'not reviewed: %s\n' "$left"; return 1; }
}

optimised() {
    cargo build --quiet --release --package gattest && cargo build --quiet --release --package rig --example bare_reads
}

part format cargo fmt --all -- --check
part clippy cargo clippy --workspace --all-targets -- -D warnings
# The optimised programs take one core for minutes, and the tests mostly wait.
optimised &
release=$!
trap 'kill $(pgrep -P "$release") "$release" 2>/dev/null || true' EXIT
part tests cargo test --workspace
# As on a chip: without what only the virtual board has.
part application cargo test --package app
if command -v cargo-nextest >/dev/null; then
    # Of the whole workspace, as it was built just before.
    part nextest cargo nextest run --workspace -E 'binary_id(gattest::scenarios)' --status-level fail
fi
part documentation cargo doc --workspace --no-deps
part traces no_unreviewed_traces
part release wait "$release"
part check cargo run --quiet --release --package gattest -- check
part coverage cargo run --quiet --release --package gattest -- coverage
part scenarios cargo run --quiet --release --package gattest -- run
part mutants cargo run --quiet --release --package gattest -- mutants
part seeds ci/seeds.sh 50
part thousand ci/thousand.sh
part esptool ci/esptool.sh
part process ci/process.sh
part bumble ci/bumble.sh
part fuzz ci/fuzz.sh 30
part firmware ci/firmware.sh
part flash ci/flash.sh
part workflows ci/workflow.sh
if [ -z "${GATTEST_SKIP_GUEST:-}" ]; then
    part guest ci/guest.sh
fi

printf '\ntest result: ok. %s passed; 0 failed; finished in %s s\n' "$passed" "$(($(date +%s) - start))"
