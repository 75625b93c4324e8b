"""`blytz doctor`: is this deployment as it should be? It looks and changes nothing."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from blytz.cli.options import JsonOption

if TYPE_CHECKING:
    from blytz.cli.doctor_findings import Finding

STYLE = {"ok": "green", "warn": "yellow", "fail": "bold red"}
OF_OTHERS = ("BLYTZ_URL", "BLYTZ_TOKEN", "BLYTZ_ADMIN_REDIS_URL", "BLYTZ_ACME_SERVER", "BLYTZ_GATEWAY_")
"""Variables of other commands, or how their names begin."""


def doctor(
    admin_url: Annotated[
        str | None,
        typer.Option(
            "--admin-url",
            metavar="URL",
            envvar="BLYTZ_ADMIN_REDIS_URL",
            help="A Redis user who may CONFIG and ACL, for what the services' own may not see.",
        ),
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Check settings, Redis and its durability, clock, disk, ports, certificate and limits of this deployment. The
    settings are those of the services: run it where they run. Exit code 1 when something fails."""
    import sys

    import msgspec

    found = list(_findings(admin_url))
    is_ok = all(finding.state != "fail" for finding in found)
    if as_json:
        sys.stdout.write(msgspec.json.encode({"ok": is_ok, "findings": found}).decode() + "\n")
    else:
        _show(found)
    if not is_ok:
        raise typer.Exit(1)


def _findings(admin_url: str | None) -> Iterator["Finding"]:
    from blytz.cli import doctor_machine, doctor_redis
    from blytz.cli.doctor_findings import Finding
    from blytz.kit.settings import SettingsFault, read_settings

    yield from _strangers()
    try:
        settings = read_settings()
    except SettingsFault as fault:
        for line in str(fault).split("\n"):
            yield Finding("Settings", "fail", line, "specs/settings.md says what each may be")
        return
    yield Finding("Settings", "ok", f"make sense for {settings.env}")
    yield from doctor_redis.findings(settings.redis_url, admin_url)
    yield from doctor_machine.findings(settings)


def _strangers() -> Iterator["Finding"]:
    """A variable that nobody reads is most often one that was misspelt."""
    from msgspec.structs import fields

    from blytz.cli.doctor_findings import Finding
    from blytz.kit.settings import FROM_FILE, PREFIX, Settings, variable

    known = {variable(field.name) for field in fields(Settings)}
    for name in sorted(os.environ):
        is_ours = name.startswith(PREFIX) and not name.startswith(OF_OTHERS)
        if is_ours and name.removesuffix(FROM_FILE) not in known:
            yield Finding(
                "Settings", "warn", f"nobody reads {name}", "look for the right name in specs/settings.md"
            )


def _show(found: list["Finding"]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("", "what", "found", "to do"):
        table.add_column(head, overflow="fold")
    for finding in found:
        state = Text(finding.state, style=STYLE[finding.state])
        table.add_row(state, Text(finding.name), Text(finding.why), Text(finding.remedy))
    Console().print(table)
