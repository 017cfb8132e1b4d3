#!/bin/sh
# What takes too long for every change. Stops at the first failure.
set -eu
cd "$(dirname "$0")"
./check.sh
./seeds.sh 1000
./faults.sh
./flash_faults.sh 10
./fuzz.sh 600
./memory.sh
