"""Starts one service in this process; the whole of `blytz serve`, but for reading its arguments.

Without Typer, which takes 15 MB and a tenth of a second of CPU: a service runs for months, and starts anew when it
was killed.
"""

import gc
import sys
from importlib import import_module
from typing import Final

SERVICES: Final = ("auction", "live", "hammer")


def start(service: str) -> None:
    """Until SIGTERM or SIGINT. Raises `SettingsFault`."""
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
            sys.stderr.write(f"blytz: warning: {variable}\n")
        raise
    run(settings, service, import_module(f"blytz.apps.{service}").main(settings))
