#!/usr/bin/env bash
# The checks of `make check`. All of them run; the exit code is 1 if any of them failed.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
readonly BIN=.venv/bin
status=0

title() { printf -- '-- %s\n' "$1"; }
failed() { status=1; }

# Prints the folders that contain such a file: mypy refuses a folder without Python.
folders_with() {
    local kind=$1 folder
    shift
    for folder in "$@"; do
        [ -z "$(find "$folder" -name "$kind" 2>/dev/null | head -n 1)" ] || printf '%s\n' "$folder"
    done
}

title 'ruff check'
"$BIN/ruff" check --quiet . || failed

title 'ruff format'
"$BIN/ruff" format --check --quiet . || failed

title 'mypy'
# shellcheck disable=SC2046 # one line is one folder
"$BIN/mypy" $(folders_with '*.py' services tests bench infra) || failed

title 'import-linter'
"$BIN/lint-imports" --no-logo --cache-dir .cache/import-linter || failed

title 'contracts and settings: specs/ is as the code makes it'
"$BIN/python" -m infra.specs check || failed

title 'contracts: specs/asyncapi.yaml by the official schema'
"$BIN/python" -m infra.specs.official || failed

title 'luacheck'
infra/check_lua.sh || failed

if command -v promtool >/dev/null; then
    title 'promtool'
    promtool check config infra/prometheus/prometheus.yml >/dev/null || failed
    promtool test rules infra/prometheus/alerts_test.yml >/dev/null || failed
else
    title 'promtool: skipped, it is not installed'
fi

title 'shellcheck'
find . \( -name .git -o -name .venv -o -name .cache -o -name node_modules \) -prune -o \
    -type f \( -path ./.ci/run -o -name '*.sh' \) -exec shellcheck --external-sources {} + || failed

title 'no index address in a lock'
grep -rnE '[a-z]+://|--(extra-)?index-url|--find-links' requirements && failed
grep -n '"resolved"' infra/specs/official/package-lock.json tests/{firebase,video}/package-lock.json && failed

[ "$status" -eq 0 ] && echo 'all checks passed' || echo 'some checks failed: see above'
exit "$status"
