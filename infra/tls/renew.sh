#!/usr/bin/env bash
# Renews the certificate when less than a third of its life is left: `infra/tls/renew.sh DIR [certbot's own options]`.
# For a timer, twice a day (infra/systemd/blytz-renew.timer); an open WebSocket does not notice.
set -euo pipefail

if [ ! -d "${1:-}" ]; then
    echo "usage: infra/tls/renew.sh DIR, the data folder in which infra/tls/issue.sh has put a certificate" >&2
    exit 2
fi
data=$(cd "$1" && pwd)
shift
umask 077
exec certbot renew --non-interactive --max-log-backups 10 \
    --config-dir "$data/certbot/config" --work-dir "$data/certbot/work" --logs-dir "$data/certbot/logs" "$@"
