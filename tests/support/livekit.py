"""A stand-in for LiveKit: its rooms over Twirp, as far as Blytz uses them, and signed webhooks."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

import jwt
from google.protobuf.message import Message
from livekit import api
from livekit.protocol.models import ParticipantInfo, Room, TrackInfo, TrackSource

from blytz.kit.ids import new_id
from infra.ports import free_port

KEY: Final = "blytz-tests"
SECRET: Final = "a-secret-of-livekit-for-the-tests-only"


class StandInLiveKit:
    """`rooms` has the participants of each room, by identity."""

    def __init__(self) -> None:
        self.rooms: dict[str, dict[str, ParticipantInfo]] = {}
        self.muted: list[tuple[str, str]] = []
        """Participant and track."""
        self.port = free_port()
        self._server: ThreadingHTTPServer | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        """What a service needs to use it."""
        return {"LIVEKIT_URL": self.url, "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}

    def start(self) -> None:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, kind, answer = stand_in.answer(
                    self.path.rpartition("/")[2], body, self.headers["authorization"].removeprefix("Bearer ")
                )
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Nothing answers from now on."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def show_camera(self, room: str, participant: str, track: str = "TR_1", *, muted: bool = False) -> None:
        self.rooms.setdefault(room, {})[participant] = ParticipantInfo(
            identity=participant,
            state=ParticipantInfo.State.ACTIVE,
            tracks=[TrackInfo(sid=track, source=TrackSource.CAMERA, muted=muted)],
        )

    def answer(self, method: str, body: bytes, token: str) -> tuple[int, str, bytes]:
        try:
            api.TokenVerifier(KEY, SECRET).verify(token)
            answer = getattr(self, f"_{method}")(body)
        except jwt.InvalidTokenError:
            return 401, "application/json", b'{"code": "unauthenticated", "msg": "no permissions"}'
        except KeyError:
            refusal = {"code": "not_found", "msg": "there is no such room or participant"}
            return 404, "application/json", json.dumps(refusal).encode()
        return 200, "application/protobuf", answer.SerializeToString()

    def _CreateRoom(self, body: bytes) -> Message:  # noqa: N802
        name = api.CreateRoomRequest.FromString(body).name
        self.rooms.setdefault(name, {})
        return Room(name=name)

    def _DeleteRoom(self, body: bytes) -> Message:  # noqa: N802
        del self.rooms[api.DeleteRoomRequest.FromString(body).room]
        return api.DeleteRoomResponse()

    def _ListRooms(self, _: bytes) -> Message:  # noqa: N802
        return api.ListRoomsResponse(rooms=[Room(name=name) for name in list(self.rooms)])

    def _ListParticipants(self, body: bytes) -> Message:  # noqa: N802
        found = self.rooms[api.ListParticipantsRequest.FromString(body).room]
        return api.ListParticipantsResponse(participants=list(found.values()))

    def _GetParticipant(self, body: bytes) -> Message:  # noqa: N802
        whom = api.RoomParticipantIdentity.FromString(body)
        return self.rooms[whom.room][whom.identity]

    def _RemoveParticipant(self, body: bytes) -> Message:  # noqa: N802
        whom = api.RoomParticipantIdentity.FromString(body)
        del self.rooms[whom.room][whom.identity]
        return api.RemoveParticipantResponse()

    def _MutePublishedTrack(self, body: bytes) -> Message:  # noqa: N802
        what = api.MuteRoomTrackRequest.FromString(body)
        self.muted.append((what.identity, what.track_sid))
        return api.MuteRoomTrackResponse()


def webhook(kind: str, room: str, participant: str = "", **fields: Any) -> dict[str, Any]:
    """The body of an event as LiveKit sends it; `track` is the id of a camera."""
    track = fields.pop("track", "")
    body: dict[str, Any] = {
        "event": kind,
        "id": new_id("EV"),
        "createdAt": str(int(time.time())),
        "room": {"sid": "RM_1", "name": room},
        "participant": {"sid": "PA_1", "identity": participant},
        **fields,
    }
    return body | ({"track": {"sid": track, "type": "VIDEO", "source": "CAMERA"}} if track else {})


def signed(body: Mapping[str, Any] | str, secret: str = SECRET, lasts_s: int = 300) -> tuple[str, str]:
    """The body as it is sent, and its signature."""
    text = body if isinstance(body, str) else json.dumps(body)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    token = api.AccessToken(KEY, secret).with_sha256(digest).with_ttl(timedelta(seconds=lasts_s))
    return text, token.to_jwt()


NONE_CONFIGURED: Final = {
    "state": "unavailable",
    "code": "video_unavailable",
    "detail": "LIVEKIT_URL is not set",
    "optional": True,
}
"""What `/ready` says of video without LiveKit."""
