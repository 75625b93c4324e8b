"""Checks of shows: the worker that opens and closes their lots, what it has left undone, and LiveKit. That their
database answers, `database.py` checks; their images are in `image_folder.py`."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from blytz.cli.doctor import machine
from blytz.cli.doctor.findings import Finding
from blytz.kit.config.model import Settings, variable
from blytz.kit.problems import Overloaded, StoreUnavailable
from blytz.kit.user_error import UserError

if TYPE_CHECKING:
    from blytz.show.running.store import Intent

OLD_MS: Final = 60_000
"""What is left undone for so long will not be done without help."""
MAX_NAMED: Final = 5
UNDONE: Final = "Shows undone"
VIDEO: Final = "Video"


def findings(settings: Settings) -> Iterator[Finding]:
    yield _worker(settings)
    yield _undone(settings)
    yield _video(settings)


def _worker(settings: Settings) -> Finding:
    name, port = "Show worker", settings.hammer_port
    try:
        found = machine.dependencies(settings.host, port)["shows"]
        state, stalled_ms = found["state"], found.get("away_for_ms", 0)
    except machine.NO_PAGE:
        remedy = "start the hammer, unless it runs elsewhere: without it no lot of a show opens or closes"
        return Finding(name, "note", f"cannot be seen: no hammer of this version answers on port {port}", remedy)
    if state == "unasked":
        return Finding(name, "note", "the hammer is still loading it", "run doctor again in some seconds")
    if state == "up":
        return Finding(name, "ok", "looks at shows")
    remedy = "bring Redis and the database back; `database_failed` or `task_failed` in the hammer's log says why"
    why = f"has not looked at shows for {stalled_ms // 1_000} s: no lot opens or closes"
    return Finding(name, "fail", why, remedy)


def _undone(settings: Settings) -> Finding:
    # Looking into a file that is not there would make it.
    if not settings.database_url and not (settings.data / "show.sqlite").exists():
        return Finding(UNDONE, "note", "cannot be seen: there is no database", "see Database show")
    try:
        found = asyncio.run(_undone_of(settings))
    except (StoreUnavailable, Overloaded, UserError):
        return Finding(UNDONE, "note", "cannot be seen without the database", "see Database show")
    if not found:
        return Finding(UNDONE, "ok", "nothing has waited for longer than a minute")
    shown = "; ".join(f"{show_id}: {_words(intents)}" for show_id, intents in found[:MAX_NAMED])
    more = "; and more shows" if len(found) > MAX_NAMED else ""
    remedy = "`intents_failed` in the log of the hammer says why; remove the cause, the rest is done by itself"
    return Finding(UNDONE, "fail", f"waits for longer than a minute: {shown}{more}", remedy)


async def _undone_of(settings: Settings) -> list[tuple[str, Sequence["Intent"]]]:
    from blytz.apps.databases import MIGRATIONS, database_of
    from blytz.kit.sql.revisions import check_revision
    from blytz.show.sql.run_store import SqlRuns

    database = database_of("show", settings)
    try:
        await check_revision(database, MIGRATIONS["show"])
        runs = SqlRuns(database, lambda: 0)
        shows = await runs.shows_with_intents(int(time.time() * 1_000) - OLD_MS, MAX_NAMED + 1)
        found = [(show_id, await runs.intents(show_id)) for show_id in shows]
    finally:
        await database.close()
    # They may have been done meanwhile.
    return [(show_id, intents) for show_id, intents in found if intents]


def _words(intents: Sequence["Intent"]) -> str:
    """The first one, which holds up the others, and how many these are."""
    first, others = intents[0], len(intents) - 1
    if first.order:
        what = f"{first.order.verb} {first.order.auction_id}".strip()
    else:
        what = f"tell {first.announcement.kind}" if first.announcement else "nothing known"
    return f"{what} and {others} more" if others else what


def _video(settings: Settings) -> Finding:
    from blytz.show.running.rooms import VideoUnavailable

    where = variable("livekit_url")
    if not settings.livekit_url:
        remedy = f"set {where} and its key, when shows are to have video: specs/operating.md"
        return Finding(VIDEO, "note", f"{where} is not set: shows have no video", remedy)
    try:
        rooms = asyncio.run(_rooms_of(settings))
    except VideoUnavailable as problem:
        key, secret = variable("livekit_api_key"), variable("livekit_api_secret")
        remedy = f"start LiveKit, or correct {where}, {key} and {secret}"
        return Finding(VIDEO, "fail", f"{settings.livekit_url}: {problem.detail}", remedy)
    return Finding(VIDEO, "ok", f"LiveKit answers at {settings.livekit_url}, and has {rooms} rooms")


async def _rooms_of(settings: Settings) -> int:
    from blytz.apps.video import rooms_of

    rooms = rooms_of(settings)
    assert rooms is not None, "it is configured"
    try:
        return len(await rooms.names())
    finally:
        await rooms.close()
