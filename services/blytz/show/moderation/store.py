"""The port to the chat rules of sellers."""

from collections.abc import Sequence
from typing import Protocol

from blytz.show.acts import Act
from blytz.show.chat.rules import ChatRules


class ChatRulesStore(Protocol):
    """Every call is one transaction. All raise `StoreUnavailable` and `Overloaded`."""

    async def chat_rules(self, seller_id: str) -> ChatRules: ...

    async def set_chat_rules(self, seller_id: str, rules: ChatRules, act: Act) -> Sequence[str]:
        """With the intents to tell the chats of those shows of the seller that are on; it gives their ids. Nothing
        is done, and no act recorded, when the rules are these already."""
