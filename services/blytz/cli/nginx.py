"""The public door of a platform: nginx, as an ordinary process in the data folder."""

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

from blytz.cli.fault import CliFault
from blytz.cli.programs import program
from blytz.cli.templates import fill, infra

MOST_CONNECTIONS = 32_768
"""Each costs nginx about 400 bytes from the start, used or not."""
SPARE_FILES = 64
_LINE = re.compile(r"\d{4}/\d\d/\d\d (\d\d:\d\d:\d\d) \[(\w+)\] \d+#\d+: (.*)")
_CHATTER = re.compile(r"^.*?\[emerg\] (?:\d+#\d+: )?")


def prepare(folder: Path, listen: str, *, auction_port: int, live_port: int, open_files: int) -> tuple[str, ...]:
    """The command that runs it in `folder`. Raises CliFault where nginx refuses its configuration."""
    text = fill(
        "nginx/nginx.conf",
        {
            "LISTEN": listen,
            "AUCTION": f"127.0.0.1:{auction_port}",
            "LIVE": f"127.0.0.1:{live_port}",
            "OPEN_FILES": str(open_files),
            "CONNECTIONS": str(min(open_files - SPARE_FILES, MOST_CONNECTIONS)),
            "USER_LINE": _user_line(),
        },
    )
    (folder / "nginx.conf").write_text(text)
    shutil.copy(infra() / "nginx" / "problems.conf", folder)
    shutil.copytree(infra() / "nginx" / "html", folder / "html", dirs_exist_ok=True)
    # Relative to the folder it runs in: nginx would take a $ in a longer path for a variable.
    command = (program("nginx"), "-p", "./", "-c", "nginx.conf")
    _check(command, folder)
    return command


def tidy(line: str) -> str:
    """`2027/02/01 10:00:00 [warn] 1#1: text` becomes `10:00:00 [warn] text`."""
    found = _LINE.fullmatch(line.rstrip())
    return f"{found[1]} [{found[2]}] {found[3]}" if found else line


def _user_line() -> str:
    """Started by root, nginx would give up its rights and could then not read root's own folders; whoever starts
    `blytz up` is who all of it runs as."""
    return f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else "# user: whoever started us"


def _check(command: tuple[str, ...], folder: Path) -> None:
    answer = subprocess.run([*command, "-t", "-q"], cwd=folder, capture_output=True, text=True, check=False)
    if answer.returncode:
        said = answer.stderr.strip().splitlines() or ["no reason given"]
        worst = next((line for line in said if "[emerg]" in line), said[-1])
        raise CliFault(f"nginx refuses its configuration: {_CHATTER.sub('', worst)}")
