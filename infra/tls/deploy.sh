#!/usr/bin/env bash
# Puts the newest certificate before the gateway: `infra/tls/deploy.sh DIR`. certbot runs it after it got one.
# Key and chain are one file, so that one rename changes both, and a gateway that starts meanwhile never reads halves.
set -euo pipefail

data=${1:?usage: infra/tls/deploy.sh DIR}
lineage=${RENEWED_LINEAGE:-$data/certbot/config/live/blytz}
folder=$data/gateway
# Debian keeps nginx where an ordinary user's PATH does not look.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

umask 077
new=$(mktemp "$folder/tls/site.pem.XXXXXX")
trap 'rm -f "$new"' EXIT
cat "$lineage/privkey.pem" "$lineage/fullchain.pem" >"$new"
# Root may renew for a gateway that runs as another user.
chown --reference="$folder/tls" "$new"
mv "$new" "$folder/tls/site.pem"

# One that is not running reads the new certificate when it starts.
if [ -s "$folder/nginx.pid" ] && kill -0 "$(cat "$folder/nginx.pid")" 2>/dev/null; then
    cd "$folder"
    # The old processes serve their open connections to the end; new ones meet the new certificate. This reads the
    # configuration first and says what is wrong with it.
    nginx -p ./ -c nginx.conf -s reload
fi
