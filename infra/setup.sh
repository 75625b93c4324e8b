#!/usr/bin/env bash
# Prepares this checkout: `infra/setup.sh run|test|check|tls`. `test` includes `run`, `check` includes `test`. `tls` is
# `test` with a certificate authority; when it cannot be installed, the tests that need it are skipped and say so.
#
# Python packages go to .venv, pinned and hashed by requirements/*.txt. Redis, nginx and the checkers that are not
# Python are installed from the system's packages if missing. A finished step leaves a stamp in .venv with a checksum
# of its inputs, so a repeated step costs nothing; an interrupted step is repeated from the start.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly VENV=.venv
readonly STAMPS=$VENV/.blytz
readonly OLDEST_PYTHON=3.11
readonly OLDEST_REDIS=7
readonly NO_PROMTOOL=.cache/no-promtool
# Debian installs nginx outside an ordinary user's PATH.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { printf 'blytz: %s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Debian keeps the programs of a server outside the PATH.
have_postgresql() { have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

# --- Python ---------------------------------------------------------------------------------------------------------

is_new_enough() {
    "$1" -c "import sys; sys.exit(sys.version_info < (${OLDEST_PYTHON/./, }))" >/dev/null 2>&1
}

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        is_new_enough "$PYTHON" || fail "PYTHON=$PYTHON is not Python $OLDEST_PYTHON or newer."
        printf '%s\n' "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11; do
        if is_new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "Python $OLDEST_PYTHON or newer is needed and was not found; install it, or name it: make setup PYTHON=/path/to/python3"
}

python_version() { "$1" -ISc 'import sys; print(sys.version)' 2>/dev/null; }

# --- Stamps ---------------------------------------------------------------------------------------------------------

# The inputs of a step. The path is one of them because a virtual environment cannot be moved.
stamp_of() {
    printf '%s\n' "$PWD" "$(python_version "$VENV/bin/python")"
    cksum <"requirements/$1.txt"
    sed '/^\[tool\.ruff/,$d' pyproject.toml | cksum # later sections do not affect the installed package
}

is_done() {
    [ -x "$VENV/bin/blytz" ] && [ -f "$STAMPS/$1" ] && [ ! -e "$STAMPS/unfinished" ] && is_wanted_python &&
        [ "$(cat "$STAMPS/$1")" = "$(stamp_of "$1")" ]
}

is_wanted_python() {
    [ -z "${PYTHON:-}" ] || [ "$(python_version "$PYTHON")" = "$(python_version "$VENV/bin/python")" ]
}

is_valid_venv() {
    [ -f "$STAMPS/made" ] && [ ! -e "$STAMPS/unfinished" ] && is_wanted_python &&
        [ "$(cat "$STAMPS/made")" = "$PWD $(python_version "$VENV/bin/python")" ]
}

# --- The system's packages ------------------------------------------------------------------------------------------

# Prints the Debian package of each missing program, one per line.
missing_packages() {
    have redis-server || echo redis-server
    have nginx || echo nginx
    [ "$1" = run ] || have chromium || echo chromium
    [ "$1" = run ] || have_postgresql || echo postgresql
    if [ "$1" = check ]; then
        have shellcheck || echo shellcheck
        have luacheck || echo lua-check
    fi
    is_valid_venv || "$PYTHON_FOUND" -c 'import venv, ensurepip' 2>/dev/null || venv_package
}

# Debian ships venv in a separate package for each Python version.
venv_package() {
    "$PYTHON_FOUND" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        sudo "$@"
    else
        return 126
    fi
}

install_packages() {
    local names="$*" status=0
    have apt-get || fail "install these with your system's package manager, then try again: $names"
    say "missing on this machine: $names; installing from the system's packages (apt-get, as root)"
    as_root infra/apt_install.sh "$@" </dev/null >&2 || status=$?
    [ "$status" -ne 126 ] || fail "root is needed for that; run 'sudo apt-get install $names', then try again."
    [ "$status" -eq 0 ] || fail "apt-get could not install $names; its output is above."
}

