#!/usr/bin/env bash
# All the checks of `make check`. Every one runs even when an earlier one found something; the exit code is theirs.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
readonly BIN=.venv/bin
status=0

begin() { printf -- '-- %s\n' "$1"; }
found() { status=1; }

python_folders() {
    local folder
    for folder in services tests bench; do
        [ ! -d "$folder" ] || [ -z "$(find "$folder" -name '*.py' -print -quit)" ] || printf '%s\n' "$folder"
    done
}

begin 'ruff check'
"$BIN/ruff" check --quiet . || found

begin 'ruff format'
"$BIN/ruff" format --check --quiet . || found

begin 'mypy'
mapfile -t folders < <(python_folders)
"$BIN/mypy" "${folders[@]}" || found

begin 'import-linter'
"$BIN/lint-imports" --no-logo --cache-dir .cache/import-linter || found

begin 'luacheck'
infra/check_lua.sh || found

begin 'shellcheck'
mapfile -t scripts < <(find infra bench tests -name '*.sh' 2>/dev/null)
shellcheck --external-sources .ci/run "${scripts[@]}" || found

begin 'no index address in a lock'
grep -rnE '[a-z]+://|--(extra-)?index-url|--find-links' requirements && found

[ "$status" -eq 0 ] && echo 'all checks passed' || echo 'some checks failed: see above'
exit "$status"
