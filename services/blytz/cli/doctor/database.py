"""Checks of the databases: whether each answers, and whether it is at the revision that this version expects."""

import asyncio
from collections.abc import Iterator
from typing import Final

from blytz.cli.doctor.findings import Finding
from blytz.kit.config.model import Settings, variable
from blytz.kit.problems import StoreUnavailable
from blytz.kit.user_error import UserError

MIGRATE: Final = "run `blytz migrate` as the user of the services and with their settings"


def findings(settings: Settings) -> Iterator[Finding]:
    from blytz.apps.databases import MIGRATIONS

    return (_finding(noun, settings) for noun in MIGRATIONS)


def _finding(noun: str, settings: Settings) -> Finding:
    name, file = f"Database {noun}", settings.data / f"{noun}.sqlite"
    # Looking into a file that is not there would make it.
    if not settings.database_url and not file.exists():
        return Finding(name, "fail", f"{file} is not there", MIGRATE)
    try:
        return Finding(name, "ok", asyncio.run(_checked(noun, settings)))
    except UserError as error:
        return Finding(name, "fail", str(error), MIGRATE)
    except StoreUnavailable as error:
        why = str(error.__cause__).partition("\n")[0]
        return Finding(name, "fail", why, f"start it, or correct {variable('database_url')}")


async def _checked(noun: str, settings: Settings) -> str:
    from blytz.apps.databases import MIGRATIONS, database_of
    from blytz.kit.sql.revisions import check_revision, current_revision

    database = database_of(noun, settings)
    try:
        await check_revision(database, MIGRATIONS[noun])
        return f"is at revision {await current_revision(database)}, in {database.where}"
    finally:
        await database.close()
