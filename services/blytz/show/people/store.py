"""The port to moderators, approvals and blocks."""

from collections.abc import Sequence
from typing import Protocol

from blytz.show.acts import Act
from blytz.show.model import ShowCode
from blytz.show.people.model import Block, BlockPage, Moderator
from blytz.show.store import People


class PeopleStore(People, Protocol):
    """Every call is one transaction, in which its act is recorded when it changes anything; with a change of the
    moderators it also leaves the intent to tell those who watch the show. All raise
    `StoreUnavailable` and `Overloaded`."""

    async def name_moderator(self, show_id: str, moderator: Moderator, act: Act) -> Moderator | ShowCode:
        """Naming the same user again changes their name. Refuses `show_not_found`, `show_over` and `too_many`."""

    async def remove_moderator(self, show_id: str, user_id: str, act: Act) -> None: ...

    async def moderators(self, show_id: str) -> Sequence[Moderator]:
        """In the order in which they were named; `MAX_MODERATORS` at most."""

    async def approve(self, show_id: str, user_id: str, act: Act) -> ShowCode | None:
        """Refuses `show_not_found`, `show_over` and `too_many`. Approving twice is approving once."""

    async def withdraw_approval(self, show_id: str, user_id: str, act: Act) -> None: ...

    async def is_approved(self, show_id: str, user_id: str) -> bool: ...

    async def block(self, seller_id: str, block: Block, act: Act) -> Block | ShowCode:
        """A user who is blocked already stays so since then. Refuses `too_many`."""

    async def unblock(self, seller_id: str, user_id: str, act: Act) -> None: ...

    async def blocks(self, seller_id: str, cursor: str | None, limit: int) -> BlockPage:
        """The newest first."""
