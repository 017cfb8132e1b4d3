#!/bin/sh
# Boards that break at any moment of a scenario, in all seven ways: no hang, no false pass, no false failure, nothing left
# locked. Prints what was found. Usage: ci/faults.sh [RUNS OF EACH KIND]
set -eu
cd "$(dirname "$0")/.."
export GATTEST_FAULT_RUNS="${1:-29}"
exec cargo test --quiet --package rig --test rig -- board_faults --nocapture
