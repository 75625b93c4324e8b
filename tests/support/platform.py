"""A whole platform for tests: `blytz up` as a user starts it, on ports and in a folder of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from blytz.cli.data_folder import running_platform
from blytz.identity import Role
from blytz.identity.dev import DevIssuer
from infra.ports import free_port
from tests.support.livekit import StandInLiveKit
from tests.support.pages import page_of
from tests.support.wait import wait_until

READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 10.0
SERVICES = ("auction", "live", "hammer")


def tells_of_fault(line: str) -> bool:
    """Whether this line of a log is about a fault of the program itself."""
    wrong = ("Traceback", '"level":"error"', '"level": "error"', "never retrieved", "never awaited")
    return any(word in line for word in wrong)


def blytz(*options: str) -> list[str]:
    # -P: files in the current folder must not shadow modules.
    return [sys.executable, "-P", "-m", "blytz.cli", *options]


def free_ports() -> dict[str, str]:
    """Settings that give each service a port of its own; the default is the ports after the gateway's."""
    return {f"BLYTZ_{name.upper()}_PORT": str(free_port()) for name in SERVICES}


def clean_env(**more: str) -> dict[str, str]:
    """The environment without variables that configure Blytz."""
    configures = {name for name in os.environ if name.startswith("BLYTZ_")} | {
        "REDIS_URL",
        "LIVEKIT_URL",
        "NO_COLOR",
    }
    return {name: value for name, value in os.environ.items() if name not in configures} | more


class Platform:
    """One `blytz up`, ready when the constructor returns. `options` are added to its command line, `env` to its
    environment; with `data` the folder is the caller's to remove. It prints to the file `log`."""

    def __init__(
        self,
        *options: str,
        env: Mapping[str, str] | None = None,
        data: Path | None = None,
        log: Path | None = None,
    ) -> None:
        self._own_folder = Path(tempfile.mkdtemp(prefix="blytz-"))
        self.data = data or self._own_folder / "data"
        self.ports = {name: free_port() for name in ("nginx", *SERVICES)}
        self._options = options
        self._env = clean_env(
            **{f"BLYTZ_{name.upper()}_PORT": str(self.ports[name]) for name in SERVICES}, **(env or {})
        )
        self._log = log or self._own_folder / "up.log"
        self.process: subprocess.Popen[bytes]
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['nginx']}"

    @property
    def live_url(self) -> str:
        return f"ws://127.0.0.1:{self.ports['nginx']}/live/v1"

    @property
    def redis_url(self) -> str:
        """The URL that the services use: user, password and unix socket."""
        return str(self.note()["redis_url"])

    @property
    def pids(self) -> dict[str, int]:
        """The running processes by name: `blytz` itself, `redis`, `auction`, `live`, `hammer`, `nginx`, `demo`."""
        return dict(self.note()["pids"])

    def note(self) -> dict[str, Any]:
        note = running_platform(self.data)
        assert note is not None, f"no platform runs in {self.data}:\n{self.log()}"
        return note

    def log(self) -> str:
        """Everything that it printed."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def faults(self) -> str:
        """The lines of the log about a fault of the program itself."""
        return "\n".join(line for line in self.log().splitlines() if tells_of_fault(line))

    def start(self, *, wait: bool = True) -> None:
        """Starts it again after `stop` or `kill`, on the same ports and folder."""
        options = ("up", "--port", str(self.ports["nginx"]), "--data", str(self.data), *self._options)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                blytz(*options), env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        if wait:
            wait_until(self.is_ready, "the platform is ready", READY_WITHIN_S)

    def is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"blytz up ended with {self.process.returncode}:\n{self.log()}")
        note = running_platform(self.data)
        return note is not None and bool(note["ready"])

    def get(self, path: str, service: str = "nginx") -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body; (0, {}, b"") without an answer."""
        return page_of(self.ports[service], path)

    def token(self, name: str, *roles: Role) -> str:
        """A token, by default of a bidder."""
        return DevIssuer(self.data).issue(name, roles or ("bidder",))

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> int:
        """Kills a process and returns its pid."""
        pid = self.pids[name]
        os.kill(pid, how)
        return pid

    def wait_until_back(self, name: str, not_pid: int) -> None:
        """Waits until `name` runs with another pid and everything is ready again."""

        def is_back() -> bool:
            return self.pids.get(name, not_pid) != not_pid and all(
                self.get("/ready", service)[0] == 200 for service in SERVICES
            )

        wait_until(is_back, f"{name} is back", READY_WITHIN_S)
        wait_until(lambda: self.get("/health")[0] == 200, "the gateway answers", READY_WITHIN_S)

    def processes(self) -> dict[int, str]:
        """Every process that works in the data folder, whoever its parent is: pid and command line. Linux only."""
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(self.data):
                    found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
        return found

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stops it and returns the exit code."""
        self.process.send_signal(how)
        return self.process.wait(timeout=STOPPED_WITHIN_S)

    def close(self) -> None:
        """Stops the platform in any state and removes its folder."""
        try:
            if hasattr(self, "process") and self.process.poll() is None:
                self.stop()
        finally:
            if hasattr(self, "process"):
                self.process.kill()
                self.process.wait()
            shutil.rmtree(self._own_folder, ignore_errors=True)


class StartPlatform(Protocol):
    """Starts a platform of the test's own, ended with the test; the arguments are those of `Platform`."""

    def __call__(
        self, *options: str, env: Mapping[str, str] | None = None, data: Path | None = None
    ) -> Platform: ...


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """The platform of all tests that leave its processes alone, with a stand-in for LiveKit."""
    with StandInLiveKit() as video:
        running = Platform(env=video.settings)
        yield running
        running.close()


@pytest.fixture
def start_platform() -> Iterator[StartPlatform]:
    platforms: list[Platform] = []

    def start(*options: str, env: Mapping[str, str] | None = None, data: Path | None = None) -> Platform:
        platforms.append(Platform(*options, env=env, data=data))
        return platforms[-1]

    yield start
    for running in platforms:
        running.close()
