"""What all topics of one gateway share."""

from blytz.kit.clock import ServerClock
from blytz.kit.telemetry.metrics import Metrics
from blytz.live.topics.following import Following
from blytz.live.topics.source import Source


class TopicContext:
    def __init__(self, source: Source, clock: ServerClock, metrics: Metrics, following: Following) -> None:
        self.source = source
        self.following = following
        self.clock = clock
        self.fan_out_s = metrics.histogram(
            "blytz_fan_out_seconds", "From the event's time in Redis until its last reader was written to"
        )
        self.delivered = metrics.counter("blytz_events_delivered", "Events times the readers they were sent to")
        self.syncs = metrics.counter("blytz_topic_syncs", "Topics read from the log", "why")
