"""A thousand viewers in one process each check every event."""

from typing import Any

import msgspec

from blytz.client.clock import RemoteClock
from blytz.simulate.viewers import DIGESTS, Crowd, Digest
from tests.support.watch_scenes import event


def frame(*messages: dict[str, Any]) -> bytes:
    return msgspec.json.encode(messages[0] if len(messages) == 1 else list(messages))


def crowd() -> Crowd:
    clock = RemoteClock()
    clock.sample(100.0, 100.0, 100_000)
    clock.ahead_s = 0.0
    return Crowd("ws://nowhere", "auction:auc_1", clock)


def test_a_frame_is_decoded_once_for_all_viewers() -> None:
    viewers = crowd()
    first, second = frame(event(2), event(3)), frame(event(4))
    known = viewers.digest(first)

    assert viewers.digest(second) is not known
    assert viewers.digest(bytes(bytearray(first))) is known
    assert (known.first, known.last) == (2, 3)


def test_a_frame_for_one_viewer_is_not_cached() -> None:
    viewers = crowd()
    snapshot = frame({"type": "snapshot", "topic": "auction:auc_1", "epoch": "e", "seq": 1, "state": {}})
    assert viewers.digest(snapshot) is not viewers.digest(snapshot)


def test_viewer_counts_are_not_counted_as_events() -> None:
    digest = Digest(frame({"type": "viewers", "topic": "auction:auc_1", "count": 3}))
    assert (digest.first, digest.last, digest.others) == (0, 0, [])


def test_delays_are_counted_for_each_viewer_and_event() -> None:
    viewers = crowd()
    viewers.sent_at[2] = 99.990
    digest = viewers.digest(frame(event(2, at=100_000), event(3, at=100_005)))
    digest.viewers_by_delay = {1_000_100: 2, 1_000_300: 1}
    viewers.finish()

    fan_out, bid_to_view = viewers.fan_out.percentiles(), viewers.bid_to_view.percentiles()
    assert viewers.deliveries == 6
    assert (fan_out.samples, fan_out.p50, fan_out.longest) == (6, 10.0, 30.0)
    assert (bid_to_view.samples, bid_to_view.p50, bid_to_view.longest) == (3, 20.0, 40.0)


def test_memory_is_bounded_and_every_delivery_is_counted() -> None:
    viewers = crowd()
    for seq in range(1, 2 * DIGESTS + 1):
        viewers.digest(frame(event(seq, at=100_000))).viewers_by_delay[1_000_010] = 1
    assert viewers.deliveries == DIGESTS
    viewers.finish()
    assert viewers.deliveries == 2 * DIGESTS
