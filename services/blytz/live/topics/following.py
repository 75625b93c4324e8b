"""Who follows a topic is subscribed to the topics that it opens: who follows a show, to the auctions of its lots.

A follower is subscribed to an auction from when its lot opens until the auction's closing event was delivered, in
whatever order the show and the auction say that it is over. Followers are handled in slices, as readers are.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Protocol

from blytz.kit.topics import TopicState
from blytz.live.topics.fanout import SLICE, Reader


class Topics(Protocol):
    """The hub."""

    def follow(self, name: str, reader: Reader) -> None:
        """Subscribe the reader, its snapshot first."""

    def unwatch(self, name: str, reader: Reader) -> None: ...

    def is_over(self, name: str) -> bool:
        """Whether every reader has the last event of this topic, or it has no readers."""


class _Followed:
    """A topic that is followed."""

    def __init__(self) -> None:
        self.readers: dict[Reader, None] = {}
        self.opened: dict[str, bool] = {}
        """The topics that its followers are subscribed to; False for one that is closed, and whose last event may
        still be on its way."""


class Following:
    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._followed: dict[str, _Followed] = {}
        self._due: deque[tuple[Callable[[Reader], None], Iterator[Reader]]] = deque()
        """What is to be done for which readers."""
        self._timer: asyncio.Handle | None = None

    def __contains__(self, name: str) -> bool:
        """Whether somebody follows this topic."""
        return name in self._followed

    def add(self, name: str, reader: Reader, state: TopicState) -> None:
        """The reader has been sent the topic up to `state`, and follows it from now on."""
        followed = self._followed.get(name)
        if followed is None:
            followed = self._followed[name] = _Followed()
            # What was opened before anybody followed is known from the state.
            state.take_opened()
        self.update(name, state)
        followed.readers[reader] = None
        for opened in [each for each, is_open in followed.opened.items() if is_open]:
            self._subscribe(followed, opened, reader)

    def remove(self, name: str, reader: Reader) -> None:
        """It follows the topic no more. Nothing happens when it did not."""
        followed = self._followed.get(name)
        if followed is None or reader not in followed.readers:
            return
        del followed.readers[reader]
        if not followed.readers:
            del self._followed[name]
        for opened in followed.opened:
            self._release(opened, reader)

    def close(self, name: str) -> None:
        """The topic has ended for all its readers."""
        if name in self._followed:
            for reader in list(self._followed[name].readers):
                self.remove(name, reader)

    def update(self, name: str, state: TopicState) -> None:
        """The readers of a followed topic were sent everything up to `state`."""
        followed = self._followed[name]
        open_now = state.open_topics()
        for opened in (open_now | state.take_opened()) - followed.opened.keys():
            followed.opened[opened] = True
            self._do(partial(self._subscribe, followed, opened), followed)
        for opened in followed.opened:
            followed.opened[opened] = opened in open_now

    def sweep(self) -> None:
        """To be called each second: unsubscribes followers from what is closed and was delivered to the end."""
        if self._due:
            return
        for followed in self._followed.values():
            closed = [each for each, is_open in followed.opened.items() if not is_open]
            for name in filter(self._topics.is_over, closed):
                del followed.opened[name]
                self._do(partial(self._release, name), followed)

    def _subscribe(self, followed: _Followed, name: str, reader: Reader) -> None:
        # It may have left since this was due.
        if reader in followed.readers and reader.follow(name):
            self._topics.follow(name, reader)

    def _release(self, name: str, reader: Reader) -> None:
        if reader.unfollow(name):
            self._topics.unwatch(name, reader)

    def _do(self, act: Callable[[Reader], None], followed: _Followed) -> None:
        self._due.append((act, iter(list(followed.readers))))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """One slice; other work of the process comes before the next."""
        self._timer = None
        act, readers = self._due[0]
        some = list(islice(readers, SLICE))
        for reader in some:
            act(reader)
        if len(some) < SLICE:
            self._due.popleft()
        if self._due:
            self._timer = asyncio.get_running_loop().call_soon(self._turn)
