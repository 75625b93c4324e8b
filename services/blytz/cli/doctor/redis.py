"""What the doctor looks at in Redis: its version, its clock, and whether an acknowledged bid would survive.

It works for the services' own user, who may not CONFIG: what such a user cannot see is said to be unseen, and a
second address, of somebody who may, lifts that. Nothing is changed: rights are tried in a MULTI that is discarded.
"""

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from blytz.cli.doctor.findings import Finding, judge
from blytz.cli.doctor.machine import disk
from blytz.kit.config.model import variable
from blytz.kit.config.redis_url import is_loopback

WITHIN_S: Final = 3.0
OLDEST: Final = (7, 0)
WARN_OFFSET_MS: Final = 1_000
FAIL_OFFSET_MS: Final = 30_000
"""Tokens are given a minute's grace; bids are decided by Redis's clock alone."""
LOST: Final = "an acknowledged bid could be lost"
WANTED: Final = {
    "appendonly": ("yes", LOST),
    "appendfsync": ("always", LOST),
    "no-appendfsync-on-rewrite": ("no", f"while Redis rewrites its log, {LOST}"),
    "maxmemory-policy": ("noeviction", "a full memory would forget auctions"),
}
TOO_MUCH: Final = (
    ("CONFIG", "GET", "dir"),
    ("DEBUG", "HELP"),
    ("FLUSHALL", "ASYNC"),
    ("FLUSHDB", "ASYNC"),
    ("KEYS", "none"),
    ("ACL", "USERS"),
)
NEARLY_FULL: Final = 0.8
"""The alert `BlytzRedisMemory` fires at the same share."""
ASK_AS_ADMIN: Final = "run it again with --admin-url, the address of a Redis user who may CONFIG and ACL"


def findings(url: str, admin_url: str | None, replicas: int = 0) -> Iterator[Finding]:
    """Ends after the first where nobody answers."""
    try:
        with _connect(url) as redis:
            began = time.time()
            seconds, micros = cast("tuple[int, int]", redis.time())
            ended = time.time()
            info = cast("dict[str, Any]", redis.info("everything"))
            yield Finding("Redis", "ok", f"answers in {(ended - began) * 1000:.1f} ms")
            yield _version(info)
            yield _clock((seconds + micros / 1e6 - (began + ended) / 2) * 1000)
            yield from _standing(info, replicas)
            yield from _rights(redis)
    except (RedisError, OSError) as error:
        yield Finding("Redis", "fail", _reason(error), "start it, or mend REDIS_URL; without it no bid is decided")
        return
    try:
        with _connect(admin_url or url) as admin:
            yield from _durability(admin, info)
            yield _default_user(admin)
            yield _disk(admin, url)
    except (RedisError, OSError, ValueError) as error:
        yield Finding("Redis admin", "fail", _reason(error), "mend --admin-url or BLYTZ_ADMIN_REDIS_URL")


def _reason(error: Exception) -> str:
    return re.sub(r"//[^@/\s]*@", "//", str(error) or type(error).__name__)


def _connect(url: str) -> "Redis":
    return Redis.from_url(url, socket_timeout=WITHIN_S, socket_connect_timeout=WITHIN_S, decode_responses=True)


def _version(info: dict[str, Any]) -> Finding:
    version = str(info.get("redis_version", "0"))
    is_old = tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST
    return judge("Redis version", version, fail=is_old, remedy="Blytz needs Redis 7.0 or newer")


def _clock(offset_ms: float) -> Finding:
    off = abs(offset_ms)
    why = f"Redis's is {offset_ms:+.0f} ms from this machine's"
    remedy = "keep both machines in time with NTP (chrony, systemd-timesyncd)"
    return judge("Clock", why, warn=off > WARN_OFFSET_MS, fail=off > FAIL_OFFSET_MS, remedy=remedy)


