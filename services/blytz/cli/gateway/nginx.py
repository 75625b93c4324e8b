"""The public entry to a platform: nginx, as an ordinary process in the data folder."""

import contextlib
import re
import subprocess
from pathlib import Path

import msgspec

from blytz.cli.gateway.render import render
from blytz.cli.programs import program
from blytz.kit.config.gateway import DEV, GatewaySettings, read_gateway_settings
from blytz.kit.user_error import UserError

_LINE = re.compile(r"\d{4}/\d\d/\d\d (\d\d:\d\d:\d\d) \[(\w+)\] \d+#\d+: (.*)")
_CHATTER = re.compile(r"^.*?\[emerg\] (?:\d+#\d+: )?")


def prepare_dev(
    folder: Path, host: str, port: int, *, auction_port: int, live_port: int, open_files: int
) -> tuple[str, ...]:
    """The command that runs the gateway of `blytz up` in `folder`. Raises UserError and SettingsFault."""
    # The log of the run before is kept, and no other: a folder does not grow without a bound.
    with contextlib.suppress(FileNotFoundError):
        (folder / "access.log").rename(folder / "access.log.1")
    gateway = msgspec.structs.replace(
        read_gateway_settings(otherwise=DEV),
        hosts=(host,),
        http_port=port,
        domains=(),
        auction=(f"127.0.0.1:{auction_port}",),
        live=(f"127.0.0.1:{live_port}",),
    )
    return prepare(folder, gateway, open_files, loopback_origins=True)


def prepare(
    folder: Path, gateway: GatewaySettings, open_files: int, *, loopback_origins: bool = False
) -> tuple[str, ...]:
    """The command that runs it in `folder`. Raises UserError where nginx refuses its configuration."""
    render(folder, gateway, open_files, loopback_origins=loopback_origins)
    # Relative to the folder it runs in: nginx would take a $ in a longer path for a variable.
    command = (program("nginx"), "-p", "./", "-c", "nginx.conf")
    _check(command, folder)
    return command


def format_line(line: str) -> str:
    """`2027/02/01 10:00:00 [warn] 1#1: text` becomes `10:00:00 [warn] text`."""
    found = _LINE.fullmatch(line.rstrip())
    return f"{found[1]} [{found[2]}] {found[3]}" if found else line


def _check(command: tuple[str, ...], folder: Path) -> None:
    answer = subprocess.run([*command, "-t", "-q"], cwd=folder, capture_output=True, text=True, check=False)
    if answer.returncode:
        said = answer.stderr.strip().splitlines() or ["no reason given"]
        worst = next((line for line in said if "[emerg]" in line), said[-1])
        raise UserError(f"nginx refuses its configuration: {_CHATTER.sub('', worst)}")
