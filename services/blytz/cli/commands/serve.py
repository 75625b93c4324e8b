"""`blytz serve`: one service in this process, configured by its environment alone, as a container wants it."""

import gc
from importlib import import_module
from typing import Annotated, Literal

import typer

Service = Literal["auction", "live", "hammer"]


def serve(service: Annotated[Service, typer.Argument(metavar="SERVICE", help="auction, live or hammer.")]) -> None:
    """Run one service until SIGTERM. Its settings are the BLYTZ_* variables and REDIS_URL."""
    # Imports make nothing that can be collected, and looking for it takes a seventh of their time. `run` turns the
    # collector on again.
    gc.disable()
    from blytz.apps.wiring import run
    from blytz.kit.config.environment import unread
    from blytz.kit.config.fields import SettingsFault
    from blytz.kit.config.load import read_settings

    try:
        settings = read_settings(signs_in=service != "hammer")
    except SettingsFault:
        # A misspelt name is the most likely cause.
        for variable in unread():
            typer.echo(f"blytz: warning: {variable}", err=True)
        raise
    run(settings, service, import_module(f"blytz.apps.{service}").main(settings))
