"""Options that several commands share, and what they mean."""

from pathlib import Path
from typing import Annotated

import typer

from blytz.cli.data_folder import data_folder, running_platform

LATEST = "latest"
"""In the place of an auction's id: the newest open one."""
DEFAULT_URL = "http://127.0.0.1:8000"

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        envvar="BLYTZ_URL",
        show_default=False,
        help=f"Where the platform answers.  [default: that of the `blytz up` in --data, else {DEFAULT_URL}]",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs: JSON, one object a line.")]


def platform_url(url: str | None, data: Path | None) -> str:
    platform = None if url else running_platform(data_folder(data))
    return url or (str(platform["url"]) if platform else DEFAULT_URL)