def _standing(info: dict[str, Any], replicas: int) -> Iterator[Finding]:
    """Whether it takes writes at all, and for how long it will."""
    role, connected = str(info.get("role", "master")), int(info.get("connected_slaves", 0))
    if role != "master":
        yield Finding("Redis role", "fail", f"{role}: it takes no bids", "let REDIS_URL name the primary")
    if replicas:
        why = f"{connected} connected, {replicas} must hold each bid ({variable('replicas')})"
        remedy = "start them, else every bid is answered with `pending`"
        yield judge("Redis replicas", why, fail=connected < replicas, remedy=remedy)
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if limit == 0:
        remedy = "set `maxmemory` in redis.conf, to a quarter of the machine's memory"
        why = "maxmemory is 0: Redis grows until the kernel kills it"
        yield Finding("Redis memory", "fail", why, remedy)
        return
    why = f"{used / limit:.0%} of maxmemory ({limit / 2**20:.0f} MiB) used"
    remedy = f"raise maxmemory, or lower {variable('keep_closed_ms')}: at the limit Redis refuses bids"
    yield judge("Redis memory", why, warn=used > limit * NEARLY_FULL, fail=used > limit, remedy=remedy)


def _durability(redis: "Redis", info: dict[str, Any]) -> Iterator[Finding]:
    """INFO, which everybody may read, tells two of them."""
    seen = {"maxmemory-policy": str(info.get("maxmemory_policy", ""))}
    if "aof_enabled" in info:
        seen["appendonly"] = "yes" if info["aof_enabled"] == 1 else "no"
    # That the services' user may not is the usual case, and a good one.
    with contextlib.suppress(ResponseError):
        seen |= cast("dict[str, str]", redis.config_get(*WANTED))
    for name, (wanted, harm) in WANTED.items():
        value = seen.get(name)
        remedy = f"set `{name} {wanted}` in redis.conf: {harm}"
        if value is None:
            yield Finding(f"Redis {name}", "warn", "cannot see: this user may not CONFIG", ASK_AS_ADMIN)
        else:
            yield judge(f"Redis {name}", value, fail=value != wanted, remedy=remedy)
    if info.get("aof_last_write_status", "ok") != "ok":
        yield Finding(
            "Redis writes", "fail", "the last write to the log failed", "look at Redis's disk and its own log"
        )


def _rights(redis: "Redis") -> Iterator[Finding]:
    """Rights are checked when a command is queued, so nothing has to run to learn of them."""
    may = []
    connection: Any = redis.connection_pool.get_connection()
    try:
        for command in TOO_MUCH:
            connection.send_command("MULTI")
            connection.read_response()
            # NOPERM is what it should be.
            with contextlib.suppress(ResponseError):
                connection.send_command(*command)
                connection.read_response()
                may.append(command[0])
            connection.send_command("DISCARD")
            connection.read_response()
    finally:
        redis.connection_pool.release(connection)
    refused = "the services may not CONFIG, DEBUG, FLUSHALL, FLUSHDB, KEYS or ACL"
    remedy = "give them a user of their own, as in infra/redis/redis.conf"
    yield judge(
        "Redis rights", f"the services may {', '.join(may)}" if may else refused, warn=bool(may), remedy=remedy
    )


def _disk(redis: "Redis", url: str) -> Finding:
    """Only of a Redis on this machine: another's disk cannot be seen from here."""
    name, parts = "Redis disk", urlsplit(url)
    if parts.scheme != "unix" and not is_loopback(parts.hostname or "localhost"):
        return Finding(name, "note", "is another machine's", "watch it there: DiskNearlyFull in infra/prometheus")
    try:
        folder = Path(cast("dict[str, str]", redis.config_get("dir"))["dir"])
    except (ResponseError, KeyError):
        return Finding(name, "warn", "cannot see which: this user may not CONFIG", ASK_AS_ADMIN)
    return disk(name, folder)


def _default_user(redis: "Redis") -> Finding:
    """Redis replays its log in this user's name, and drops what the user may not run (redis issue 14541)."""
    name = "Redis default user"
    try:
        user = cast("dict[str, Any]", redis.acl_getuser("default"))
    except ResponseError:
        return Finding(name, "warn", "cannot see: this user may not ACL", ASK_AS_ADMIN)
    rights = " ".join(map(str, [*user.get("categories", ()), *user.get("commands", ())]))
    flags = {str(flag) for flag in user.get("flags", ())}
    if "+@all" not in rights or "-" in rights:
        why = "has lost rights: after a restart Redis would silently leave out bids that it replays"
        return Finding(
            name, "fail", why, "`user default off resetpass ~* &* +@all`: switch it off, and take nothing away"
        )
    is_open = "on" in flags and "nopass" in flags
    why = "is on, without a password" if is_open else "keeps its rights, and strangers cannot be it"
    return judge(name, why, warn=is_open, remedy="`user default off resetpass ~* &* +@all` in redis.conf")
