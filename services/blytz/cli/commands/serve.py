"""`blytz serve`: one service in this process, configured by its environment alone, as a container wants it."""

from typing import Annotated, Literal

import typer

from blytz.cli import serving

Service = Literal["auction", "live", "hammer"]


def serve(service: Annotated[Service, typer.Argument(metavar="SERVICE", help="auction, live or hammer.")]) -> None:
    """Run one service until SIGTERM. Its settings are the BLYTZ_* variables and REDIS_URL."""
    serving.start(service)
