"""`blytz token`: who you are on a dev platform, for `curl` and scripts."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, cast

import typer

from blytz.cli.data_folder import DataOption, data_folder
from blytz.identity import Role
from blytz.kit.user_error import UserError


class RoleChoice(StrEnum):
    """`identity.Role`, in the form in which typer takes several."""

    bidder = "bidder"
    seller = "seller"
    moderator = "moderator"
    admin = "admin"


def token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who to be. The same name is the same person.")],
    role: Annotated[
        list[RoleChoice] | None,
        typer.Option(
            metavar="ROLE",
            help="bidder, seller, moderator or admin; may be given several times.  [default: bidder]",
        ),
    ] = None,
    data: DataOption = None,
) -> None:
    """Print a token for the dev platform whose data is in DIR, and nothing else. It lasts twelve hours."""
    if not name.strip():
        raise UserError("a token needs a name that is not empty")
    folder = _dev_folder(data)

    from blytz.identity.dev import DevIssuer

    roles = cast("tuple[Role, ...]", tuple(choice.value for choice in role or [RoleChoice.bidder]))
    typer.echo(DevIssuer(folder).issue(name, roles))


def _dev_folder(data: Path | None) -> Path:
    """Only `BLYTZ_ENV=dev` makes a dev key. Where it is not set, a key that is there shows that a dev platform
    has run in the folder; production neither makes nor accepts one."""
    from blytz.identity.dev import KEY_FILE

    folder, env = data_folder(data), os.environ.get("BLYTZ_ENV")
    if env not in {None, "dev"}:
        raise UserError(
            f"dev tokens exist only on a dev platform, and here BLYTZ_ENV={env}; unset it, or set it to dev"
        )
    if env is None and not (folder / KEY_FILE).exists():
        raise UserError(
            f"no dev platform has run in {folder}; start one with `blytz up`, or name its folder with --data"
        )
    return folder
