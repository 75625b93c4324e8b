"""`blytz demo`: shows that run one after another, with people who bid and talk. `blytz up --demo` starts it."""

import contextlib
import os
from typing import Annotated

import typer

from blytz.cli.data_folder import DataOption
from blytz.cli.options import UrlOption, platform_url
from blytz.client.http import HttpClient
from blytz.kit.config.load import read_settings
from blytz.kit.running import Interrupted, run
from blytz.kit.telemetry.logs import set_up_logs
from blytz.simulate.demo import Demo
from blytz.simulate.demo_lots import LOTS, SECONDS
from blytz.simulate.demo_programme import LOTS_OF_A_SHOW


def demo(
    url: UrlOption = None,
    data: DataOption = None,
    shows: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="End after so many.  [default: go on]", show_default=False),
    ] = None,
    lots: Annotated[
        int, typer.Option(min=1, max=len(LOTS), metavar="N", help="Lots of each show.")
    ] = LOTS_OF_A_SHOW,
    lot_seconds: Annotated[
        int, typer.Option(min=2, max=600, metavar="SECONDS", help="How long a lot is open without extensions.")
    ] = SECONDS,
) -> None:
    """Run demo shows with simulated bidders on a dev platform, until Ctrl-C: one is live, the next one scheduled.
    Survives restarts of services."""
    # It is a dev platform's, and what production refuses is not its own to judge.
    set_up_logs(read_settings({**os.environ, "BLYTZ_ENV": "dev"}).log, "demo")
    with contextlib.suppress(Interrupted):
        run(Demo(HttpClient(platform_url(url, data)), shows, lots, lot_seconds).run())
