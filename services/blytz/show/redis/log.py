"""The log of each show in Redis (port: `show/events/log.py`), and shows as topics (port: `kit/topics.py`)."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import Any, Final

import msgspec
import structlog

from blytz.kit.answer import Answer
from blytz.kit.ids import new_id
from blytz.kit.redis.link import Part
from blytz.kit.redis.pipe import RedisError, RedisPipe, Script
from blytz.kit.redis.scripts import numbers, source
from blytz.show.events.log import Announced, Announcement, CorruptShow, ShowSnapshot
from blytz.show.events.view import ShowView, is_private, readers_after
from blytz.show.redis.keys import keys_of

log = structlog.get_logger()

Snapshot = Callable[[str], Awaitable[ShowSnapshot | None]]
"""Reads a show and its lots from the catalogue; None when there is no such show. Raises `StoreUnavailable` and
`Overloaded`."""
SCRIPTS: Final = ("fill", "announce", "read")
MAX_READ_AT_ONCE: Final = 8
"""Shows that one process reads from the catalogue at once, however many are asked for."""
MAX_IDS: Final = 1_000
"""Of one command."""
BLOCKED_FOR_S: Final = 30 * 24 * 3_600
"""Longer than any show."""
MAX_FILLS: Final = 3
"""A state that was just filled may be gone again only when Redis has lost it."""
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def corrupt(text: str) -> CorruptShow:
    """Logs what is not valid in Redis, and returns the exception for it."""
    log.error("corrupt_show", error=text)
    return CorruptShow()


def load_scripts(*names: str) -> dict[str, Script]:
    """The scripts of shows by name, each with numbers.lua and common.lua in front."""
    in_front = numbers() + source(__package__, "common")
    return {name: Script(in_front + source(__package__, name)) for name in names}


class RedisShowLog:
    """`ShowLog` over one pipelined connection."""

    def __init__(self, pipe: RedisPipe) -> None:
        self._pipe = pipe
        self._scripts = load_scripts(*SCRIPTS)

    async def set_blocked(self, show_id: str, user_ids: Collection[str], *, held: bool = True) -> None:
        blocked, verb = keys_of(show_id).blocked, "SADD" if held else "SREM"
        user_ids = sorted(user_ids)
        for first in range(0, len(user_ids), MAX_IDS):
            await self._pipe.call(verb, blocked, *user_ids[first : first + MAX_IDS])
        if user_ids and held:
            await self._pipe.call("EXPIRE", blocked, BLOCKED_FOR_S)

    async def fill(self, show_id: str, snapshot: ShowSnapshot) -> None:
        await self.set_blocked(show_id, snapshot.blocked)
        lots = [part for lot in snapshot.lots for part in (lot["lot_id"], _encode(lot))]
        await self._run(
            "fill",
            show_id,
            snapshot.change,
            new_id("ep")[-8:],
            *_show_args(snapshot.show),
            _encode(snapshot.moderators),
            _encode(_readers_of(snapshot)),
            _encode(snapshot.chat_rules),
            *lots,
        )

    async def replace(self, show_id: str, snapshot: ShowSnapshot) -> None:
        # Between the two nobody can watch it; whoever tries fills it.
        await self._pipe.call("DEL", keys_of(show_id).state)
        await self.fill(show_id, snapshot)

    async def announce(self, show_id: str, announcement: Announcement) -> Announced:
        public = announcement.public
        show, lot = public.get("show"), public.get("lot")
        lot_id = lot["lot_id"] if lot else public["lot_id"] if announcement.kind == "lot_removed" else ""
        seller = [show["seller"]["id"]] if show and is_private(show) else None
        reply = await self._run(
            "announce",
            show_id,
            announcement.change,
            announcement.kind,
            _encode(public),
            *(_show_args(show) if show else [""] * 4),
            _encode(seller),
            lot_id,
            _encode(lot) if lot else "",
            *(_encode(public[name]) if name in public else "" for name in _SINGLE),
            _encode(announcement.chat_rules) if announcement.chat_rules else "",
            *_flat(public.get("positions", {})),
        )
        return Announced(reply.decode())

    async def read(self, show_id: str) -> ShowView | None:
        """None when the show has no state. Raises `CorruptShow` too."""
        try:
            reply = await self._run("read", show_id)
            return None if reply is None else _view(show_id, *reply)
        except (KeyError, ValueError, TypeError, msgspec.MsgspecError, RedisError) as error:
            raise corrupt(f"{show_id}: {error!r}") from error

    def _run(self, name: str, show_id: str, *args: Part) -> Answer[Any]:
        return self._pipe.run(self._scripts[name], keys_of(show_id).of_log, (show_id, *args), fault=corrupt)


_SINGLE: Final = ("open_lots", "lots", "host", "moderators")


class ShowTopics:
    """`TopicLog` of shows. One that has no state is filled from the catalogue."""

    fault = staticmethod(corrupt)

    def __init__(self, shows: RedisShowLog, snapshot: Snapshot) -> None:
        self._shows = shows
        self._snapshot = snapshot
        self._reading = asyncio.Semaphore(MAX_READ_AT_ONCE)

    def channel_of(self, subject_id: str) -> bytes:
        return keys_of(subject_id).feed

    def events_of(self, subject_id: str) -> bytes:
        return keys_of(subject_id).events

    def viewers_of(self, subject_id: str) -> bytes:
        return keys_of(subject_id).viewers

    def kept_by_viewers(self, subject_id: str) -> Sequence[bytes]:
        return keys_of(subject_id).with_an_end

    async def state(self, subject_id: str) -> ShowView | None:
        view = await self._shows.read(subject_id)
        for _ in range(MAX_FILLS):
            if view is not None:
                break
            if not await self.fill(subject_id):
                return None
            view = await self._shows.read(subject_id)
        return view

    async def fill(self, show_id: str) -> bool:
        """Give the show a state, unless it has one; of several processes at once the first one does. False when
        the catalogue has no such show."""
        snapshot = await self._read(show_id)
        if snapshot is None:
            return False
        await self._shows.fill(show_id, snapshot)
        # A change that was announced while there was no state is missing in one that was read before it.
        for _ in range(MAX_FILLS):
            newer = await self._read(show_id)
            if newer is None or newer.change == snapshot.change:
                break
            snapshot = newer
            await self._shows.replace(show_id, snapshot)
        return True

    async def _read(self, show_id: str) -> ShowSnapshot | None:
        async with self._reading:
            return await self._snapshot(show_id)


def _readers_of(snapshot: ShowSnapshot) -> Sequence[str] | None:
    """A rehearsal or draft is never for everybody, also when nobody is named."""
    named = snapshot.readers
    return readers_after(snapshot.show, named) if named is None else named


def _show_args(show: dict[str, Any]) -> list[Part]:
    """Its JSON, and what scripts decide by."""
    return [_encode(show), show["status"], show["settings"]["slow_mode_ms"], show["seller"]["id"]]


def _flat(positions: dict[str, int]) -> Iterator[Part]:
    for lot_id, position in positions.items():
        yield from (lot_id, position)


def _view(
    show_id: str, state: list[bytes], lots: list[bytes], positions: list[bytes], messages: list[bytes]
) -> ShowView:
    of_state, position_of = _pairs(state), _pairs(positions)
    show = _decode(of_state[b"show"])
    show |= {
        name: _decode(of_state[name.encode()]) for name in ("open_lots", "lots", "host") if of_state[name.encode()]
    }
    decoded = {lot_id: _decode(lot) for lot_id, lot in _pairs(lots).items()}
    for lot_id, position in position_of.items():
        decoded[lot_id]["position"] = int(position)
    return ShowView(
        show_id,
        int(of_state[b"seq"]),
        of_state[b"epoch"].decode(),
        show,
        list(decoded.values()),
        _decode(of_state[b"moderators"]),
        [_decode(message) for message in messages],
        _decode(of_state[b"readers"]),
    )


def _pairs(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
