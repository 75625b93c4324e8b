"""`blytz doctor`: checks this deployment, and changes nothing."""

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blytz.cli.data_folder import DataOption, data_folder, running_platform
from blytz.cli.options import JsonOption
from blytz.kit.text import isolated

if TYPE_CHECKING:
    from blytz.cli.doctor.findings import Finding
    from blytz.cli.doctor.redis_config import StartedWith
    from blytz.kit.config.gateway import GatewaySettings

STYLE = {"ok": "green", "note": "dim", "warn": "yellow", "fail": "bold red"}
TABLE = "specs/settings.md lists the valid values"


def doctor(
    admin_url: Annotated[
        str | None,
        typer.Option(
            "--admin-url",
            metavar="URL",
            envvar="BLYTZ_ADMIN_REDIS_URL",
            show_envvar=True,
            help="Redis address of a user with CONFIG and ACL, for what the services' own user cannot see.",
        ),
    ] = None,
    data: DataOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Check settings, Redis and its durability, clock, disks, ports, shows, images, certificates and limits of
    this deployment. Run it where the services and the gateway run, as their user and with their environment, which
    holds their settings. Exit code 1 when something fails."""
    import sys

    import msgspec

    found = list(_findings(admin_url, data))
    is_ok = all(finding.state != "fail" for finding in found)
    if as_json:
        sys.stdout.write(msgspec.json.encode({"ok": is_ok, "findings": found}).decode() + "\n")
    else:
        _show(found)
    if not is_ok:
        raise typer.Exit(1)


def _findings(admin_url: str | None, data: Path | None) -> Iterator["Finding"]:
    from blytz.cli.commands.gateway import FOLDER
    from blytz.cli.doctor import certificate, database, image_bucket, image_folder, machine, redis, shows
    from blytz.cli.doctor import gateway as gateway_checks
    from blytz.cli.doctor.findings import Finding
    from blytz.kit.config.environment import REDIS_URL_OF_ADMIN, unread
    from blytz.kit.config.fields import FROM_FILE, SettingsFault, both, one_text
    from blytz.kit.config.gateway import read_gateway_settings
    from blytz.kit.config.load import read_settings
    from blytz.kit.config.model import variable

    yield from (Finding("Settings", "warn", str(each), "correct its name, or unset it") for each in unread())
    folder, settings, gateway = data_folder(data), None, None
    of_up = _of_up(folder)
    if not of_up and not _names_a_deployment():
        why = f"no `blytz up` runs in {folder}, and the environment has no settings: judged as production"
        yield Finding("Settings", "note", why, "name the folder of a running platform with --data")
    try:
        admin, settings = both(
            lambda: one_text(os.environ, REDIS_URL_OF_ADMIN),
            lambda: read_settings(os.environ | of_up, signs_in=True),
        )
        admin_url = admin_url or admin
        if variable("data") + FROM_FILE in os.environ:
            folder = data_folder(data or settings.data)
        whose = f": those of the `blytz up` in {folder}" if of_up else ""
        yield Finding("Settings", "ok", f"are valid for {settings.env}{whose}")
    except SettingsFault as fault:
        yield from (Finding("Settings", "fail", line, TABLE) for line in str(fault).split("\n"))
        remedy = "correct the settings first"
        yield Finding("Redis, services", "note", "not checked: their settings cannot be used", remedy)
    try:
        gateway = read_gateway_settings()
    except SettingsFault as fault:
        yield from (Finding("Gateway settings", "fail", line, TABLE) for line in str(fault).split("\n"))
    yield machine.disk("Disk", folder)
    if settings:
        started = _redis_of_up(folder) if of_up else None
        yield from redis.findings(settings.redis_url, admin_url, settings.replicas, started)
        yield from database.findings(settings)
        yield from machine.findings(settings)
        yield from shows.findings(settings)
        of_environment = gateway if gateway_checks.is_configured() else None
        if settings.images_bucket:
            yield from image_bucket.findings(settings, of_environment)
        else:
            served_by = of_environment or (_gateway_of_up(folder) if of_up else None)
            yield from image_folder.findings(settings, served_by)
    if gateway and gateway_checks.is_configured():
        yield from gateway_checks.findings(gateway, folder / FOLDER)
    if settings and (settings.public_url or not (gateway and gateway.domains)):
        yield certificate.of_address(settings.public_url, is_production=settings.env == "production")


def _of_up(folder: Path) -> dict[str, str]:
    """The settings that `blytz up` gave its services, when it runs in this folder and the environment configures
    no other deployment."""
    from blytz.kit.config.model import variable

    if _names_a_deployment():
        return {}
    with contextlib.suppress(OSError):
        if note := running_platform(folder):
            ports = {
                variable(f"{name}_port"): str(port) for name, port in note["ports"].items() if name != "nginx"
            }
            return {"BLYTZ_ENV": "dev", "BLYTZ_DATA": str(folder), "REDIS_URL": str(note["redis_url"]), **ports}
    return {}


def _redis_of_up(folder: Path) -> "StartedWith | None":
    from blytz.cli.doctor.redis_config import started_with

    with contextlib.suppress(OSError):
        if note := running_platform(folder):
            return started_with(note, folder)
    return None


def _gateway_of_up(folder: Path) -> "GatewaySettings | None":
    from blytz.kit.config.gateway import GatewaySettings

    with contextlib.suppress(OSError, LookupError):
        if note := running_platform(folder):
            return GatewaySettings(http_port=note["ports"]["nginx"])
    return None


def _names_a_deployment() -> bool:
    """Whether the environment has settings of a deployment."""
    return any(name.startswith(("REDIS_URL", "BLYTZ_ENV")) for name in os.environ)


def _show(found: list["Finding"]) -> None:
    """A table with what to do below each finding; one line each when the output is not a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        width = max(len(finding.name) for finding in found)
        for each in found:
            remedy = f" -> {each.remedy}" if each.remedy else ""
            typer.echo(f"{each.state:<4}  {each.name:<{width}}  {isolated(each.why)}{remedy}")
        typer.echo(_summary(found))
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for each in found:
        words = Text(each.why)
        if each.remedy:
            words.append("\n-> ", style="dim").append(each.remedy)
        grid.add_row(Text(each.state, style=STYLE[each.state]), Text(each.name), words)
    console.print(grid)
    states = {finding.state for finding in found}
    worst = "fail" if "fail" in states else "warn" if "warn" in states else "ok"
    console.print(Text(f"\n{_summary(found)}", style=STYLE[worst]))


def _summary(found: list["Finding"]) -> str:
    counts = Counter(finding.state for finding in found)
    return f"{counts['fail']} failed, {counts['warn']} warnings, {counts['ok']} ok."
