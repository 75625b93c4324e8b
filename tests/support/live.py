"""A real live gateway for tests: a process of its own, on a port of its own."""

import shutil
import tempfile
from pathlib import Path

from blytz.identity import Role
from blytz.identity.dev import DevIssuer
from tests.support.services import Service


class GatewayProcess(Service):
    """`blytz serve live`, ready when the constructor or `start` returns. The settings are those of `Settings`, by
    their names: `GatewayProcess(url, most_topics=3)`. The key of its tokens is in `data`, by default a
    folder of its own, which `close` removes."""

    def __init__(self, redis_url: str, *, data: Path | None = None, **settings: str | int) -> None:
        self.folder = data or Path(tempfile.mkdtemp(prefix="blytz-live-"))
        self._is_own_folder = data is None
        self.issuer = DevIssuer(self.folder)
        try:
            super().__init__("live", redis_url, self.folder, **settings)
        except BaseException:
            self.close()
            raise

    def token(self, name: str = "Anna", *roles: Role, lasts_s: int = 3_600) -> str:
        return self.issuer.issue(name, roles or ("bidder",), lasts_s)

    def start(self) -> None:
        super().start()
        self.wait_until_ready()

    def close(self) -> None:
        super().close()
        if self._is_own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
