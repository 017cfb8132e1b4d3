#!/bin/sh
# Scenarios against a server that is not ours: Bumble's, from PyPI, on the virtual radio. A right one passes, wrong ones
# fail, broken benches are inconclusive; and Bumble uses the virtual controllers and the virtual board as a client.
# Needs Python 3.9 with venv (Debian: python3-venv) and PyPI at the first run. BUMBLE_PYTHON names a Python that has
# Bumble already; GATTEST_SKIP_BUMBLE=1 leaves all of this out.
set -eu
cd "$(dirname "$0")/.."
VERSION=0.0.236
if [ "${GATTEST_SKIP_BUMBLE:-}" = 1 ]; then
    echo "skipped: GATTEST_SKIP_BUMBLE is set"
    exit 0
fi
if [ -z "${BUMBLE_PYTHON:-}" ]; then
    venv=${CARGO_TARGET_DIR:-target}/bumble-$VERSION
    BUMBLE_PYTHON=$venv/bin/python
    without="or set GATTEST_SKIP_BUMBLE=1 to do without"
    # Also finds the half of one: pip is what it gets last.
    "$BUMBLE_PYTHON" -m pip --version >/dev/null 2>&1 || python3 -m venv --clear "$venv" ||
        { echo "no Python with venv: install it (Debian: apt-get install python3-venv), $without" >&2; exit 1; }
    "$BUMBLE_PYTHON" -m pip install --quiet --disable-pip-version-check "bumble==$VERSION" ||
        { echo "Bumble cannot be had from PyPI: see that it is in reach, $without" >&2; exit 1; }
fi
# An absolute path without resolving it: a venv is known by the name under which its Python is called.
case $BUMBLE_PYTHON in
    */*) BUMBLE_PYTHON=$(cd "$(dirname "$BUMBLE_PYTHON")" && pwd)/$(basename "$BUMBLE_PYTHON") ;;
esac
export BUMBLE_PYTHON
cargo test --quiet --package air --package board -- --ignored bumble
cargo build --quiet --release --package gattest
exec "$BUMBLE_PYTHON" ci/bumble/check.py "${CARGO_TARGET_DIR:-target}/release/gattest"
