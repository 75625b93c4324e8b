"""A real redis-server for tests: its own folder, its own unix socket, every write on disk before its answer."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import hiredis

from infra.ports import free_port
from tests.support.wait import wait_until

READY_WITHIN_S = 15.0
MAX_SOCKET_PATH_BYTES = 100


class Refusal(Exception):
    """Redis answered with an error."""


class RedisServer:
    """One redis-server process, started on construction and ready when the constructor returns.

    `tcp` adds a TCP port, `tls` a TLS port with the files `cert.pem`, `key.pem` and `ca.pem` of that folder,
    `password` guards the default user, `users` are ACL lines such as `"anna on >pw ~* +@all"`, `config`
    overrides everything else. `stop`, `kill` and `restart` keep the folder; `close` removes it.
    """

    def __init__(
        self,
        *,
        tcp: bool = False,
        tls: Path | None = None,
        password: str = "",
        users: Sequence[str] = (),
        config: Mapping[str, str | int] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="blytz-"))
        self.socket = self.folder / "redis.sock"
        assert len(str(self.socket)) < MAX_SOCKET_PATH_BYTES, "TMPDIR is too long for a unix socket"
        self.password = password
        self.port = free_port() if tcp else 0
        self.tls_port = free_port() if tls else 0
        self._users = users
        self._environment = {**os.environ, **(environment or {})}
        self.config: dict[str, str | int] = {
            "port": self.port,
            "bind": "127.0.0.1",
            "unixsocket": str(self.socket),
            "dir": str(self.folder),
            "logfile": str(self.folder / "redis.log"),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": '""',
            "maxmemory-policy": "noeviction",
            # The default waits five seconds for more replicas before it serves the first.
            "repl-diskless-sync-delay": 0,
        }
        if password:
            self.config["requirepass"] = self.config["masterauth"] = password
        if tls:
            self.config |= {
                "tls-port": self.tls_port,
                "tls-cert-file": str(tls / "cert.pem"),
                "tls-key-file": str(tls / "key.pem"),
                "tls-ca-cert-file": str(tls / "ca.pem"),
                "tls-auth-clients": "no",
            }
        self.config |= config or {}
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return self.url_as("", self.password) if self.password else f"unix://{self.socket}"

    def url_as(self, user: str, password: str) -> str:
        return f"unix://{user}:{password}@{self.socket}"

    @property
    def tcp_url(self) -> str:
        return f"redis://{f':{self.password}@' if self.password else ''}127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "redis-server is not running"
        return self._process.pid

    def start(self, *, wait: bool = True) -> None:
        """Start the process; `wait` until it has loaded its data and answers."""
        assert self._process is None, "redis-server is running"
        lines = [f"{name} {value}" for name, value in self.config.items()]
        conf = self.folder / "redis.conf"
        conf.write_text("\n".join([*lines, *(f"user {user}" for user in self._users)]) + "\n")
        self.socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            ["redis-server", str(conf)], stdout=subprocess.DEVNULL, env=self._environment
        )
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        def answers() -> bool:
            assert self._process is not None
            if self._process.poll() is not None:
                raise RuntimeError(f"redis-server ended:\n{self.log()}")
            with contextlib.suppress(OSError, Refusal):
                return bool(self.ask("PING") == b"PONG")
            return False

        wait_until(answers, "redis-server answers", READY_WITHIN_S)

    def stop(self) -> None:
        """Ends it with SIGTERM; all data is on disk."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it with SIGKILL, as a power failure does."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Starts again in the same folder with its data."""
        if self._process:
            self.stop()
        self.start()

    def freeze(self) -> None:
        """Suspends the process, which looks from outside like a stuck disk or machine."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        if self._process:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        file = self.folder / "redis.log"
        return file.read_text(errors="replace")[-4_000:] if file.exists() else ""

    def ask(self, *command: str | bytes | int, timeout_s: float = 5.0) -> Any:
        """Runs one command on a new connection. Raises `Refusal` for an error reply, OSError when away."""
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(timeout_s)
            wire.connect(str(self.socket))
            login = _packed("AUTH", self.password) if self.password else b""
            wire.sendall(login + _packed(*command))
            reader = hiredis.Reader()
            replies: list[Any] = []
            while len(replies) < (2 if login else 1):
                if (data := wire.recv(65_536)) == b"":
                    raise ConnectionResetError("redis-server hung up")
                reader.feed(data)
                # False means no reply yet: no RESP2 type is decoded as a boolean.
                while (reply := reader.gets()) is not False:
                    replies.append(reply)
        if isinstance(replies[-1], hiredis.HiredisError):
            raise Refusal(str(replies[-1]))
        return replies[-1]

    def info(self, section: str) -> dict[str, str]:
        lines = self.ask("INFO", section).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None, "redis-server is not running"
        self._process.send_signal(how)
        # A frozen process handles SIGTERM only when it is continued.
        self._process.send_signal(signal.SIGCONT)
        self._process.wait(timeout=READY_WITHIN_S)
        self._process = None

    def _signal(self, how: signal.Signals) -> None:
        assert self._process is not None, "redis-server is not running"
        self._process.send_signal(how)


def _packed(*command: Any) -> bytes:
    # The type stub of hiredis only has commands of one argument.
    packed: bytes = hiredis.pack_command(command)
    return packed
