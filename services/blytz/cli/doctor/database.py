"""Checks of the database: whether it answers, and whether it is at the revision that this version expects."""

import asyncio
from typing import Final

from blytz.cli.doctor.findings import Finding
from blytz.kit.config.model import Settings, variable
from blytz.kit.problems import StoreUnavailable
from blytz.kit.user_error import UserError

NAME: Final = "Database"
MIGRATE: Final = "run `blytz migrate` as the user of the services and with their settings"


def finding(settings: Settings) -> Finding:
    from blytz.apps.catalogue import NAME as CATALOGUE

    file = settings.data / f"{CATALOGUE}.sqlite"
    # Looking into a file that is not there would make it.
    if not settings.database_url and not file.exists():
        return Finding(NAME, "fail", f"{file} is not there", MIGRATE)
    try:
        return asyncio.run(_checked(settings))
    except UserError as error:
        return Finding(NAME, "fail", str(error), MIGRATE)
    except StoreUnavailable as error:
        why = str(error.__cause__).partition("\n")[0]
        return Finding(NAME, "fail", why, f"start it, or correct {variable('database_url')}")


async def _checked(settings: Settings) -> Finding:
    from blytz.apps.catalogue import database_of
    from blytz.kit.sql.migrations import check_revision, current_revision
    from blytz.show.sql.store import MIGRATIONS

    database = database_of(settings)
    try:
        await check_revision(database, MIGRATIONS)
        return Finding(NAME, "ok", f"is at revision {await current_revision(database)}, in {database.where}")
    finally:
        await database.close()
