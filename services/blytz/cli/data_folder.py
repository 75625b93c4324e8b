"""The data folder of a platform that `blytz up` runs: its lock, and the note that tells others where it is.

redis/  nginx/      what those two need
run/lock            held by the platform that uses the folder
run/platform.json   where it is, for its owner's eyes only: it holds the password of its Redis
dev-key.pem         signs the tokens of the dev platform
"""

import contextlib
import fcntl
import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from blytz.kit.files import write_file
from blytz.kit.user_error import UserError

DEFAULT = Path("var/blytz")
NOTE = Path("run/platform.json")
LOCK = Path("run/lock")
MAX_SOCKET_PATH_BYTES = 107
"""Bytes, of a unix socket on Linux (unix(7))."""
REDIS_STOPS_WITHIN_S = 3.0
"""How long the Redis of a platform that was killed may take to stop."""

DataOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help=f"The platform's data folder.  [default: {DEFAULT}]", envvar="BLYTZ_DATA"),
]


def data_folder(given: Path | None) -> Path:
    try:
        return (given or DEFAULT).expanduser().absolute()
    except RuntimeError:
        raise UserError(f"no user of this machine is meant by {given}; name another folder with --data") from None


def running_platform(data: Path) -> dict[str, Any] | None:
    """What the `blytz up` that uses this folder right now wrote about itself: `url`, `redis_url`, `pids` by name,
    `ports` by name, `ready`. None where none is running."""
    import json

    try:
        descriptor = os.open(data / LOCK, os.O_RDONLY)
        try:
            is_free = _lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)
        note: dict[str, Any] = json.loads((data / NOTE).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return None if is_free else note


def prepare(data: Path) -> None:
    """Raises UserError where the folder cannot be made or written to."""
    try:
        for name in ("run", "redis", "nginx/tmp"):
            (data / name).mkdir(parents=True, exist_ok=True)
        (data / "run").chmod(0o700)
        # When the folder is in a git checkout, its keys and data must not be committed.
        write_file(data / ".gitignore", "*\n")
    except OSError as error:
        raise UserError(
            f"cannot write to the data folder {data} ({error.strerror}); name another one with --data"
        ) from error


def take(data: Path) -> int:
    """The descriptor of the folder's lock, which is ours for as long as it is open here or in a child. Raises
    UserError where another platform has it."""
    descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + REDIS_STOPS_WITHIN_S
    while not _lock(descriptor, fcntl.LOCK_EX):
        holder = os.pread(descriptor, 20, 0).decode().strip()
        if _is_alive(holder) or time.monotonic() > until:
            os.close(descriptor)
            raise UserError(
                f"the data folder {data} is in use by another `blytz up` (pid {holder or 'unknown'}); "
                "stop that one, or name another folder with --data"
            )
        time.sleep(0.05)
    # A platform that was killed has left its note behind.
    remove_note(data)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def write_note(data: Path, note: dict[str, Any]) -> None:
    import json

    write_file(data / NOTE, json.dumps(note, indent=1), 0o600)


def remove_note(data: Path) -> None:
    (data / NOTE).unlink(missing_ok=True)


def socket_path(data: Path) -> Path:
    """Where Redis listens: in the data folder, or in a short folder of our own when that path is too long for a
    unix socket. Raises UserError."""
    path = data / "run" / "redis.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES:
        return path
    name = f"blytz-{os.getuid()}-{hashlib.sha256(os.fsencode(data)).hexdigest()[:12]}"
    for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108 # checked below
        path = Path(base or "/tmp") / name / "redis.sock"  # noqa: S108
        if len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES and _is_ours(path.parent):
            return path
    raise UserError(
        f"the path of the data folder is too long for a unix socket: {data}; name a shorter one with --data"
    )


def _is_ours(folder: Path) -> bool:
    """Whether the folder, made if it is missing, belongs to this user alone: in /tmp another user could have made
    it."""
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        return found.st_uid == os.getuid() and not found.st_mode & 0o077 and not folder.is_symlink()
    return False


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, ValueError):
        return False
    return True
