"""The names of everything that shows have in Redis.

Every key of a show carries its id as hash tag, so that one script may touch them all on a cluster.
"""

from functools import lru_cache


class Keys:
    """The keys of one show, in the order in which scripts take them."""

    def __init__(self, show_id: str) -> None:
        root = f"show:{{{show_id}}}"
        self.state = root.encode()
        self.lots = f"{root}:lots".encode()
        self.positions = f"{root}:positions".encode()
        self.events = f"{root}:events".encode()
        self.messages = f"{root}:messages".encode()
        self.said = f"{root}:said".encode()
        self.spoke = f"{root}:spoke".encode()
        self.feed = f"{root}:feed".encode()
        self.mutes = f"{root}:mutes".encode()
        self.blocked = f"{root}:blocked".encode()
        self.viewers = f"{root}:viewers".encode()
        self.with_an_end = (
            self.state,
            self.lots,
            self.positions,
            self.events,
            self.messages,
            self.said,
            self.spoke,
        )
        """They expire together; `common.lua` says when."""
        self.of_log = (*self.with_an_end, self.feed)
        self.of_chat = (*self.of_log, self.mutes, self.blocked)


keys_of = lru_cache(maxsize=4_096)(Keys)
