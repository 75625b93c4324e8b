"""The messages of `blytz.v1` (protocol, section 4), as they stand on the wire."""

import re
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from blytz.auction.model import BidId, BidKind, Code, Receipt, Refused
from blytz.identity import Principal, Role
from blytz.kit.chat import MessageId, Said
from blytz.kit.money import Amount
from blytz.kit.problems import Problem
from blytz.kit.text import in_words

SUBPROTOCOL = "blytz.v1"
MAX_MESSAGE_BYTES = 4_096
"""From a client, in one frame or in several."""
MAX_AUTH_BYTES = 16_384
"""The same for an `auth` alone in its frame: an issuer may put much into a token."""

MALFORMED = 4400
TOKEN_REFUSED = 4401
ORIGIN_REFUSED = 4403
TOO_SLOW = 4408
TOO_MANY = 4429
RESTARTING = 1012


class Auth(Struct, tag_field="type", tag="auth", forbid_unknown_fields=True):
    token: str
    ref: str | UnsetType = UNSET


class Watch(Struct, tag_field="type", tag="watch", forbid_unknown_fields=True):
    topic: str
    after: int | None = None
    epoch: str | None = None
    follow: bool = False
    """Of a show: watch each auction too that it opens, until that has ended."""
    ref: str | UnsetType = UNSET


class Unwatch(Struct, tag_field="type", tag="unwatch", forbid_unknown_fields=True):
    topic: str
    ref: str | UnsetType = UNSET


class PlaceBid(Struct, tag_field="type", tag="bid", forbid_unknown_fields=True):
    auction_id: str
    bid_id: BidId
    amount: Amount
    kind: BidKind = "exact"
    ref: str | UnsetType = UNSET


class Say(Struct, tag_field="type", tag="say", forbid_unknown_fields=True):
    show_id: str
    message_id: MessageId
    text: str
    """1 to 300 characters after trimming."""
    ref: str | UnsetType = UNSET


class Ping(Struct, tag_field="type", tag="ping", forbid_unknown_fields=True):
    ref: str | UnsetType = UNSET


ClientMessage = Auth | Watch | Unwatch | PlaceBid | Say | Ping
decoder = msgspec.json.Decoder(ClientMessage | list[ClientMessage])
_TOPIC = re.compile(r"(?:auction|show):[A-Za-z0-9_-]{1,64}\Z")


def is_topic(text: str) -> bool:
    """False for a text that cannot be the name of a topic and must not become part of a key."""
    return _TOPIC.match(text) is not None


def split_topic(name: str) -> tuple[str, str]:
    """Its kind, and the id of its subject."""
    kind, _, subject_id = name.partition(":")
    return kind, subject_id


class _Ref(Struct):
    ref: str | UnsetType = UNSET


_ref = msgspec.json.Decoder(_Ref)


def ref_of(text: bytes) -> str | UnsetType:
    """The `ref` of a malformed message, so that its sender can match the error."""
    try:
        return _ref.decode(text).ref
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return UNSET


def why_malformed(error: Exception) -> str:
    """The reason for the client, without Python's own messages, which would not help it."""
    if isinstance(error, UnicodeDecodeError):
        return "the text is not UTF-8"
    return "the message is nested too deeply" if isinstance(error, RecursionError) else in_words(str(error))


class Welcome(Struct, tag_field="type", tag="welcome"):
    session: str
    server_at: int
    heartbeat_ms: int


class User(Struct):
    id: str
    name: str
    roles: tuple[Role, ...]


class Authenticated(Struct, tag_field="type", tag="authenticated"):
    user: User
    expires_at: int
    ref: str | UnsetType = UNSET


BidOutcome = Literal["accepted", "outbid", "refused", "pending"]


class BidResult(Struct, tag_field="type", tag="bid_result"):
    """`pending` means: not known yet, send the same bid_id again; `code` says why. A refusal tells what it was
    judged by; null where nothing was looked at."""

    bid_id: str
    outcome: BidOutcome
    code: str | None
    seq: int | None = None
    price: int | None = None
    minimum: int | None = None
    ends_at: int | None = None
    replayed: bool = False
    ref: str | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET
    """Where it may be worth asking again, and when."""


