"""What sellers may do with the rules of their chats."""

from collections.abc import Callable
from typing import Final

import msgspec

from blytz.auction.model import Party
from blytz.identity import Principal
from blytz.kit.problems import Forbidden
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.show.acts import Act, Verb
from blytz.show.chat.rules import ChatRules
from blytz.show.moderation.store import ChatRulesStore
from blytz.show.service import BYTES_OF_ROW, ShowService

FORBIDDEN: Final = Forbidden("only a seller has chat rules")


class ChatRulesService:
    """For sellers, each with their own. Raises `Forbidden`, `RateLimited` and what the store raises."""

    def __init__(
        self,
        store: ChatRulesStore,
        shows: ShowService,
        now: Callable[[], int],
        stored_bytes_of_user: UserLimit | None = None,
    ) -> None:
        """`now` is in milliseconds since the Unix epoch, on the Redis clock."""
        self._store = store
        self._shows = shows
        self._now = now
        self._stored_bytes_of_user = stored_bytes_of_user

    async def get(self, seller: Principal) -> ChatRules:
        _require_seller(seller)
        return await self._store.chat_rules(seller.id)

    async def set(self, seller: Principal, rules: ChatRules) -> None:
        """For all of their shows, those that are on included: within a few seconds."""
        _require_seller(seller)
        if self._stored_bytes_of_user is not None:
            self._stored_bytes_of_user.take(seller.id, BYTES_OF_ROW + len(msgspec.json.encode(rules)))
        act = Act(
            verb=Verb.CHAT_RULES_CHANGED,
            by=Party(seller.id, seller.name),
            at=self._now(),
            seller_id=seller.id,
            detail=f"words: {len(rules.words)} ({rules.on_match}), links: {rules.links}",
        )
        for show_id in await self._store.set_chat_rules(seller.id, rules, act):
            await self._shows.tell(show_id)


def _require_seller(caller: Principal) -> None:
    if not caller.has("seller", "admin"):
        raise FORBIDDEN
