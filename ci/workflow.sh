#!/bin/sh
# The workflows against the schema of their format, and what must hold of ours besides. CHECK_JSONSCHEMA names the
# program; without it, it is installed below target/.
set -eu
cd "$(dirname "$0")/.."
VERSION=0.33.3
target=${CARGO_TARGET_DIR:-target}
check=${CHECK_JSONSCHEMA:-$target/check-jsonschema-$VERSION/bin/check-jsonschema}
if [ ! -x "$check" ]; then
    python3 -m venv "$target/check-jsonschema-$VERSION"
    "$target/check-jsonschema-$VERSION/bin/python" -m pip install --quiet --disable-pip-version-check \
        "check-jsonschema==$VERSION"
fi
"$check" --builtin-schema vendor.github-workflows .github/workflows/*.yml

for workflow in .github/workflows/*.yml; do
    # A fork's code must not reach a machine of ours.
    ! grep -nE '^ *(pull_request|pull_request_target|workflow_run):' "$workflow" ||
        { echo "$workflow: runs for pull requests" >&2; exit 1; }
    # Its steps are the scripts that people call: each one that it names is there.
    for script in $(grep -oE '\bci/[a-z_-]+\.sh' "$workflow" | sort -u); do
        [ -x "$script" ] || { echo "$workflow: there is no $script" >&2; exit 1; }
    done
done
echo "workflows: $(ls .github/workflows/*.yml | wc -l) checked"
