"""The log of one auction or show in memory, and readers of a hub that report each gap, repeat and wrong state."""

import asyncio
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any

import msgspec

from blytz.auction.model import Auction, Status
from blytz.kit.problems import StoreUnavailable
from blytz.kit.topics import TopicState
from blytz.live.redis.auction_topics import AuctionTopicState
from blytz.live.topics.hub import Hub
from blytz.live.topics.source import Reading
from blytz.live.topics.watch_request import WatchRequest
from blytz.show.events.view import ShowView
from tests.support.auctions import T0, listing

TOPICS = {"auction": "auction:auc_1", "show": "show:shw_1"}
LOTS = 7
"""Event `seq` of a show changes the lot `seq % LOTS`, so its state follows from the last events together."""
PRICES_OF_A_DATASET = 1_000_000


def lot(seq: int, price: int) -> dict[str, Any]:
    return {"lot_id": f"lot_{seq % LOTS}", "position": seq % LOTS, "status": "queued", "price": price}


def show_event(seq: int, price: int, previous: int) -> bytes:
    said = {"seq": seq, "kind": "lot_changed", "at": T0 + seq, "previous": previous, "price": price}
    return msgspec.json.encode({**said, "lot": lot(seq, price)})


def auction_event(seq: int, price: int, previous: int) -> bytes:
    """`price` is different in each event of each history, and `previous` is that of the event before it."""
    return msgspec.json.encode(
        {
            "seq": seq,
            "kind": "bid",
            "at": T0 + seq,
            "previous": previous,
            "status": "open",
            "price": price,
            "minimum": price + 1,
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
    """Decoded once for all readers of the same frame."""
    received = msgspec.json.decode(frame)
    return received if isinstance(received, list) else [received]


class MemorySource:
    """Answers reads at once or when `answer` is called: with the state at that time, or `StoreUnavailable`."""

    def __init__(self, kind: str = "auction") -> None:
        self.topic = TOPICS[kind]
        self.epoch = "e1"
        self.prices = [0]
        """By `seq`."""
        self._datasets = 1
        self.log: list[tuple[int, bytes]] = []
        self.subscribed = False
        self.reads = 0
        self.at_once = True
        self._asked: list[tuple[asyncio.Future[Any], Callable[[], Any]]] = []

    def grow(self, count: int) -> list[bytes]:
        new, event = [], show_event if self.topic == TOPICS["show"] else auction_event
        for seq in range(self.seq + 1, self.seq + count + 1):
            self.prices.append(seq + self._datasets * PRICES_OF_A_DATASET)
            new.append((seq, event(seq, self.prices[-1], self.prices[-2])))
        self.log += new
        return [public for _, public in new]

    @property
    def seq(self) -> int:
        return len(self.prices) - 1

    @property
    def epoch_of_topic(self) -> str:
        return f"{self.epoch}-d{self._datasets}"

    def lose(self, count: int) -> None:
        """Loses the last events, as after a restored backup or the promotion of a replica that was behind."""
        self._datasets += 1
        del self.prices[max(1, len(self.prices) - count) :]
        self.log = [entry for entry in self.log if entry[0] <= self.seq]

    def subscribe(self, topic: str) -> None:
        self.subscribed = True

    def unsubscribe(self, topic: str) -> None:
        self.subscribed = False

    async def dataset(self) -> str:
        found: str = await self._answer(lambda: f"d{self._datasets}")
        return found

    async def read(self, topic: str, after: int | None, limit: int) -> Reading:
        def read() -> Reading:
            found = self.log[-limit:] if after is None else [each for each in self.log if each[0] > after][:limit]
            return Reading(self._state(), found, f"d{self._datasets}")

        self.reads += 1
        reading: Reading = await self._answer(read)
        return reading

    def answer(self, fail: bool = False) -> None:
        """Answers all waiting reads."""
        asked, self._asked = self._asked, []
        for future, read in asked:
            if future.done():
                continue
            if fail:
                future.set_exception(StoreUnavailable())
            else:
                future.set_result(read())

    def _state(self) -> TopicState:
        if self.topic == TOPICS["show"]:
            lots = [lot(seq, self.prices[seq]) for seq in range(max(1, self.seq - LOTS + 1), self.seq + 1)]
            return ShowView("shw_1", self.seq, self.epoch, {}, lots)
        terms = msgspec.structs.replace(listing("auc_1"), epoch=self.epoch)
        auction = Auction(
            listing=terms,
            status=Status.OPEN,
            seq=self.seq,
            price=self.prices[-1],
            bid_count=self.seq,
            opened_at=T0,
            ends_at=T0 + 60_000,
        )
        return AuctionTopicState(auction)

    async def _answer(self, read: Callable[[], Any]) -> Any:
        if self.at_once:
            return read()
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked.append((future, read))
        return await future


def _price_of(state: dict[str, Any]) -> int:
    """That of the last event. Of a show each lot is checked."""
    if "lots" not in state:
        return int(state["price"])
    found, seq = {lot["lot_id"]: lot["price"] for lot in state["lots"]}, state["seq"]
    changed = range(max(1, seq - LOTS + 1), seq + 1)
    prices = [found.pop(f"lot_{each % LOTS}") for each in changed]
    assert [price % PRICES_OF_A_DATASET for price in prices] == [*changed], (
        "a lot is not as its last event left it"
    )
    assert not found
    return prices[-1] if prices else 0


class CheckedReader:
    """Reports a fault for each message that does not follow from the messages before it."""

    def __init__(self, name: int, hub: Hub, faults: list[str], topic: str) -> None:
        self.name, self._hub, self._faults, self._topic = name, hub, faults, topic
        self.watching = False
        self.view: tuple[str, int, int | None] | None = None
        """Epoch, seq up to which it knows everything, and the price then."""
        self.leaves_at_next_frame = False
        self.queue_holds = 10**9
        self.frames = 0
        self._asked: dict[str, tuple[int | None, str | None]] = {}
        self._asks = 0

    def watch(self, after: int | None = None, epoch: str | None = None) -> None:
        self._asks += 1
        ref = f"{self.name}.{self._asks}"
        self._asked[ref] = (after, epoch)
        self.watching = True
        self._hub.watch(self._topic, WatchRequest(self, after, epoch, ref))

    def resume(self) -> None:
        """Watches from the last known event, as a client does after a disconnect."""
        epoch, seq, _ = self.view or (None, None, None)
        self.watch(seq, epoch)

    def unwatch(self) -> None:
        self.watching = False
        self._asked.clear()
        self._hub.unwatch(self._topic, self)

    @property
    def is_waiting(self) -> bool:
        return bool(self._asked)

    def send(self, frame: bytes) -> None:
        self.frames += 1
        if not self.watching:
            self._faults.append(f"{self.name} received {frame[:90]!r} after it unsubscribed")
        if self.leaves_at_next_frame:
            # As a connection does whose queue overflows.
            self.leaves_at_next_frame = False
            self.unwatch()
            return
        try:
            for message in messages_of(frame):
                self._take(message, len(frame))
        except AssertionError as error:
            # A reader must not raise inside the hub, so faults are collected.
            self._faults.append(f"{self.name}: {error}")

    def can_queue(self, size: int) -> bool:
        return size <= self.queue_holds

    def unsubscribed(self, topic: str) -> None:
        self.watching = False

    def follow(self, topic: str) -> bool:
        return True

    def unfollow(self, topic: str) -> bool:
        return True

    def may_read(self, readers: Collection[str]) -> bool:
        return False

    def _take(self, message: dict[str, Any], size: int) -> None:
        ref = message.get("ref")
        assert ref is None or ref in self._asked, f"{ref} is answered twice, or was never sent"
        after, epoch = self._asked.pop(ref) if ref else (None, None)
        match message["type"]:
            case "snapshot":
                seq, price = message["seq"], _price_of(message["state"])
                assert message["state"]["seq"] == price % PRICES_OF_A_DATASET == seq, (
                    "the state is not the one after this event"
                )
                self.view = (message["epoch"], seq, price)
            case "replay":
                assert after is not None, "a replay that was not requested"
                assert message["epoch"] == epoch, "a replay of another epoch"
                assert size <= self.queue_holds, "a replay larger than the send queue"
                events = message["events"]
                if self.view is None or self.view[:2] != (epoch, after):
                    # It requested a position that it had not reached.
                    self.view = (message["epoch"], after, None)
                for missed in events:
                    self._apply(missed)
                assert self.view[1] == message["seq"], "a replay that is not complete"
            case "event":
                self._apply(message)
            case "error":
                assert message["code"] == "rate_limited", message
                assert self._asked, "a second request refused though the first was answered"
            case kind:
                assert kind == "viewers", kind

    def _apply(self, event: dict[str, Any]) -> None:
        assert self.view is not None, "an event before a snapshot or replay"
        epoch, seq, price = self.view
        assert event["seq"] == seq + 1, f"{event['seq']} follows {self.view}"
        assert event["previous"] == (price or event["previous"]), f"{event} follows {self.view}"
        self.view = (epoch, seq + 1, event["price"])
