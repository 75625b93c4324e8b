"""`blytz migrate`: brings the databases to the revision that this version expects."""

from typing import Annotated

import typer

from blytz.cli.data_folder import DataOption, data_folder


def migrate(
    data: DataOption = None,
    to: Annotated[
        str,
        typer.Option("--to", metavar="REVISION", help="Another revision than the newest: back to an older one."),
    ] = "heads",
) -> None:
    """Bring the databases to the revision that this version expects: those of DATABASE_URL, else the SQLite files
    in the data folder, which are made when they are missing. Each is changed as a whole or not at all, and one
    that has this revision stays as it is."""
    import asyncio

    from blytz.apps.catalogue import database_of
    from blytz.kit.config.load import read_settings
    from blytz.kit.problems import StoreUnavailable
    from blytz.kit.sql.migrations import current_revision
    from blytz.kit.sql.migrations import migrate as to_revision
    from blytz.kit.user_error import UserError
    from blytz.show.sql.store import MIGRATIONS

    settings = read_settings()
    folder = data_folder(data or settings.data)

    async def run() -> str:
        database = database_of(settings, folder)
        try:
            await to_revision(database, MIGRATIONS, to)
            return f"{database.name}: at revision {await current_revision(database)}, in {database.where}"
        except StoreUnavailable as error:
            raise UserError(f"{database.where} cannot be used: {error.__cause__}") from error
        finally:
            await database.close()

    try:
        if not settings.database_url:
            folder.mkdir(parents=True, exist_ok=True)
        typer.echo(asyncio.run(run()))
    except OSError as error:
        raise UserError(f"cannot write to the data folder {folder} ({error.strerror})") from error
