#!/usr/bin/env bash
# Asks Let's Encrypt for the certificate of a platform whose `blytz gateway` is running, and puts it to work:
#
#   infra/tls/issue.sh --data DIR --email ADDRESS DOMAIN...
#
# The first domain must be the first of BLYTZ_GATEWAY_DOMAINS, and port 80 of each must lead to the gateway. All that
# certbot keeps is under DIR/certbot, so that no rights of root are needed. BLYTZ_ACME_SERVER names another authority
# (its staging one, for a first try); asked again, nothing happens while the certificate is good.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
data=${BLYTZ_DATA:-var/blytz}
email=

fail() {
    printf 'blytz: %s\n' "$*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case "$1" in
    --data) data=${2:?} && shift 2 ;;
    --email) email=${2:?} && shift 2 ;;
    -*) fail "usage: infra/tls/issue.sh --data DIR --email ADDRESS DOMAIN..." ;;
    *) break ;;
    esac
done
[ $# -gt 0 ] || fail "name the domains: infra/tls/issue.sh --data DIR --email ADDRESS DOMAIN..."
[ -n "$email" ] || fail "--email is needed: the authority writes to it when something is wrong with the certificate."
command -v certbot >/dev/null || fail "certbot is not installed; on Debian and Ubuntu: apt-get install certbot"
[ -d "$data/gateway/acme" ] || fail "no gateway has run in $data yet; start it: blytz gateway --data $data"
data=$(cd "$data" && pwd)

names=()
for domain in "$@"; do names+=(-d "$domain"); done
[ -z "${BLYTZ_ACME_SERVER:-}" ] || names+=(--server "$BLYTZ_ACME_SERVER")

umask 077
# The hook is kept with the certificate, and runs again after each renewal.
exec certbot certonly --non-interactive --agree-tos --email "$email" --no-eff-email \
    --config-dir "$data/certbot/config" --work-dir "$data/certbot/work" --logs-dir "$data/certbot/logs" \
    --max-log-backups 10 --cert-name blytz --key-type ecdsa --keep-until-expiring --expand \
    --webroot --webroot-path "$data/gateway/acme" \
    --deploy-hook "$(printf '%q %q' "$here/deploy.sh" "$data")" "${names[@]}"
