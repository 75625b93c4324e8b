"""The data folder of a platform that `blytz up` runs, and the note in it that tells other commands where it is."""

import fcntl
import os
from pathlib import Path
from typing import Annotated, Any

import typer

DEFAULT = Path("var/blytz")
RUN = "run"
NOTE = "platform.json"
LOCK = "lock"

DataOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help=f"The platform's data folder.  [default: {DEFAULT}]", envvar="BLYTZ_DATA"),
]


def data_folder(given: Path | None) -> Path:
    return (given or DEFAULT).expanduser().absolute()


def running_platform(data: Path) -> dict[str, Any] | None:
    """What the `blytz up` that uses this folder right now wrote about itself: `url`, `redis_url`, `pids` by name,
    `ports` by name, `ready`. None where none is running."""
    import json

    try:
        if not _is_locked(data / RUN / LOCK):
            return None
        note: dict[str, Any] = json.loads((data / RUN / NOTE).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return note


def _is_locked(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
