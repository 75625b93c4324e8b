"""A real PostgreSQL for tests: its own folder, its own unix socket, no port. Debian's package is `postgresql`."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from tests.support.wait import wait_until

READY_WITHIN_S: Final = 30.0
_PROGRAMS: Final = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """The folder of the newest PostgreSQL of this machine; None without one."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(_PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


class PostgreSQLServer:
    """One server process, ready when the constructor returns; `close` removes its folder. Not synced to disk: no
    test cuts the power of this one."""

    def __init__(self) -> None:
        folder = programs()
        assert folder is not None, "PostgreSQL is not installed"
        self._programs = folder
        self.folder = Path(tempfile.mkdtemp(prefix="blytz-pg-"))
        # It refuses to run as root.
        self._user = "postgres" if os.getuid() == 0 else None
        if self._user:
            os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, -1)
        self._data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._run(
                "initdb", "-D", self._data, *["-U", "blytz", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
            )
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f"postgresql://blytz@/postgres?host={self.folder}"

    def start(self) -> None:
        assert self._process is None, "PostgreSQL is running"
        options = {
            "listen_addresses": "",
            "unix_socket_directories": self.folder,
            "fsync": "off",
            # What specs/production.md advises for a disk without moving parts.
            "random_page_cost": "1.1",
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self._data, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user,
            cwd=self.folder,
        )

        def answers() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, "PostgreSQL ended"
            with contextlib.suppress(subprocess.CalledProcessError):
                self._run("pg_isready", "-h", self.folder, "-q")
                return True
            return False

        wait_until(answers, "PostgreSQL answers", READY_WITHIN_S)

    @contextlib.contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Nobody reads or writes this table meanwhile."""
        client = subprocess.Popen(
            [self._programs / "psql", "-q", "-h", self.folder, "-U", "blytz", "postgres"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.folder,
        )
        assert client.stdin
        assert client.stdout
        client.stdin.write(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; \\echo locked\n".encode())
        client.stdin.flush()
        assert client.stdout.readline() == b"locked\n"
        try:
            yield
        finally:
            client.communicate()

    def set_read_only(self, *, on: bool) -> None:
        """For transactions of new connections."""
        change = f"ALTER DATABASE postgres SET default_transaction_read_only = {'on' if on else 'off'}"
        writes = "SET default_transaction_read_only = off"
        self._run("psql", "-h", self.folder, "-U", "blytz", "-c", writes, "-c", change, "postgres")

    def waiting_for_locks(self) -> int:
        """How many connections wait for a lock of another one."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return int(self._run("psql", "-h", self.folder, "-U", "blytz", "-tAc", query, "postgres"))

    def stop(self) -> None:
        """At once: connections are cut."""
        assert self._process is not None, "PostgreSQL is not running"
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(timeout=READY_WITHIN_S)
        self._process = None

    def close(self) -> None:
        if self._process:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, program: str, *words: str | Path) -> bytes:
        command = [self._programs / program, *words]
        done = subprocess.run(command, check=True, capture_output=True, user=self._user, cwd=self.folder)
        return done.stdout
