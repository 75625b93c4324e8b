"""`blytz up`: the whole platform on this machine, under one roof."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from blytz.cli.data_folder import DataOption, data_folder, prepare, socket_path, take

if TYPE_CHECKING:
    from blytz.kit.config.model import Settings


def up(
    port: Annotated[int, typer.Option(min=1, max=65_535, metavar="PORT", help="The one public port.")] = 8000,
    data: DataOption = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 for all networks.")
    ] = "127.0.0.1",
    *,
    demo: Annotated[bool, typer.Option("--demo", help="With demo shows and simulated bidders.")] = False,
    video: Annotated[
        bool, typer.Option("--video", help="With a LiveKit of its own, for browsers on this machine.")
    ] = False,
) -> None:
    """Run the whole platform on this machine until Ctrl-C: Redis, the services, the gateway. Given REDIS_URL, it
    uses that instead of a Redis of its own."""
    import asyncio

    from blytz.cli.up.livekit import livekit_of
    from blytz.cli.up.platform import Platform
    from blytz.cli.up.ports import check_free, inner_ports

    settings = _apply()
    inner = inner_ports(port, settings)
    folder = data_folder(data or settings.data)
    prepare(folder)
    lock = take(folder)
    check_free(host, port, inner)
    redis_url = settings.redis_url if "REDIS_URL" in os.environ else ""
    livekit = livekit_of(folder, port, inner, settings) if video else None
    platform = Platform(
        folder, host, port, inner, socket_path(folder), lock, redis_url, settings.redis_maxmemory_mib, livekit
    )
    platform.prepare()
    asyncio.run(platform.run(demo=demo))


def _apply() -> "Settings":
    """The settings of the services. Faults in the settings of any process are reported here, once. Afterwards the
    environment has no `_FILE` variable and none that no process reads, so all processes read the same."""
    from blytz.kit.config.environment import known, take_files, unread
    from blytz.kit.config.fields import SettingsFault, both
    from blytz.kit.config.gateway import DEV, gateway_variable, read_gateway_settings
    from blytz.kit.config.load import read_settings
    from blytz.kit.config.model import variable

    dev = {name: value for name, value in os.environ.items() if name != "BLYTZ_ENV_FILE"} | {"BLYTZ_ENV": "dev"}
    (_, settings), gateway = both(
        lambda: both(_check_env, lambda: read_settings(dev)), lambda: read_gateway_settings(otherwise=DEV)
    )
    if settings.images_bucket and not gateway.images_url:
        name = gateway_variable("images_url")
        raise SettingsFault(f"{variable('images_bucket')} is set without {name}: nobody would see its images")
    take_files(os.environ)
    for name in known() & os.environ.keys():
        os.environ[name] = os.environ[name].strip()
    for strange in unread():
        typer.echo(f"blytz: warning: {strange}", err=True)
        del os.environ[strange.name]
    return settings


def _check_env() -> None:
    """The platform of one machine signs in anybody under any name; it must not pass for production."""
    from blytz.kit.config.fields import SettingsFault, one_text, shown

    env = one_text(os.environ, "BLYTZ_ENV")
    if env not in {None, "dev"}:
        where = "BLYTZ_ENV_FILE names another" if "BLYTZ_ENV_FILE" in os.environ else f"BLYTZ_ENV={shown(env)}"
        raise SettingsFault(f"`blytz up` runs a dev platform, and here {where}; unset it, or use `blytz serve`")
