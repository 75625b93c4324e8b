"""The LiveKit of `blytz up --video`: on this machine only, with a new key at each start."""

import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any, Final

from blytz.cli.up.ports import LOOPBACK, MAX_PORT, check_free
from blytz.kit.config.model import Settings
from blytz.kit.files import write_file
from blytz.kit.user_error import UserError

PROGRAM: Final = "livekit-server"
KEY: Final = "blytz"
PORT_STEP: Final = 85
"""From the public port to that of LiveKit; the next one is for its media (UDP)."""


class LiveKitServer:
    def __init__(self, data: Path, port: int, media_port: int, auction_port: int) -> None:
        """It listens on `port` (TCP) and `media_port` (UDP), and sends its events to the auction service."""
        self._folder = data / "livekit"
        self._port, self._media_port, self._auction_port = port, media_port, auction_port
        self._secret = secrets.token_urlsafe(32)

    @property
    def settings(self) -> dict[str, str]:
        """Of the services."""
        url = f"ws://{LOOPBACK}:{self._port}"
        return {"LIVEKIT_URL": url, "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": self._secret}

    def prepare(self) -> tuple[str, ...]:
        """Write its configuration and return its command. Raises UserError and OSError."""
        own = self._folder / PROGRAM
        found = str(own) if os.access(own, os.X_OK) else shutil.which(PROGRAM)
        if found is None:
            raise UserError(
                f"no {PROGRAM} is on the PATH or in {self._folder}; "
                "infra/setup_video.sh FOLDER builds one where Go is installed"
            )
        self._folder.mkdir(exist_ok=True)
        path = self._folder / "livekit.yaml"
        # JSON is YAML. The file holds the secret.
        write_file(path, json.dumps(self._config(), indent=1), 0o600)
        return (found, "--config", str(path))

    def _config(self) -> dict[str, Any]:
        return {
            "port": self._port,
            "bind_addresses": [LOOPBACK],
            "keys": {KEY: self._secret},
            "rtc": {
                # Over TCP it would listen on every address.
                "tcp_port": 0,
                "udp_port": self._media_port,
                "use_external_ip": False,
                "node_ip": LOOPBACK,
                "interfaces": {"includes": ["lo"]},
                "enable_loopback_candidate": True,
            },
            "webhook": {"api_key": KEY, "urls": [f"http://{LOOPBACK}:{self._auction_port}/v1/video/webhook"]},
            "logging": {"level": "warn"},
        }


def livekit_of(data: Path, public: int, inner: dict[str, int], settings: Settings) -> LiveKitServer:
    """On ports beside the public one. Raises UserError when one is taken, and where a LiveKit is configured."""
    if settings.livekit_url:
        raise UserError("LIVEKIT_URL is set, so that LiveKit is used; leave out --video, or unset it")
    port, media_port = public + PORT_STEP, public + PORT_STEP + 1
    if media_port > MAX_PORT:
        raise UserError("--port leaves no room for the ports of LiveKit; choose a lower one")
    check_free(LOOPBACK, port, {})
    return LiveKitServer(data, port, media_port, inner["auction"])
