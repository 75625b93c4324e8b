"""`blytz serve`: one service in this process, configured by its environment alone, as a container wants it."""

from enum import StrEnum
from importlib import import_module
from typing import Annotated

import typer


class Service(StrEnum):
    auction = "auction"
    live = "live"
    hammer = "hammer"


def serve(service: Annotated[Service, typer.Argument(metavar="auction|live|hammer")]) -> None:
    """Run one service until SIGTERM. Its settings are the BLYTZ_* variables and REDIS_URL."""
    from blytz.apps.wiring import run
    from blytz.kit.settings import read_settings

    settings = read_settings()
    run(settings, service.value, import_module(f"blytz.apps.{service.value}").main(settings))
