#!/usr/bin/env bash
# Renews the certificate when less than a third of its life is left: `infra/tls/renew.sh DIR [certbot's own options]`.
# For a timer, twice a day (infra/systemd/blytz-renew.timer); an open WebSocket does not notice.
set -euo pipefail

data=$(cd "${1:?usage: infra/tls/renew.sh DIR}" && pwd)
shift
umask 077
exec certbot renew --non-interactive --max-log-backups 10 \
    --config-dir "$data/certbot/config" --work-dir "$data/certbot/work" --logs-dir "$data/certbot/logs" "$@"
