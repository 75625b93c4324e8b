"""`blytz gateway`: the public entry to a server or container, configured by its environment alone."""

import os
from pathlib import Path
from typing import Annotated

import typer

from blytz.cli.data_folder import DataOption, data_folder
from blytz.cli.gateway import nginx
from blytz.cli.gateway.placeholder import write_placeholder
from blytz.kit.config.environment import unread
from blytz.kit.config.fields import both, one_text
from blytz.kit.config.gateway import read_gateway_settings
from blytz.kit.config.model import variable
from blytz.kit.open_files import raise_open_files
from blytz.kit.user_error import UserError

FOLDER = "gateway"


def gateway(
    data: DataOption = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write the configuration, let nginx read it, and end.")
    ] = False,
) -> None:
    """Run nginx in front of the services, in this process, until SIGTERM. Its settings are the BLYTZ_GATEWAY_*
    variables, all in specs/settings.md; infra/nginx/README.md says how to put a platform on a domain."""
    settings, data_setting = both(read_gateway_settings, lambda: one_text(os.environ, variable("data")))
    for strange in unread():
        typer.echo(f"blytz: warning: {strange}", err=True)
    folder = data_folder(data or (Path(data_setting) if data_setting else None)) / FOLDER
    try:
        (folder / "tls").mkdir(parents=True, exist_ok=True)
        # The log has the address of every visitor.
        folder.chmod(0o700)
        if settings.domains:
            # nginx cannot start without one, and Let's Encrypt gives none before nginx answers for the domain.
            write_placeholder(folder / "tls" / "site.pem", settings.domains)
    except OSError as error:
        raise UserError(f"cannot write to {folder} ({error.strerror}); name another folder with --data") from error
    command = nginx.prepare(folder, settings, raise_open_files())
    if check:
        typer.echo(f"nginx accepts the configuration in {folder}")
        return
    os.chdir(folder)
    os.execv(command[0], command)  # noqa: S606 # signals and exit code are to be nginx's own