SayOutcome = Literal["said", "refused", "pending"]


class SayResult(Struct, tag_field="type", tag="say_result"):
    """`pending` means: not known yet, send the same message_id again; `code` says why it is not said."""

    message_id: str
    outcome: SayOutcome
    code: str | None
    seq: int | None = None
    ref: str | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET
    """Where it may be worth asking again, and when."""
    changed: bool | UnsetType = UNSET
    """True where words that the seller does not allow were masked."""
    detail: str | UnsetType = UNSET
    """For people, where the code alone does not say enough."""


class Viewers(Struct, tag_field="type", tag="viewers"):
    topic: str
    count: int


class Error(Struct, tag_field="type", tag="error"):
    code: str
    detail: str
    ref: str | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET


class Pong(Struct, tag_field="type", tag="pong"):
    server_at: int
    ref: str | UnsetType = UNSET


encode = msgspec.json.Encoder().encode


def bid_result(asked: PlaceBid, outcome: BidOutcome, judged: Receipt | Refused | Problem) -> BidResult:
    code, replayed = None, False
    if isinstance(judged, Receipt):
        replayed = judged.replayed
    elif isinstance(judged, Problem):
        retry = UNSET if judged.retry_after_ms is None else judged.retry_after_ms
        return BidResult(asked.bid_id, outcome, judged.code, ref=asked.ref, retry_after_ms=retry)
    else:
        code = judged.code.value
        if judged.code is Code.AUCTION_NOT_FOUND:
            return BidResult(asked.bid_id, outcome, code, ref=asked.ref)
    price, minimum, ends_at = judged.price, judged.minimum, judged.ends_at
    return BidResult(asked.bid_id, outcome, code, judged.seq, price, minimum, ends_at, replayed, asked.ref)


def say_result(asked: Say, outcome: SayOutcome, said: Said | Problem) -> SayResult:
    seq = said.seq if isinstance(said, Said) else None
    retry = UNSET if said.retry_after_ms is None else said.retry_after_ms
    result = SayResult(asked.message_id, outcome, said.code, seq, asked.ref, retry)
    if isinstance(said, Said):
        result.changed = said.is_changed or UNSET
        result.detail = said.detail or UNSET
    return result


def authenticated(principal: Principal, ref: str | UnsetType) -> Authenticated:
    user = User(principal.id, principal.name, principal.roles)
    return Authenticated(user, principal.expires_at, ref)


# Events, snapshots and replays carry JSON that Redis or the hub made already, so they are put together as text.


def event(topic: str, public: bytes) -> bytes:
    return b'{"type":"event","topic":"' + topic.encode() + b'",' + public[1:]


def snapshot(topic: str, epoch: str, seq: int, state: bytes, server_at: int, ref: str | UnsetType) -> bytes:
    head = _head("snapshot", topic, epoch, seq, ref)
    return head + b'"state":' + state[:-1] + b',"server_at":%d}}' % server_at


def replay(topic: str, epoch: str, seq: int, events: list[bytes], ref: str | UnsetType) -> bytes:
    return _head("replay", topic, epoch, seq, ref) + b'"events":[' + b",".join(events) + b"]}"


def _head(kind: str, topic: str, epoch: str, seq: int, ref: str | UnsetType) -> bytes:
    echo = b"" if isinstance(ref, UnsetType) else b'"ref":' + encode(ref) + b","
    return f'{{"type":"{kind}","topic":"{topic}","epoch":"{epoch}","seq":{seq},'.encode() + echo


class _Stamp(Struct):
    seq: int = 0
    at: int = 0


_stamp = msgspec.json.Decoder(_Stamp)


def seq_of(public: bytes) -> int:
    return _stamp.decode(public).seq


def at_of(message: bytes) -> int:
    """When it happened on the Redis clock; 0 for a message that is no event."""
    return _stamp.decode(message).at


def batch(messages: list[bytes]) -> bytes:
    """One frame for messages in order."""
    return messages[0] if len(messages) == 1 else b"[" + b",".join(messages) + b"]"
