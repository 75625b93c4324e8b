"""`blytz demo`: auctions that run one after another, with people who bid. `blytz up --demo` starts it."""

import contextlib
import itertools
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
from blytz.simulate.demo_lots import LOTS


def demo(
    url: UrlOption = None,
    data: DataOption = None,
    auctions: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="End after so many.  [default: go on]", show_default=False),
    ] = None,
) -> None:
    """Run demo auctions with simulated bidders on a dev platform, until Ctrl-C. Survives restarts of services."""
    # It is a dev platform's, and what production refuses is not its own to judge.
    set_up_logs(read_settings({**os.environ, "BLYTZ_ENV": "dev"}).log, "demo")
    lots = itertools.islice(itertools.cycle(LOTS), auctions)
    with contextlib.suppress(Interrupted):
        run(Demo(HttpClient(platform_url(url, data)), lots).run())
