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

from blytz.cli.data_folder import DEFAULT, remove_note, write_note
from blytz.cli.gateway import nginx
from blytz.cli.up import readiness, redis_server
from blytz.cli.up.console import Console
from blytz.cli.up.ports import INSIDE, variable
from blytz.cli.up.supervisor import Child, Supervisor
from blytz.kit.open_files import raise_open_files
from blytz.kit.user_error import UserError

SERVICES = ("auction", "live", "hammer")
# Together under ten seconds. Services say goodbye through nginx, and write their last word to Redis.
STOP_ORDER = ((("demo",), 1.0), (SERVICES, 5.0), (("nginx",), 1.0), (("redis",), 2.0))
LOOK_EVERY_S = 0.5
STILL_WAITING_S = 10.0
HOPELESS_AFTER = 4
"""Ends of a service that was never ready."""


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
    ) -> None:
        """Without a `redis_url` it has a Redis of its own."""
        self._began = time.monotonic()
        self._data, self._host, self._port, self._inner, self._lock = data, host, port, inner, lock
        self._own_redis = None if redis_url else redis_server.RedisServer(data, socket_path)
        self._socket_path = socket_path
        self._redis_url = self._own_redis.url if self._own_redis else redis_url
        self._console = Console(["blytz", "redis", *SERVICES, "nginx", "demo"])
        self._supervisor = Supervisor(self._console, self._write_note)
        self._is_ready = False
        self._said_after_s = 0.0
        self._children: list[Child] = []
        self._nginx: Child

    @property
    def url(self) -> str:
        """As reached from this machine."""
        return f"http://{_in_url(_reached_as(self._host))}:{self._port}"

    def prepare(self) -> None:
        """Write every configuration and find what would go wrong, before anything runs. Raises UserError."""
        open_files = raise_open_files()
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
            orphaned=signal.SIGTERM,
            tidy=nginx.tidy,
        )

    async def run(self, *, demo: bool) -> None:
        """Until SIGINT, SIGTERM or SIGHUP; a second one does not wait for anybody. When a service cannot be
        brought to life, raises UserError with everything stopped."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Under nohup a terminal that closes is to be no reason.
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
            self._console.say("stopping")
        stop.set()

    async def _stop(self) -> None:
        began = time.monotonic()
        self._is_ready = False
        for names, grace_s in STOP_ORDER:
            await self._supervisor.stop(names, grace_s)
        remove_note(self._data)
        if self._own_redis:
            redis_server.remove_socket(self._socket_path, self._data)
        self._console.say(f"stopped in {time.monotonic() - began:.1f} s")

    async def _get_ready(self, stop: asyncio.Event, *, demo: bool) -> None:
        try:
            await self._announce(demo=demo)
        except UserError:
            stop.set()
            raise

    async def _announce(self, *, demo: bool) -> None:
        await self._wait_for(
            *(readiness.Check(name, INSIDE, port, "/ready") for name, port in self._inner.items())
        )
        # The door opens when everybody is at work.
        self._supervisor.start(self._nginx)
        await self._wait_for(readiness.Check("nginx", _reached_as(self._host), self._port, "/health"))
        self._is_ready = True
        self._write_note()
        if demo:
            self._supervisor.start(self._service("demo", self._env(), "demo", "--url", self.url))
        self._console.say(self._banner())

    async def _wait_for(self, *checks: readiness.Check) -> None:
        await readiness.wait_for_all(checks, LOOK_EVERY_S, self._not_ready)

    def _not_ready(self, names: list[str]) -> None:
        for name in names:
            if self._supervisor.ends.get(name, 0) >= HOPELESS_AFTER:
                raise UserError(f"{name} ends each time before it is ready; its own words above say why")
        waited_s = time.monotonic() - self._began
        if waited_s > self._said_after_s + STILL_WAITING_S:
            self._said_after_s = waited_s
            self._console.say(f"still waiting for {', '.join(names)}")

    def _banner(self) -> str:
        def bold(text: str) -> str:
            return self._console.paint(text, "1")

        def soft(text: str) -> str:
            return self._console.paint(text, "2")

        where = "" if self._data == DEFAULT.absolute() else f" --data {shlex.quote(str(self._data))}"
        blytz = _how_to_call()
        rows = [
            ("be somebody", f"{blytz} token alice --role seller{where}"),
            ("watch", f"{blytz} watch{where}"),
            ("stop", "Ctrl-C"),
        ]
        lines = [
            "",
            f"{bold('Blytz is ready')}  {self.url}  {soft(f'in {time.monotonic() - self._began:.1f} s')}",
            "",
        ]
        lines += [f"  {soft(f'{what:<12}')} {how}" for what, how in rows]
        if self._host not in {INSIDE, "::1", "localhost"}:
            lines += ["", "Everybody who reaches this address can sign in here as anybody: it is a dev platform."]
        return "\n".join([*lines, ""])

    def _env(self) -> dict[str, str]:
        style = os.environ.get("BLYTZ_LOG") or ("console" if self._console.is_watched else "json")
        ports = {variable(name): str(port) for name, port in self._inner.items()}
        return {
            # No file says otherwise: `blytz up` has put what files say into the variables themselves.
            **os.environ,
            **ports,
            "BLYTZ_ENV": "dev",
            "BLYTZ_DATA": str(self._data),
            "BLYTZ_HOST": INSIDE,
            "BLYTZ_LOG": style,
            # All processes share one terminal here, and a line for each bid would bury what counts.
            "BLYTZ_LOG_DECISIONS": os.environ.get("BLYTZ_LOG_DECISIONS", "0"),
            "BLYTZ_LOG_REQUESTS": os.environ.get("BLYTZ_LOG_REQUESTS", "false"),
            "REDIS_URL": self._redis_url,
            "PYTHONUNBUFFERED": "1",
        }

    def _redis(self, command: tuple[str, ...]) -> Child:
        # It holds the folder's lock too: after a SIGKILL of ours no other starts on its files before it has left.
        return Child(
            name="redis",
            command=command,
            env=os.environ,
            folder=self._data / "redis",
            orphaned=signal.SIGTERM,
            keeps=(self._lock,),
            tidy=redis_server.tidy,
        )

    def _service(self, name: str, env: dict[str, str], *words: str) -> Child:
        # -P: what lies in the folder of whoever starts us must not pass for our modules.
        command = (sys.executable, "-P", "-m", "blytz.cli", *words)
        return Child(name=name, command=command, env=env, folder=self._data)

    def _write_note(self) -> None:
        write_note(
            self._data,
            {
                "url": self.url,
                "redis_url": self._redis_url,
                "ready": self._is_ready,
                "ports": {"nginx": self._port, **self._inner},
                "pids": {"blytz": os.getpid(), **self._supervisor.pids},
            },
        )


def _reached_as(host: str) -> str:
    """The address of this machine that reaches one who listens on all of them."""
    return {"0.0.0.0": INSIDE, "::": "::1"}.get(host, host)  # noqa: S104


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _how_to_call() -> str:
    """So that it can be typed as it stands: `blytz` where a shell would find this one, else its path."""
    ours, found = Path(sys.argv[0]).absolute(), shutil.which("blytz")
    if ours.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m blytz.cli"
    if found and Path(found).absolute() == ours:
        return "blytz"
    return shlex.quote(str(ours.relative_to(Path.cwd()) if ours.is_relative_to(Path.cwd()) else ours))
