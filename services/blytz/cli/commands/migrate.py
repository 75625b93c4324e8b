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
    only: Annotated[
        str | None, typer.Option("--only", metavar="NAME", help="Only this database: show or auction.")
    ] = None,
) -> None:
    """Bring the databases to the revision that this version expects: those of DATABASE_URL, else the SQLite files
    in the data folder, which are made when they are missing. Each is changed as a whole or not at all, and one
    that has this revision stays as it is."""
    import asyncio

    from blytz.apps.databases import MIGRATIONS, database_of
    from blytz.kit.config.load import read_settings
    from blytz.kit.problems import StoreUnavailable
    from blytz.kit.sql.migrations import migrate as to_revision
    from blytz.kit.sql.revisions import current_revision
    from blytz.kit.user_error import UserError

    if only is not None and only not in MIGRATIONS:
        raise UserError(f"there is no database {only}; there are {' and '.join(MIGRATIONS)}")
    settings = read_settings()
    folder = data_folder(data or settings.data)

    async def bring(noun: str) -> str:
        database = database_of(noun, settings, folder)
        try:
            await to_revision(database, MIGRATIONS[noun], to)
            return f"{noun}: at revision {await current_revision(database)}, in {database.where}"
        except StoreUnavailable as error:
            raise UserError(f"{database.where} cannot be used: {error.__cause__}") from error
        finally:
            await database.close()

    try:
        if not settings.database_url:
            folder.mkdir(parents=True, exist_ok=True)
        for noun in [only] if only else MIGRATIONS:
            typer.echo(asyncio.run(bring(noun)))
    except OSError as error:
        raise UserError(f"cannot write to the data folder {folder} ({error.strerror})") from error
