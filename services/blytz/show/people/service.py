"""What a seller decides about other users: checks who may, asks the store, then tells those who decide bids."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from blytz.auction.model import Party
from blytz.identity import Principal
from blytz.kit.problems import Conflict, Forbidden
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.show.acts import Act, Verb
from blytz.show.model import ShowCode
from blytz.show.people.model import MAX_APPROVALS, MAX_BLOCKS, MAX_MODERATORS, Block, BlockPage, Moderator
from blytz.show.people.store import PeopleStore
from blytz.show.service import ShowService, refusal

BYTES_OF_ROW: Final = 1_000
"""What a row takes up with its act and its indexes; at most."""

T = TypeVar("T")
OnChange = Callable[[str, str, bool], Awaitable[None]]
"""A show or seller, a user, and what holds from now on. May raise `StoreUnavailable` and `Overloaded`."""


def too_many(most: int, what: str) -> Conflict:
    return Conflict(f"at most {most} {what} can be kept; remove one first", code=ShowCode.TOO_MANY)


TOO_MANY_MODERATORS: Final = too_many(MAX_MODERATORS, "moderators of a show")
TOO_MANY_APPROVALS: Final = too_many(MAX_APPROVALS, "approvals of a show")
TOO_MANY_BLOCKS: Final = too_many(MAX_BLOCKS, "blocks of a seller")


async def nothing_to_tell(subject_id: str, user_id: str, holds: bool) -> None:
    """For a platform in which nobody decides bids."""


class PeopleService:
    """Raises `Forbidden`, `NotFound`, `Conflict`, `RateLimited` and what the store raises.

    `on_block` (seller, user, is blocked) and `on_approval` (show, user, is approved) are awaited after the
    decision is stored, also when it was stored before: a call that is repeated after a failure of theirs tells
    them again."""

    def __init__(
        self,
        store: PeopleStore,
        shows: ShowService,
        now: Callable[[], int],
        stored_bytes_of_user: UserLimit | None = None,
        on_block: OnChange = nothing_to_tell,
        on_approval: OnChange = nothing_to_tell,
    ) -> None:
        """`now` is in milliseconds since the Unix epoch, on the Redis clock."""
        self._store = store
        self._shows = shows
        self._now = now
        self._stored_bytes_of_user = stored_bytes_of_user
        self._on_block = on_block
        self._on_approval = on_approval

    async def name_moderator(self, caller: Principal, show_id: str, user_id: str, name: str) -> Moderator:
        """For the show's seller and admins. The role ends with the show. Naming a user again changes the name."""
        show = await self._shows.own_show(caller, show_id)
        self._take_bytes(caller)
        moderator = Moderator(user_id, name, self._now())
        act = self._shows.act(Verb.MODERATOR_NAMED, caller, show, user_id, name)
        named = _done(await self._store.name_moderator(show_id, moderator, act), TOO_MANY_MODERATORS)
        await self._shows.tell(show_id)
        return named

    async def remove_moderator(self, caller: Principal, show_id: str, user_id: str) -> None:
        """For the show's seller and admins. Removing one twice is removing them once."""
        show = await self._shows.own_show(caller, show_id)
        act = self._shows.act(Verb.MODERATOR_REMOVED, caller, show, user_id)
        await self._store.remove_moderator(show_id, user_id, act)
        await self._shows.tell(show_id)

    async def moderators(self, show_id: str, reader: Principal | None) -> Sequence[Moderator]:
        """For those who may see the show."""
        await self._shows.get(show_id, reader)
        return await self._store.moderators(show_id)

    async def set_approval(self, caller: Principal, show_id: str, user_id: str, *, approved: bool) -> None:
        """For the show's seller and admins."""
        show = await self._shows.own_show(caller, show_id)
        verb = Verb.BIDDER_APPROVED if approved else Verb.APPROVAL_WITHDRAWN
        act = self._shows.act(verb, caller, show, user_id)
        if approved:
            self._take_bytes(caller)
            code = await self._store.approve(show_id, user_id, act)
            if code is not None:
                raise _refused(code, TOO_MANY_APPROVALS)
        else:
            await self._store.withdraw_approval(show_id, user_id, act)
        await self._on_approval(show_id, user_id, approved)

    async def block(self, seller: Principal, user_id: str) -> Block:
        """For sellers, in all of their own shows."""
        self._require_seller(seller)
        self._take_bytes(seller)
        block = Block(user_id, self._now())
        result = await self._store.block(seller.id, block, self._own_act(Verb.USER_BLOCKED, seller, user_id))
        stored = _done(result, TOO_MANY_BLOCKS)
        await self._on_block(seller.id, user_id, True)
        return stored

    async def unblock(self, seller: Principal, user_id: str) -> None:
        """For sellers. Unblocking a user who is not blocked changes nothing."""
        self._require_seller(seller)
        await self._store.unblock(seller.id, user_id, self._own_act(Verb.USER_UNBLOCKED, seller, user_id))
        await self._on_block(seller.id, user_id, False)

    async def blocks(self, seller: Principal, cursor: str | None, limit: int) -> BlockPage:
        """For sellers: their own, the newest first."""
        self._require_seller(seller)
        return await self._store.blocks(seller.id, cursor, limit)

    @staticmethod
    def _require_seller(caller: Principal) -> None:
        if not caller.has("seller", "admin"):
            raise Forbidden("only a seller may block users")

    def _own_act(self, verb: Verb, seller: Principal, user_id: str) -> Act:
        by = Party(seller.id, seller.name)
        return Act(verb=verb, by=by, at=self._now(), seller_id=seller.id, on=user_id)

    def _take_bytes(self, user: Principal) -> None:
        if self._stored_bytes_of_user is not None:
            self._stored_bytes_of_user.take(user.id, BYTES_OF_ROW)


def _refused(code: ShowCode, too_many_of_them: Conflict) -> Exception:
    return too_many_of_them if code is ShowCode.TOO_MANY else refusal(code)


def _done(result: T | ShowCode, too_many_of_them: Conflict) -> T:
    if isinstance(result, ShowCode):
        raise _refused(result, too_many_of_them)
    return result
