#!/usr/bin/env bash
# Builds livekit-server for `make test-video` and `blytz up --video`: `infra/setup_video.sh [FOLDER]`, by default
# .cache/livekit. Takes minutes, once. Without Go it says so, and what needs the program is skipped.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly VERSION=v1.13.5
mkdir -p "${1:-.cache/livekit}"
folder=$(cd "${1:-.cache/livekit}" && pwd)
readonly folder

[ -x "$folder/livekit-server" ] && exit
if ! command -v go >/dev/null; then
    echo 'blytz: livekit-server is built with Go, which is not on this machine' >&2
    exit
fi
echo "blytz: building livekit-server $VERSION, which takes minutes" >&2
# The module names its program `server`.
GOBIN=$folder go install "github.com/livekit/livekit-server/cmd/server@$VERSION" >&2
mv "$folder/server" "$folder/livekit-server"
