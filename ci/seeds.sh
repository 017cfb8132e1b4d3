#!/bin/sh
# Every scenario under many seeds, with packet loss: nothing that a scenario sees may depend on the
# seed. Usage: ci/seeds.sh [COUNT]
set -eu
cd "$(dirname "$0")/.."
exec cargo run --quiet --release --package gattest -- run --repeat "${1:-1000}" --loss 100
