"""The Redis of `blytz up`: on a unix socket, with a new password at each start."""

import contextlib
import hashlib
import os
import re
import secrets
import socket
import subprocess
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from blytz.cli.programs import program
from blytz.cli.templates import fill
from blytz.kit.files import write_file
from blytz.kit.user_error import UserError

USER = "blytz"
MIN_REDIS_MAJOR = 7
MEMORY_SHARE = 4
"""Redis gets this part of the machine's memory, 1 GiB of 4 GiB: a rewrite of its file may need as much again, and
the services need 600 MB."""
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
CONNECT_WITHIN_S = 2.0
# Beginnings of lines in the log of Redis that `blytz up` does not show.
_LEFT_OUT = (
    "oO0OoO0OoO0Oo",
    "Configuration loaded",
    "monotonic clock",
    "Running mode",
    "Server initialized",
    "The user 'default' is disabled",
    # `blytz doctor` reports it where it matters, in production.
    "WARNING Memory overcommit",
    "Reading RDB",
    "Loading RDB",
    "RDB ",
    "Done loading RDB",
    "DB loaded from base file",
    "DB loaded from incr file",
    "Creating AOF",
    "Opening AOF",
    "Calling fsync()",
    "Removing the unix socket",
)
_LINE = re.compile(r"\d+:[XCSM] (?:\d+ \w+ \d+ )?(\d\d:\d\d:\d\d)\.\d+ [.*#-] (.*)")


class RedisServer:
    def __init__(self, data: Path, socket_path: Path, maxmemory_mib: int = 0) -> None:
        """`maxmemory_mib` 0 is a quarter of the machine's memory."""
        self._data = data
        self._maxmemory = maxmemory_mib * 2**20 or machine_memory() // MEMORY_SHARE
        self._socket = socket_path
        self._password = secrets.token_urlsafe(32)

    @property
    def url(self) -> str:
        return f"unix://{USER}:{self._password}@{quote(str(self._socket))}"

    def prepare(self) -> tuple[str, ...]:
        """Write its configuration, with a hash of the password; returns the command that runs it. Raises UserError
        and OSError."""
        binary = program("redis-server")
        _check_version(binary)
        if any(character in str(self._socket) for character in '"\\\n'):
            raise UserError(
                f"Redis cannot use a folder with a quote, backslash or line break: {self._socket.parent}"
            )
        text = fill(
            "redis/redis.conf",
            {
                "SOCKET": str(self._socket),
                "MAXMEMORY": str(self._maxmemory),
                "USER": USER,
                "PASSWORD_SHA256": hashlib.sha256(self._password.encode()).hexdigest(),
            },
        )
        path = self._data / "redis" / "redis.conf"
        write_file(path, text)
        return (binary, str(path))


def machine_memory(cgroup_limit: Path = CGROUP_LIMIT) -> int:
    """Bytes that this machine has, or the container that this process runs in."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):
        return min(physical, int(cgroup_limit.read_text()))
    return physical


def format_line(line: str) -> str | None:
    """`4711:M 01 Feb 2027 10:00:00.123 * Ready` becomes `10:00:00 Ready`."""
    found = _LINE.fullmatch(line.rstrip())
    if ":signal-handler" in line or (found and found[2].startswith(_LEFT_OUT)):
        return None
    return f"{found[1]} {found[2]}" if found else line


def check_answers(url: str) -> None:
    """Raises UserError where nothing listens at REDIS_URL. The message leaves out the password."""
    address = _address(url)
    try:
        if isinstance(address, str):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(CONNECT_WITHIN_S)
                probe.connect(address)
        else:
            socket.create_connection(address, timeout=CONNECT_WITHIN_S).close()
    except OSError as error:
        shown = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
        raise UserError(
            f"no Redis answers at {shown}, where REDIS_URL points ({error.strerror or error}); start it, or unset "
            "REDIS_URL and `blytz up` starts its own"
        ) from None


def _address(url: str) -> str | tuple[str, int]:
    """The path of a unix socket, or host and port. The settings have checked the URL."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return unquote(parts.path)
    return parts.hostname or "127.0.0.1", parts.port or 6379


def _check_version(binary: str) -> None:
    answer = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"v=(\d+)\.(\S+)", answer.stdout)
    if found and int(found[1]) < MIN_REDIS_MAJOR:
        version = f"{found[1]}.{found[2]}"
        raise UserError(
            f"Redis {MIN_REDIS_MAJOR}.0 or newer is needed, and {binary} is {version}; install a newer one"
        )


def remove_socket(path: Path, data: Path) -> None:
    """Remove what Redis leaves behind: its socket, and the folder of the socket when it is outside the data
    folder."""
    path.unlink(missing_ok=True)
    if data not in path.parents:
        os.rmdir(path.parent)  # noqa: PTH106
