#!/bin/sh
# What takes too long for every change. Stops at the first failure.
set -eu
cd "$(dirname "$0")"
GATTEST_SKIP_GUEST=1 ./check.sh
./seeds.sh 1000
./faults.sh
./guest.sh 20 5 1000
./flash_faults.sh 10
./fuzz.sh 600
./memory.sh
