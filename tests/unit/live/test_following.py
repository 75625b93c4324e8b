"""Many followers are handled in slices, whatever they do meanwhile."""

from blytz.live.topics.fanout import SLICE
from blytz.live.topics.following import Following
from blytz.live.topics.hub import Hub
from blytz.show.events.view import ShowView
from tests.support.hub_readers import CheckedReader
from tests.support.show_json import closed, lot_json, opened, show_json
from tests.support.virtual_loop import VirtualLoop

SHOW, AUCTION, FOLLOWERS = "show:shw_1", "auction:auc_1", 1_000
AT_FIRST = 4 * SLICE
"""At most so many are handled in the few turns of the loop that `VirtualLoop.turn` takes."""


class Subscribed(Hub):
    """Counts who is subscribed to the auction; it is over when the test says so."""

    def __init__(self) -> None:
        self.readers_of_auction: list[object] = []
        self.over = False

    def follow(self, name: str, reader: object) -> None:
        assert (name, reader in self.readers_of_auction) == (AUCTION, False)
        self.readers_of_auction.append(reader)

    def unwatch(self, name: str, reader: object) -> None:
        assert name == AUCTION
        self.readers_of_auction.remove(reader)

    def is_over(self, name: str) -> bool:
        return self.over


class Follower(CheckedReader):
    def __init__(self, number: int, hub: Hub) -> None:
        super().__init__(number, hub, [], SHOW)
        self.followed: set[str] = set()

    def follow(self, topic: str) -> bool:
        self.followed.add(topic)
        return True

    def unfollow(self, topic: str) -> bool:
        was_there = topic in self.followed
        self.followed.discard(topic)
        return was_there


def test_followers_are_subscribed_and_released_in_slices_while_some_come_and_go() -> None:
    loop, hub = VirtualLoop(), Subscribed()
    following, subscribed = Following(hub), hub.readers_of_auction
    view = ShowView("shw_1", 0, "e1", show_json(), [lot_json(1)])
    followers = [Follower(number, hub) for number in range(FOLLOWERS)]
    for follower in followers:
        loop.act(following.add, SHOW, follower, view)

    view.apply({"seq": 1, "kind": "lot_opened", **opened(1, 1, "auc_1").public})
    loop.act(following.update, SHOW, view)
    loop.turn()
    assert 0 < len(subscribed) <= AT_FIRST
    first, last, late = followers[0], followers[-1], Follower(FOLLOWERS, hub)
    loop.act(following.remove, SHOW, first)
    loop.act(following.remove, SHOW, last)
    loop.act(following.add, SHOW, late, view)
    loop.pass_time(1)
    assert set(subscribed) == {*followers[1:-1], late}

    view.apply({"seq": 2, "kind": "lot_closed", **closed(2, 1, "auc_1").public})
    loop.act(following.update, SHOW, view)
    loop.act(following.sweep)
    loop.pass_time(1)
    assert len(subscribed) == FOLLOWERS - 1, "released before the closing event was delivered"

    hub.over = True
    loop.act(following.sweep)
    loop.turn()
    assert FOLLOWERS - 1 - AT_FIRST <= len(subscribed) < FOLLOWERS - 1
    loop.act(following.remove, SHOW, late)
    loop.pass_time(1)
    assert subscribed == []
    loop.act(following.close, SHOW)
    assert SHOW not in following
    loop.close()
