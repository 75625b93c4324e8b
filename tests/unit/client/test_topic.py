"""The state in a client equals that of the server, or it watches again."""

import pytest

from blytz.client.topic import Gap, Topic
from tests.support.watch_scenes import ID, JONAS, event, state


def watching(seq: int = 3) -> Topic:
    topic = Topic(ID)
    topic.watch_message()
    topic.take(snapshot(seq))
    return topic


def snapshot(seq: int, **changes: object) -> dict[str, object]:
    return {
        "type": "snapshot",
        "topic": f"auction:{ID}",
        "epoch": "e1",
        "seq": seq,
        "state": state(seq=seq, **changes),
    }


def test_the_first_watch_requests_everything() -> None:
    assert Topic(ID).watch_message() == {"type": "watch", "topic": f"auction:{ID}", "ref": f"auction:{ID}"}


def test_a_later_watch_requests_what_is_missing() -> None:
    message = watching(17).watch_message()
    assert (message["after"], message["epoch"]) == (17, "e1")


def test_an_event_updates_the_state() -> None:
    topic = watching()

    assert topic.take(event(4, price=200, minimum=300, leader=JONAS, bidder=JONAS, bid_count=24)) != []

    assert topic.state is not None
    assert (topic.seq, topic.state["seq"], topic.state["price"], topic.state["leader"]) == (4, 4, 200, JONAS)
    assert topic.state["title"] == state()["title"]
    assert "bidder" not in topic.state


def test_a_known_event_changes_nothing() -> None:
    topic = watching(5)
    assert topic.take(event(5, price=1)) == []
    assert topic.state == state(seq=5)


def test_after_a_gap_events_are_ignored_until_the_answer_to_a_new_watch() -> None:
    topic = watching(3)
    with pytest.raises(Gap):
        topic.take(event(5, price=1))
    assert (topic.gaps, topic.seq) == (1, 3)

    assert topic.watch_message()["after"] == 3
    assert topic.take(event(6)) == []
    replay = {
        "type": "replay",
        "topic": topic.name,
        "epoch": "e1",
        "seq": 6,
        "events": [event(4), event(5), event(6)],
    }
    assert [each["seq"] for each in topic.take(replay)] == [4, 5, 6]
    assert [each["seq"] for each in topic.take(event(7))] == [7]


def test_a_new_epoch_starts_from_its_snapshot() -> None:
    topic = watching(30)
    topic.take({**snapshot(2), "epoch": "e2"})
    assert (topic.seq, topic.epoch, topic.snapshots) == (2, "e2", 2)


def test_the_viewer_count_is_kept() -> None:
    topic = watching()
    topic.take({"type": "viewers", "topic": topic.name, "count": 7})
    assert topic.viewers == 7
