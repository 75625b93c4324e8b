"""The processes of `blytz up`: what each is started with, in which order they stop, when all of them are ready."""

import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from blytz.cli.data_folder import DEFAULT, NOTE, remove_note, write_note
from blytz.cli.gateway import nginx
from blytz.cli.up import readiness, redis_server
from blytz.cli.up.console import Console
from blytz.cli.up.livekit import LiveKitServer
from blytz.cli.up.ports import LOOPBACK, port_variable
from blytz.cli.up.supervisor import Child, Supervisor
from blytz.kit.addresses import is_loopback, reached_as
from blytz.kit.open_files import raise_open_files
from blytz.kit.user_error import UserError

SERVICES = ("auction", "live", "hammer")
# Each group with its grace in seconds, together less than 10. Services close their sockets through nginx, and
# make their last writes to Redis.
STOP_ORDER = ((("demo", "livekit"), 1.0), (SERVICES, 5.0), (("nginx",), 1.0), (("redis",), 2.0))
REPORT_WAITING_EVERY_S = 10.0
GIVE_UP_AFTER_FAILURES = 4
"""In a row, of one service that was never ready."""
NOTE_RETRY_S = 1.0


class Platform:
    def __init__(
        self,
        data: Path,
        host: str,
        port: int,
        inner: dict[str, int],
        socket_path: Path,
        lock: int,
        redis_url: str = "",
        redis_maxmemory_mib: int = 0,
        livekit: LiveKitServer | None = None,
    ) -> None:
        """Without a `redis_url` it has a Redis of its own, with `redis_maxmemory_mib`. `lock` is the
        descriptor of the data folder's lock."""
        self._started_at = time.monotonic()
        self._data, self._host, self._port, self._inner, self._lock = data, host, port, inner, lock
        self._own_redis = None if redis_url else redis_server.RedisServer(data, socket_path, redis_maxmemory_mib)
        self._socket_path = socket_path
        self._livekit = livekit
        self._redis_url = self._own_redis.url if self._own_redis else redis_url
        self._console = Console(["blytz", "redis", "livekit", *SERVICES, "nginx", "demo"])
        self._supervisor = Supervisor(self._console, self._write_note)
        self._is_ready = False
        self._reported_at = self._started_at
        self._note_retry: asyncio.TimerHandle | None = None
        self._children: list[Child] = []
        self._nginx: Child

    @property
    def url(self) -> str:
        """For clients on this machine."""
        host = reached_as(self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    def prepare(self) -> None:
        """Write every configuration and check what can be checked before anything runs. Raises UserError and
        OSError."""
        open_files = raise_open_files()
        if self._livekit:
            command = self._livekit.prepare()
            folder = self._data / "livekit"
            self._children.append(Child(name="livekit", command=command, env=os.environ, folder=folder))
        if self._own_redis:
            self._children.append(self._redis(self._own_redis.prepare()))
        else:
            redis_server.check_answers(self._redis_url)
        env = self._env()
        self._children += [self._service(name, env, "serve", name) for name in SERVICES]
        command = nginx.prepare_dev(
            self._data / "nginx",
            self._host,
            self._port,
            auction_port=self._inner["auction"],
            live_port=self._inner["live"],
            open_files=open_files,
        )
        self._nginx = Child(
            name="nginx",
            command=command,
            env=os.environ,
            folder=self._data / "nginx",
            parent_death_signal=signal.SIGTERM,
            format_line=nginx.format_line,
        )

    async def run(self, *, demo: bool) -> None:
        """Until SIGINT, SIGTERM or SIGHUP; a second one kills all processes at once. Raises UserError, with
        everything stopped, when a service ends each time before it is ready."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Under nohup the platform outlives its terminal.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, self._on_signal, stop)
        try:
            for child in self._children:
                self._supervisor.start(child)
            ready = asyncio.create_task(self._get_ready(stop, demo=demo))
            await stop.wait()
            ready.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ready
        finally:
            await self._stop()

    def _on_signal(self, stop: asyncio.Event) -> None:
        if stop.is_set():
            self._supervisor.kill_all()
        else:
            self._console.write("stopping")
        stop.set()

    async def _stop(self) -> None:
        started_at = time.monotonic()
        self._is_ready = False
        for names, grace_s in STOP_ORDER:
            await self._supervisor.stop(names, grace_s)
        if self._note_retry:
            self._note_retry.cancel()
        remove_note(self._data)
        if self._own_redis:
            redis_server.remove_socket(self._socket_path, self._data)
        self._console.write(f"stopped in {time.monotonic() - started_at:.1f} s")

    async def _get_ready(self, stop: asyncio.Event, *, demo: bool) -> None:
        try:
            await self._announce(demo=demo)
        except Exception:
            # `run` stops everything, then raises it.
            stop.set()
            raise

    async def _announce(self, *, demo: bool) -> None:
        await self._wait_for(
            *(readiness.Check(name, LOOPBACK, port, "/ready") for name, port in self._inner.items())
        )
        # No client gets in before all services are ready.
        self._supervisor.start(self._nginx)
        await self._wait_for(readiness.Check("nginx", reached_as(self._host), self._port, "/health"))
        self._is_ready = True
        self._write_note()
        if demo:
            self._supervisor.start(self._service("demo", self._env(), "demo", "--url", self.url))
        self._console.write(self._banner())

    async def _wait_for(self, *checks: readiness.Check) -> None:
        await readiness.wait_for_all(checks, self._on_not_ready)

    def _on_not_ready(self, names: list[str]) -> None:
        for name in names:
            if self._supervisor.failures.get(name, 0) >= GIVE_UP_AFTER_FAILURES:
                raise UserError(f"{name} ends each time before it is ready; its log lines above say why")
        if time.monotonic() > self._reported_at + REPORT_WAITING_EVERY_S:
            self._reported_at = time.monotonic()
            self._console.write(f"still waiting for {', '.join(names)}")

    def _banner(self) -> str:
        def bold(text: str) -> str:
            return self._console.paint(text, "1")

        def soft(text: str) -> str:
            return self._console.paint(text, "2")

        data = "" if self._data == DEFAULT.absolute() else f" --data {shlex.quote(str(self._data))}"
        blytz = _command()
        rows = [
            ("sign in", f"{blytz} token alice --role seller{data}"),
            ("watch", f"{blytz} watch{data}"),
            ("stop", "Ctrl-C"),
        ]
        lines = [
            "",
            f"{bold('Blytz is ready')}  {self.url}  {soft(f'in {time.monotonic() - self._started_at:.1f} s')}",
            "",
        ]
        lines += [f"  {soft(f'{what:<8}')} {how}" for what, how in rows]
        if not is_loopback(self._host):
            lines += ["", "Anybody who reaches this address can sign in under any name: this is a dev platform."]
        return "\n".join([*lines, ""])

    def _env(self) -> dict[str, str]:
        style = os.environ.get("BLYTZ_LOG") or ("console" if self._console.is_terminal else "json")
        ports = {port_variable(name): str(port) for name, port in self._inner.items()}
        return {
            # `blytz up` has put the content of `_FILE` settings into the variables themselves.
            **os.environ,
            **ports,
            "BLYTZ_ENV": "dev",
            "BLYTZ_DATA": str(self._data),
            "BLYTZ_HOST": LOOPBACK,
            "BLYTZ_LOG": style,
            # All processes share one terminal here, and a line for each bid would hide the others.
            "BLYTZ_LOG_DECISIONS": os.environ.get("BLYTZ_LOG_DECISIONS", "0"),
            "BLYTZ_LOG_REQUESTS": os.environ.get("BLYTZ_LOG_REQUESTS", "false"),
            "REDIS_URL": self._redis_url,
            **(self._livekit.settings if self._livekit else {}),
            "PYTHONUNBUFFERED": "1",
        }

    def _redis(self, command: tuple[str, ...]) -> Child:
        # It inherits the folder's lock: after a SIGKILL of `blytz up` the next one waits until Redis has ended.
        return Child(
            name="redis",
            command=command,
            env=os.environ,
            folder=self._data / "redis",
            parent_death_signal=signal.SIGTERM,
            inherits=(self._lock,),
            format_line=redis_server.format_line,
        )

    def _service(self, name: str, env: dict[str, str], *words: str) -> Child:
        # -P: files in the current folder must not be imported in place of our modules.
        command = (sys.executable, "-P", "-m", "blytz.cli", *words)
        return Child(name=name, command=command, env=env, folder=self._data)

    def _write_note(self) -> None:
        """Again and again until it is written: a full disk must not end the supervision of a process."""
        is_retry, note = self._note_retry is not None, self._note()
        if self._note_retry:
            self._note_retry.cancel()
            self._note_retry = None
        try:
            write_note(self._data, note)
        except OSError as error:
            if not is_retry:
                self._console.write(f"cannot write {self._data / NOTE} ({error.strerror}); it is tried again")
            self._note_retry = asyncio.get_running_loop().call_later(NOTE_RETRY_S, self._write_note)

    def _note(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "redis_url": self._redis_url,
            "ready": self._is_ready,
            "ports": {"nginx": self._port, **self._inner},
            "pids": {"blytz": os.getpid(), **self._supervisor.pids},
        }


def _command() -> str:
    """What a user types in this shell: `blytz` where that finds this installation, else its path."""
    ours, found = Path(sys.argv[0]).absolute(), shutil.which("blytz")
    if ours.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m blytz.cli"
    if found and Path(found).absolute() == ours:
        return "blytz"
    return shlex.quote(str(ours.relative_to(Path.cwd()) if ours.is_relative_to(Path.cwd()) else ours))
