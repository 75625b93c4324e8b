"""Writes on the socket that are sent until there is an answer: bids and chat messages."""

import asyncio
import itertools
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace


class BidResult(Struct, frozen=True):
    """`pending` means that the outcome is not known yet: the same bid_id may be sent again."""

    bid_id: str
    outcome: Literal["accepted", "outbid", "refused", "pending"]
    code: str | None = None
    seq: int | None = None
    price: int | None = None
    minimum: int | None = None
    ends_at: int | None = None
    replayed: bool = False
    detail: str | None = None


class SayResult(Struct, frozen=True):
    """`pending` means that the outcome is not known yet: the same message_id may be sent again."""

    message_id: str
    outcome: Literal["said", "refused", "pending"]
    code: str | None = None
    seq: int | None = None
    retry_after_ms: int | None = None
    """When a refused message may be said, where that is known."""
    detail: str | None = None


Result = BidResult | SayResult
_ANSWERS: Final[dict[str, type[Result]]] = {"bid_result": BidResult, "say_result": SayResult}


class Pending:
    """One write without an answer. `last` is what is known of it meanwhile, `ref` that of the copy sent last."""

    def __init__(self, message: dict[str, Any], last: Result) -> None:
        self.message, self.last = message, last
        self.ref = ""
        self.result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()


class PendingWrites:
    """In the order in which they were added.

    Each copy that is sent has a `ref` of its own, and only the answer to the last one counts: what is refused is
    not remembered, so an earlier copy of a bid may be refused and a later one lead.
    """

    def __init__(self) -> None:
        self._writes: list[Pending] = []
        self._by_ref: dict[str, Pending] = {}
        self._numbers = itertools.count(1)

    def add(self, message: dict[str, Any], last: Result) -> Pending:
        pending = Pending(message, last)
        self._writes.append(pending)
        return pending

    def remove(self, pending: Pending) -> None:
        self._writes.remove(pending)
        self._by_ref.pop(pending.ref, None)

    def copy(self, pending: Pending) -> dict[str, Any]:
        """What to send: the answer to an earlier copy is not taken any more."""
        self._by_ref.pop(pending.ref, None)
        pending.ref = f"write-{next(self._numbers)}"
        self._by_ref[pending.ref] = pending
        return {**pending.message, "ref": pending.ref}

    def is_to_send(self, pending: Pending) -> bool:
        """False when it was given up, or a copy that was sent meanwhile waits for its answer."""
        return pending in self._writes and pending.ref not in self._by_ref

    def copies(self) -> list[dict[str, Any]]:
        """Of all that have no answer, for a new connection."""
        return [self.copy(pending) for pending in self._writes if not pending.result.done()]

    def answer(self, message: dict[str, Any]) -> Pending | None:
        """Gives a `bid_result` or `say_result` to the write that waits for it. What is returned is to be sent
        again: the server does not know yet."""
        pending = self._by_ref.pop(message.get("ref", ""), None)
        if pending is None:
            return None
        kind = _ANSWERS[message["type"]]
        result = kind(**{name: message[name] for name in kind.__struct_fields__ if name in message})
        if result.outcome != "pending" and result.code != "store_unavailable":
            pending.result.set_result(result)
            return None
        pending.last = replace(result, outcome="pending")
        return pending

    def refuse(self, ref: str, code: str, detail: str | None) -> bool:
        """After an `error`. False when no write waits under this ref."""
        pending = self._by_ref.pop(ref, None)
        if pending:
            pending.result.set_result(replace(pending.last, outcome="refused", code=code, detail=detail))
        return pending is not None
