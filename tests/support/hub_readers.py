"""One auction's log in memory, and readers of a hub that accept no gap, no repeat and no wrong state."""

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from blytz.auction.model import Auction, Status
from blytz.kit.problems import StoreUnavailable
from blytz.live.topics.hub import Hub, Wanted
from tests.support.auctions import T0, listing

AUCTION = "auc_1"


def event(epoch: str, seq: int) -> bytes:
    """Its price is its seq, so that a state of another moment can be told."""
    return msgspec.json.encode(
        {
            "seq": seq,
            "kind": "bid",
            "at": T0 + seq,
            "epoch": epoch,
            "status": "open",
            "price": seq,
            "minimum": seq + 1,
            "leader": None,
            "bid_count": seq,
            "reserve_met": True,
            "ends_at": T0 + 60_000,
            "remaining_ms": None,
            "opened_at": T0,
        }
    )


@lru_cache(maxsize=64)
def messages_of(frame: bytes) -> list[dict[str, Any]]:
    """Read once for all who get the same frame."""
    received = msgspec.json.decode(frame)
    return received if isinstance(received, list) else [received]


class MemorySource:
    """Answers when it is told to, with what is true then, or with `StoreUnavailable`."""

    def __init__(self) -> None:
        self.epoch, self.seq, self.exists = "e1", 0, True
        self.log: list[tuple[int, bytes]] = []
        self.subscribed = False
        self.at_once = True
        self._asked: list[tuple[asyncio.Future[Any], Callable[[], Any]]] = []

    def grow(self, count: int) -> list[bytes]:
        first = self.seq + 1
        self.seq += count
        new = [(seq, event(self.epoch, seq)) for seq in range(first, self.seq + 1)]
        self.log += new
        return [public for _, public in new]

    def subscribe(self, auction_id: str) -> None:
        self.subscribed = True

    def unsubscribe(self, auction_id: str) -> None:
        self.subscribed = False

    async def state(self, auction_id: str) -> Auction | None:
        found: Auction | None = await self._answer(self._state)
        return found

    async def since(self, auction_id: str, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = await self._answer(
            lambda: [entry for entry in self.log if entry[0] > after][:limit]
        )
        return found

    def answer(self, fail: bool = False) -> None:
        """All that is asked now."""
        asked, self._asked = self._asked, []
        for future, read in asked:
            if future.done():
                continue
            if fail:
                future.set_exception(StoreUnavailable())
            else:
                future.set_result(read())

    def _state(self) -> Auction | None:
        if not self.exists:
            return None
        terms = msgspec.structs.replace(listing(AUCTION), epoch=self.epoch)
        return Auction(
            listing=terms,
            status=Status.OPEN,
            seq=self.seq,
            price=self.seq,
            bid_count=self.seq,
            opened_at=T0,
            ends_at=T0 + 60_000,
        )

    async def _answer(self, read: Callable[[], Any]) -> Any:
        if self.at_once:
            return read()
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked.append((future, read))
        return await future


class CheckedReader:
    """Complains when it is told what does not follow from what it was told before."""

    def __init__(self, name: int, hub: Hub, faults: list[str]) -> None:
        self.name, self._hub, self._faults = name, hub, faults
        self.watching = False
        self.view: tuple[str, int] | None = None
        """Epoch and seq up to which it knows everything."""
        self.leaves_at_next_frame = False
        self._asked: dict[str, tuple[int | None, str | None]] = {}
        self._asks = 0

    def watch(self, after: int | None = None, epoch: str | None = None) -> None:
        self._asks += 1
        ref = f"{self.name}.{self._asks}"
        self._asked[ref] = (after, epoch)
        self.watching = True
        self._hub.watch(AUCTION, Wanted(self, after, epoch, ref))

    def resume(self) -> None:
        """As a client does that was away: from what it knows."""
        epoch, seq = self.view or (None, None)
        self.watch(seq, epoch)

    def unwatch(self) -> None:
        self.watching = False
        self._asked.clear()
        self._hub.unwatch(AUCTION, self)

    @property
    def waits(self) -> bool:
        return bool(self._asked)

    def send(self, frame: bytes) -> None:
        if not self.watching:
            self._faults.append(f"{self.name} is told {frame[:90]!r} though it has left")
        if self.leaves_at_next_frame:
            # What a session does whose queue overflows.
            self.leaves_at_next_frame = False
            self.unwatch()
            return
        try:
            for message in messages_of(frame):
                self._take(message)
        except AssertionError as error:
            # A reader never raises: whoever runs the test looks here.
            self._faults.append(f"{self.name}: {error}")

    def forget(self, auction_id: str) -> None:
        self.watching = False

    def _take(self, message: dict[str, Any]) -> None:
        ref = message.get("ref")
        assert ref is None or ref in self._asked, f"{ref} is answered twice, or was never asked"
        after, epoch = self._asked.pop(ref) if ref else (None, None)
        match message["type"]:
            case "snapshot":
                state = message["state"]
                assert state["seq"] == state["price"] == message["seq"], "a state of another moment"
                self.view = (message["epoch"], message["seq"])
            case "replay":
                assert after is not None, "a replay that nobody asked for"
                assert message["epoch"] == epoch, "a replay of another history"
                self.view = (message["epoch"], after)
                for missed in message["events"]:
                    self._lay(missed)
                assert self.view[1] == message["seq"], "a replay that ends too early"
            case "event":
                self._lay(message)
            case "error":
                assert message["code"] == "auction_not_found", message
                self.view = None
            case kind:
                assert kind == "viewers", kind

    def _lay(self, event: dict[str, Any]) -> None:
        assert self.view is not None, "an event before anything it could follow"
        epoch, seq = self.view
        assert (event["epoch"], event["seq"]) == (epoch, seq + 1), (
            f"{event['epoch']} {event['seq']} after {self.view}"
        )
        self.view = (epoch, seq + 1)
