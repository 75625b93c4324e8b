"""Decides a whole offer again from its listing and its log, to check whether the log is consistent. Pure: the
caller reads the log. Every event is decided anew by the rules and compared with what was published, byte for byte.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from blytz.auction.model import Cause, Event, Party
from blytz.auction.replay import Difference, Entry
from blytz.offer import rules
from blytz.offer.model import Offer, OfferListing, Purchase, PurchaseReceipt, Verb

_VERBS: Final[dict[str, Verb]] = {
    "paused": "pause",
    "resumed": "resume",
    "closed": "close",
    "cancelled": "cancel",
}
_object = msgspec.json.Decoder(dict[str, Any])


class Replay:
    """What the log makes of an offer, step by step."""

    def __init__(self, listing: OfferListing) -> None:
        self._listing = listing
        self.offer: Offer | None = None
        """None before the first event."""
        self.seen: dict[tuple[str, str], PurchaseReceipt] = {}
        """The answer to each purchase, by (buyer id, purchase_id)."""
        self._bought: dict[str, int] = defaultdict(int)
        self._due: list[Event] = []
        """Events that the step before made and that must therefore come next."""

    def add(self, entry: Entry) -> None:
        """Raises `Difference` when the rules do not make this entry of the log."""
        seq = 1 + (self.offer.seq if self.offer else 0) - len(self._due)
        where = f"event {seq}"
        if entry.id != f"{seq}-0":
            raise Difference(where, f"expected the entry id {seq}-0, found {entry.id}")
        if not self._due:
            try:
                self._due = list(self._decide(_object.decode(entry.public), _object.decode(entry.private), where))
            except (KeyError, TypeError, msgspec.MsgspecError) as error:
                raise Difference(where, f"cannot be read: {error!r}") from error
        made = self._due.pop(0)
        if msgspec.json.encode(made.public) != entry.public or made.private != _object.decode(entry.private):
            raise Difference(where, f"the rules give {made}, found {entry.public!r} {entry.private!r}")

    def end(self) -> Offer | None:
        """The offer after the last entry. Raises `Difference` when the log ends within a step."""
        if self._due:
            raise Difference(
                f"event {self._due[0].seq}", f"is missing: the log ends before its {self._due[0].kind!r}"
            )
        return self.offer

    def _decide(self, public: dict[str, Any], private: dict[str, Any], where: str) -> tuple[Event, ...]:
        """Do again what this entry says was done."""
        kind, at, cause = public["kind"], public["at"], Cause(private["actor"], private["request_id"])
        decided: object
        if self.offer is None:
            decided = rules.open_offer(self._listing, cause, at)
        elif kind == "purchase":
            asked = Purchase(msgspec.convert(public["buyer"], Party), private["purchase_id"], public["quantity"])
            key, bought = (asked.buyer.id, asked.purchase_id), self._bought[asked.buyer.id]
            # The buyer's standings are not in the log: one whose purchase was recorded met the requirements then.
            met = self._listing.requirements
            decided = rules.purchase(self.offer, asked, self.seen.get(key), bought, met, cause, at)
            if isinstance(decided, rules.Recorded):
                self.seen[key] = decided.receipt
                self._bought[asked.buyer.id] += asked.quantity
        else:
            decided = rules.change(self.offer, _VERBS[kind], cause, at, public.get("reason", "seller"))
        if not isinstance(decided, rules.Change | rules.Recorded) or not decided.events:
            raise Difference(where, f"the rules do not allow {kind!r} here: {decided}")
        self.offer = decided.offer
        return decided.events


def replay(listing: OfferListing, log: Iterable[Entry]) -> Offer | None:
    """The offer after this log; None when it is empty. Raises `Difference` at the first event that the rules do
    not make."""
    replayed = Replay(listing)
    for entry in log:
        replayed.add(entry)
    return replayed.end()
