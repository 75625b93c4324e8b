"""What the HTTP call of the audit trail gives (protocol, section 8)."""

from msgspec import Struct

from blytz.auction.http.schemas import PartyView
from blytz.show.acts import Act


class ActView(Struct, frozen=True):
    """`on` is the id of the lot, user, report or announcement that it was done to, if any; of a message that of
    its speaker."""

    at: int
    by: PartyView
    act: str
    on: str | None
    detail: str


class Acts(Struct, frozen=True):
    """The newest first."""

    acts: list[ActView]
    cursor: str | None


def act_view(act: Act) -> ActView:
    return ActView(act.at, PartyView(act.by.id, act.by.name), act.verb, act.on, act.detail)
