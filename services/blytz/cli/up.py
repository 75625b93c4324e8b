"""`blytz up`: the whole platform on this machine, under one roof."""

import os
from typing import Annotated

import typer

from blytz.cli.fault import CliFault
from blytz.cli.folder import DataOption, data_folder, prepare, socket_path, take


def up(
    port: Annotated[int, typer.Option(min=1, max=65_535, metavar="PORT", help="The one public port.")] = 8000,
    data: DataOption = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 for everybody.")
    ] = "127.0.0.1",
    *,
    demo: Annotated[bool, typer.Option("--demo", help="With demo auctions and simulated bidders.")] = False,
) -> None:
    """Run the whole platform on this machine until Ctrl-C: Redis, the services, the gateway. Given REDIS_URL, it
    uses that instead of a Redis of its own."""
    import asyncio

    from blytz.cli.platform import Platform
    from blytz.cli.ports import check_free, inner_ports
    from blytz.kit.settings import read_settings

    _check_env()
    inner = inner_ports(port)
    # The services read the same variables; what is wrong with them is better said once, here.
    settings = read_settings({**os.environ, "BLYTZ_ENV": "dev"})
    folder = data_folder(data)
    prepare(folder)
    lock = take(folder)
    check_free(host, port, inner)
    given = bool({"REDIS_URL", "REDIS_URL_FILE"} & os.environ.keys())
    redis_url = settings.redis_url if given else ""
    platform = Platform(folder, host, port, inner, socket_path(folder), lock, redis_url)
    platform.prepare()
    asyncio.run(platform.run(demo=demo))


def _check_env() -> None:
    """The platform of one machine signs in anybody under any name; it must not pass for production."""
    env = os.environ.get("BLYTZ_ENV", "dev")
    if env != "dev":
        raise CliFault(f"`blytz up` runs a dev platform, and here BLYTZ_ENV={env}; unset it, or use `blytz serve`")