# promtool checks the alerts; without it that check is skipped. After a failed installation a file in .cache prevents
# another attempt.
optional_packages() {
    if [ "$1" != check ] || have promtool || [ -e "$NO_PROMTOOL" ]; then
        return
    fi
    say "missing on this machine: prometheus (for promtool); installing from the system's packages (apt-get, as root)"
    if ! have apt-get || ! as_root infra/apt_install.sh prometheus </dev/null >&2; then
        say "promtool could not be installed; the alerts are not checked here (remove $NO_PROMTOOL to try again)"
        : >"$NO_PROMTOOL"
    fi
}

check_redis_version() {
    local version
    version=$(redis-server --version | sed -n 's/.* v=\([0-9.]*\).*/\1/p')
    [ "${version%%.*}" -ge "$OLDEST_REDIS" ] ||
        fail "Redis $OLDEST_REDIS.0 or newer is needed, this machine has $version; install a newer redis-server."
}

system_packages() {
    local missing
    missing=$(missing_packages "$1")
    # shellcheck disable=SC2086 # one word is one package
    [ -z "$missing" ] || install_packages $missing
    optional_packages "$1"
    check_redis_version
}

# --- The virtual environment ----------------------------------------------------------------------------------------

make_venv() {
    say "making $VENV with $("$PYTHON_FOUND" --version)"
    rm -rf "$VENV"
    "$PYTHON_FOUND" -m venv "$VENV"
    mkdir -p "$STAMPS"
    printf '%s %s\n' "$PWD" "$(python_version "$VENV/bin/python")" >"$STAMPS/made"
}

pip_install() {
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps "$@" </dev/null >&2
}

# `unfinished` stays behind when the step is killed half-way. pip itself rolls back an installation that fails.
install_requirements() {
    local step=$1
    say "installing requirements/$step.txt"
    : >"$STAMPS/unfinished"
    if pip_install --require-hashes --only-binary :all: -r "requirements/$step.txt" &&
        pip_install --no-build-isolation --editable .; then
        rm -f "$STAMPS/unfinished"
    else
        rm -f "$STAMPS/unfinished"
        fail "the Python packages could not be installed; pip's output is above."
    fi
}

# A step includes all steps before it.
write_stamps() {
    local step
    for step in run test check; do
        stamp_of "$step" >"$STAMPS/$step.new"
        mv "$STAMPS/$step.new" "$STAMPS/$step"
        [ "$step" != "$1" ] || break
    done
}

set_up() {
    PYTHON_FOUND=$(find_python)
    system_packages "$1"
    is_done "$1" && return
    is_valid_venv || make_venv
    install_requirements "$1"
    # Some systems write no bytecode by themselves; then each process would compile the package when it starts.
    "$VENV/bin/python" -m compileall -q services || true
    write_stamps "$1"
    say "ready: $VENV/bin/blytz"
}

has_checkers() {
    have shellcheck && have luacheck && { have promtool || [ -e "$NO_PROMTOOL" ]; }
}

install_authority() {
    local missing
    missing=$({ have pebble || echo pebble; have certbot || echo certbot; } | xargs)
    # shellcheck disable=SC2086 # one word is one package
    [ -z "$missing" ] || (install_packages $missing) || say "going on without: $missing"
}

has_tools() {
    have redis-server && have nginx && { [ "$1" = run ] || { have chromium && have_postgresql; }; } && { [ "$1" != check ] || has_checkers; }
}

# Only one set-up of a checkout runs at a time, if the machine has flock.
lock_checkout() {
    mkdir -p .cache
    exec 9>.cache/setup.lock
    ! have flock || flock 9
}

main() {
    case "${1:-}" in
    run | test | check) ;;
    tls)
        infra/setup.sh test && install_authority
        return
        ;;
    *) fail "usage: infra/setup.sh run|test|check|tls" ;;
    esac
    if has_tools "$1" && is_done "$1"; then
        return
    fi
    lock_checkout
    set_up "$1"
}

main "$@"
