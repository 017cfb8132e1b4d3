#!/bin/sh
# What takes too long for every change. Stops at the first failure.
set -eu
cd "$(dirname "$0")"
./check.sh
./seeds.sh 1000
./faults.sh
./fuzz.sh 600
./memory.sh
