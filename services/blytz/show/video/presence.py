"""Whether the host is in the video of a show, and what that does to its clocks (protocol, section 9): pure,
with the time passed in.

Any camera of the host or of a cohost counts. A camera that is gone for less than `host_away_pause_ms` pauses
nothing; one absence pauses at most once, so that a seller who resumes by hand may go on without a camera.
"""

from msgspec.structs import replace

from blytz.show.model import Host, Show, ShowCode, ShowStatus
from blytz.show.running import rules as running
from blytz.show.running.decision import Decision, Notice, Scene
from blytz.show.running.rules import Decide, Decided


def see_host(*, is_on_camera: bool) -> Decide:
    """What LiveKit says now. Seeing the same again changes nothing."""

    def decide(scene: Scene, now: int) -> Decided:
        show = scene.show
        if show.status.is_final:
            return Decision(show)
        if is_on_camera:
            return Decision(show) if show.host.state == "live" else _came(scene, now)
        return _left(show, now) if show.host.state == "live" else Decision(show)

    return decide


def pause_without_host(scene: Scene, now: int) -> Decided:
    """When the host has been away for as long as the show allows."""
    show = scene.show
    if show.host_pause_at is None or show.host_pause_at > now:
        return Decision(show)
    waiting = replace(show, host_pause_at=None)
    if show.status is not ShowStatus.LIVE or show.is_ending:
        return Decision(waiting)
    return running.pause(replace(scene, show=waiting), now, "host_away")


def _came(scene: Scene, now: int) -> Decided:
    before = scene.show.host.state
    show = replace(scene.show, host=Host("live", now), host_pause_at=None)
    came = Notice("host_live" if before == "absent" else "host_back")
    if show.status is not ShowStatus.PAUSED or show.pause_reason != "host_away":
        return Decision(show, notices=[came])
    resumed = running.resume(replace(scene, show=show), now)
    assert not isinstance(resumed, ShowCode), "a paused show can be resumed"
    return replace(resumed, notices=[came, *resumed.notices])


def _left(show: Show, now: int) -> Decision:
    allowed_ms = show.settings.host_away_pause_ms
    # A show that is ending has the end of its last lot to wait for, which must come without its host too.
    pauses = allowed_ms is not None and show.status is ShowStatus.LIVE and not show.is_ending
    due = now + (allowed_ms or 0) if pauses else None
    return Decision(replace(show, host=Host("away", now), host_pause_at=due), notices=[Notice("host_away")])
