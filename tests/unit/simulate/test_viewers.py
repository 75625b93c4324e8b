"""A thousand viewers in one process still check every event, each for itself."""

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
    everybody = crowd()
    first, second = frame(event(2), event(3)), frame(event(4))
    known = everybody.digest(first)

    assert everybody.digest(second) is not known
    assert everybody.digest(bytes(bytearray(first))) is known
    assert (known.first, known.last) == (2, 3)


def test_a_frame_for_one_viewer_is_not_cached() -> None:
    everybody = crowd()
    snapshot = frame({"type": "snapshot", "topic": "auction:auc_1", "epoch": "e", "seq": 1, "state": {}})
    assert everybody.digest(snapshot) is not everybody.digest(snapshot)


def test_viewer_counts_are_not_counted_as_events() -> None:
    digest = Digest(frame({"type": "viewers", "topic": "auction:auc_1", "count": 3}))
    assert (digest.first, digest.last, digest.others) == (0, 0, [])


def test_delays_are_counted_for_each_viewer_and_event() -> None:
    everybody = crowd()
    everybody.sent_at[2] = 99.990
    digest = everybody.digest(frame(event(2, at=100_000), event(3, at=100_005)))
    digest.viewers_by_delay = {1_000_100: 2, 1_000_300: 1}
    everybody.finish()

    fan_out, bid_to_view = everybody.fan_out.percentiles(), everybody.bid_to_view.percentiles()
    assert everybody.deliveries == 6
    assert (fan_out.samples, fan_out.p50, fan_out.longest) == (6, 10.0, 30.0)
    assert (bid_to_view.samples, bid_to_view.p50, bid_to_view.longest) == (3, 20.0, 40.0)


def test_memory_is_bounded_and_every_delivery_is_counted() -> None:
    everybody = crowd()
    for seq in range(1, 2 * DIGESTS + 1):
        everybody.digest(frame(event(seq, at=100_000))).viewers_by_delay[1_000_010] = 1
    assert everybody.deliveries == DIGESTS
    everybody.finish()
    assert everybody.deliveries == 2 * DIGESTS
