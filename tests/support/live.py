"""A real live gateway for tests: a process of its own, on a port of its own."""

import contextlib
import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from blytz.identity import Role
from blytz.identity.dev import DevIssuer
from tests.support.redis import free_port
from tests.support.services import UNHURRIED
from tests.support.wait import wait_until

READY_WITHIN_S = 20.0
GONE_WITHIN_S = 15.0


class GatewayProcess:
    """`blytz serve live`, ready when the constructor returns. The settings are those of `Settings`, by their
    names: `GatewayProcess(url, most_topics=3)`. `kill` and `start` keep the port and the key of the tokens."""

    def __init__(self, redis_url: str, *, data: Path | None = None, **settings: str | int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="blytz-live-"))
        self.port = free_port()
        named = {f"BLYTZ_{name.upper()}": str(value) for name, value in settings.items()}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("BLYTZ_")}
        data = data or self.folder
        self._environ = inherited | {
            "BLYTZ_ENV": "dev",
            "BLYTZ_DATA": str(data),
            "BLYTZ_LIVE_PORT": str(self.port),
            "BLYTZ_LOG": "json",
            **UNHURRIED,
            "REDIS_URL": redis_url,
            **named,
        }
        self.issuer = DevIssuer(data)
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        assert self._process is not None, "the gateway is not running"
        return self._process.pid

    def token(self, name: str = "Anna", *roles: Role, lasts_s: int = 3_600) -> str:
        return self.issuer.issue(name, roles or ("bidder",), lasts_s)

    def start(self, *, ready: bool = True) -> None:
        """`ready` waits until Redis answers it too; without, until it listens."""
        assert self._process is None, "the gateway is running"
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "blytz.cli", "serve", "live"], env=self._environ, stdout=log, stderr=log
            )

        def answers() -> bool:
            assert self._process is not None
            if self._process.poll() is not None:
                raise RuntimeError(f"the gateway ended:\n{self.log()}")
            with contextlib.suppress(OSError):
                return self.get("/ready" if ready else "/health")[0] == 200
            return False

        wait_until(answers, "the gateway is ready", READY_WITHIN_S)

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> float:
        """SIGTERM; the seconds it took to be gone. Fails when it did not end of its own will and in order."""
        self.terminate()
        return self.ended()

    def ended(self) -> float:
        """Wait until it is gone after `terminate`; the seconds that took. Fails when it ended in disorder."""
        began = time.monotonic()
        assert self.wait() == 0, self.log()
        return time.monotonic() - began

    def terminate(self) -> None:
        assert self._process is not None, "the gateway is not running"
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        assert self._process is not None, "the gateway is not running"
        code = self._process.wait(timeout=GONE_WITHIN_S)
        self._process = None
        return code

    def kill(self) -> None:
        assert self._process is not None, "the gateway is not running"
        self._process.kill()
        self.wait()

    def close(self) -> None:
        if self._process:
            self._process.kill()
            self.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        """One sample, named as it stands in the text, with its labels; 0 when there is none yet."""
        text = self.get("/metrics")[1].decode()
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def memory_kb(self) -> int:
        """Resident."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found
        return int(found[1])

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def complaints(self) -> str:
        """Every line of the log that tells of a fault of the program itself."""
        lines = [line for line in self.log().splitlines() if "corrupt_auction" not in line]
        wrong = ("Traceback", '"level":"error"', '"level": "error"', "never retrieved", "never awaited")
        return "\n".join(line for line in lines if any(word in line for word in wrong))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
