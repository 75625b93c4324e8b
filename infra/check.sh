#!/usr/bin/env bash
# All the checks of `make check`. Every one runs even when an earlier one found something; the exit code is theirs.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
readonly BIN=.venv/bin
status=0

begin() { printf -- '-- %s\n' "$1"; }
found() { status=1; }

# Those of the named folders that hold a file of the wanted kind: mypy refuses a folder without Python.
folders_with() {
    local kind=$1 folder
    shift
    for folder in "$@"; do
        [ -z "$(find "$folder" -name "$kind" 2>/dev/null | head -n 1)" ] || printf '%s\n' "$folder"
    done
}

begin 'ruff check'
"$BIN/ruff" check --quiet . || found

begin 'ruff format'
"$BIN/ruff" format --check --quiet . || found

begin 'mypy'
# shellcheck disable=SC2046 # one line is one folder
"$BIN/mypy" $(folders_with '*.py' services tests bench infra) || found

begin 'import-linter'
"$BIN/lint-imports" --no-logo --cache-dir .cache/import-linter || found

begin 'settings: specs/settings.md'
"$BIN/python" infra/settings_table.py --check || found

begin 'contracts: specs/openapi and specs/asyncapi.yaml'
"$BIN/python" -m infra.specs check || found

begin 'contracts: specs/asyncapi.yaml by the official schema'
"$BIN/python" -m infra.specs.official || found

begin 'luacheck'
infra/check_lua.sh || found

if command -v promtool >/dev/null; then
    begin 'promtool'
    promtool check config infra/prometheus/prometheus.yml >/dev/null || found
    promtool test rules infra/prometheus/alerts_test.yml >/dev/null || found
else
    begin 'promtool: skipped, it is not installed'
fi

begin 'shellcheck'
find . \( -name .git -o -name .venv -o -name .cache -o -name node_modules \) -prune -o \
    -type f \( -path ./.ci/run -o -name '*.sh' \) -exec shellcheck --external-sources {} + || found

begin 'no index address in a lock'
grep -rnE '[a-z]+://|--(extra-)?index-url|--find-links' requirements && found
grep -n '"resolved"' infra/specs/official/package-lock.json tests/firebase/package-lock.json && found

[ "$status" -eq 0 ] && echo 'all checks passed' || echo 'some checks failed: see above'
exit "$status"
