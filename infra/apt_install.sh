#!/bin/sh
# Installs Debian packages without starting or enabling their daemons: `apt_install.sh PACKAGE...`, as root.
# Blytz starts Redis and nginx itself, and its tests PostgreSQL, with ports and folders of their own.
set -eu

POLICY=/usr/sbin/policy-rc.d
MARK='# Written by the set-up of Blytz; safe to remove.'

# Debian runs this file before it starts a service; exit code 101 forbids the start. An existing file is not changed.
forbid_daemons() {
    if [ ! -e "$POLICY" ]; then
        printf '#!/bin/sh\n%s\nexit 101\n' "$MARK" >"$POLICY"
        chmod 755 "$POLICY"
    fi
}

allow_daemons() {
    if grep -qsxF "$MARK" "$POLICY"; then
        rm -f "$POLICY"
    fi
}

disable_daemon() {
    if command -v systemctl >/dev/null 2>&1; then
        systemctl disable --quiet "$1" || true
    elif [ "${1%.service}" != "$1" ] && command -v update-rc.d >/dev/null 2>&1; then
        update-rc.d "${1%.service}" disable || true
    fi
}

trap allow_daemons EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

export DEBIAN_FRONTEND=noninteractive
forbid_daemons
apt-get update -qq || echo "the package lists could not be refreshed; continuing with the old ones"
apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
for package in "$@"; do
    case "$package" in
    redis-server | nginx | prometheus | postgresql) disable_daemon "$package.service" ;;
    # This timer renews the certificates of the system; a platform has its own timer.
    certbot) disable_daemon certbot.timer ;;
    esac
done
