"""What the Redis of `blytz up` was started with. None of its users may run CONFIG or ACL, so its file, which
`blytz up` writes at each start, still says how it runs."""

import shlex
from pathlib import Path
from typing import Any

from msgspec import Struct


class StartedWith(Struct, frozen=True):
    settings: dict[str, str]
    default_user: tuple[str, ...]
    """Its rules, like `off` and `+@all`."""
    folder: Path
    """Where it writes its files."""


def started_with(note: dict[str, Any], data: Path) -> StartedWith | None:
    """By the note of the platform that runs in this data folder. None where it uses another Redis, or where the
    file cannot be read: doctor then asks for an admin's address."""
    file = data / "redis" / "redis.conf"
    if "redis" not in note.get("pids", {}):
        return None
    try:
        lines = [shlex.split(line, comments=True) for line in file.read_text().splitlines()]
    except (OSError, ValueError):
        return None
    settings = {words[0]: words[1] for words in lines if len(words) == 2}
    users = {words[1]: tuple(words[2:]) for words in lines if words[:1] == ["user"] and len(words) > 2}
    # Redis runs in the folder of the file.
    return StartedWith(settings, users.get("default", ()), file.parent / settings.get("dir", "."))
