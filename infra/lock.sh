#!/usr/bin/env bash
# Writes requirements/*.txt: every package at one version with its hashes, for all supported Pythons and platforms,
# without index addresses. Versions change only with `make lock ARGS=--upgrade` or `ARGS='--upgrade-package redis'`.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly TOOLS=.cache/lock

make_tools() {
    [ -x "$TOOLS/bin/uv" ] && return
    rm -rf "$TOOLS"
    "${PYTHON:-python3}" -m venv "$TOOLS"
    "$TOOLS/bin/python" -m pip install --quiet --disable-pip-version-check uv
}

compile() {
    "$TOOLS/bin/uv" pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command 'make lock' "$@" >/dev/null
}

refuse_addresses() {
    if grep -nE '[a-z]+://|--(extra-)?index-url|--find-links' requirements/*.txt; then
        echo "blytz: the lock file contains the address above, which must not be committed" >&2
        exit 1
    fi
}

make_tools
compile "$@" pyproject.toml requirements/build.in -o requirements/run.txt
compile "$@" pyproject.toml requirements/build.in requirements/test.in -c requirements/run.txt -o requirements/test.txt
compile "$@" pyproject.toml requirements/{build,test,check}.in -c requirements/test.txt -o requirements/check.txt
compile "$@" requirements/load.in -o requirements/load.txt
refuse_addresses
