"""Checks of Redis: version, clock, memory, permissions, and whether an acknowledged bid would survive.

The services' own user may not run CONFIG; what it cannot read is reported as such, and checked with a second
address, of a user who may. Nothing is changed: permissions are tried in a MULTI that is discarded."""

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
from blytz.cli.doctor.redis_config import StartedWith
from blytz.kit.addresses import is_loopback
from blytz.kit.config.model import variable

WITHIN_S: Final = 3.0
MIN_REDIS_VERSION: Final = (7, 0)
WARN_OFFSET_MS: Final = 1_000
FAIL_OFFSET_MS: Final = 30_000
"""Tokens may be a minute off; bids are decided by the clock of Redis alone."""
LOST: Final = "an acknowledged bid could be lost"
WANTED: Final = {
    "appendonly": ("yes", LOST),
    "appendfsync": ("always", LOST),
    "no-appendfsync-on-rewrite": ("no", f"while Redis rewrites its append-only file, {LOST}"),
    "maxmemory-policy": ("noeviction", "with full memory Redis would delete auctions"),
}
FORBIDDEN_COMMANDS: Final = (
    ("CONFIG", "GET", "dir"),
    ("DEBUG", "HELP"),
    ("FLUSHALL", "ASYNC"),
    ("FLUSHDB", "ASYNC"),
    ("KEYS", "none"),
    ("ACL", "USERS"),
)
WARN_MEMORY_SHARE: Final = 0.8
"""The alert `BlytzRedisMemory` fires at the same share."""
ASK_AS_ADMIN: Final = "run it again with --admin-url, the Redis address of a user with CONFIG and ACL"


def findings(
    url: str, admin_url: str | None, replicas: int = 0, started: StartedWith | None = None
) -> Iterator[Finding]:
    """Ends after the first finding when Redis does not answer. `started` answers for what nobody may ask it."""
    try:
        with _connect(url) as redis:
            began = time.time()
            seconds, micros = cast("tuple[int, int]", redis.time())
            ended = time.time()
            info = cast("dict[str, Any]", redis.info("everything"))
            yield Finding("Redis", "ok", f"answers in {(ended - began) * 1000:.1f} ms")
            yield _version(info)
            yield _clock((seconds + micros / 1e6 - (began + ended) / 2) * 1000)
            yield from _capacity(info, replicas)
            yield from _rights(redis)
    except (RedisError, OSError) as error:
        yield Finding(
            "Redis", "fail", _reason(error), "start it, or correct REDIS_URL; without it no bid is decided"
        )
        return
    try:
        with _connect(admin_url or url) as admin:
            yield from _durability(admin, info, started)
            yield _default_user(admin, started)
            yield _disk(admin, url, started)
    except (RedisError, OSError, ValueError) as error:
        yield Finding("Redis admin", "fail", _reason(error), "correct --admin-url or BLYTZ_ADMIN_REDIS_URL")


def _reason(error: Exception) -> str:
    return re.sub(r"//[^@/\s]*@", "//", str(error) or type(error).__name__)


def _connect(url: str) -> "Redis":
    return Redis.from_url(url, socket_timeout=WITHIN_S, socket_connect_timeout=WITHIN_S, decode_responses=True)


def _version(info: dict[str, Any]) -> Finding:
    version = str(info.get("redis_version", "0"))
    is_old = tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < MIN_REDIS_VERSION
    return judge("Redis version", version, fail=is_old, remedy="Blytz needs Redis 7.0 or newer")


def _clock(offset_ms: float) -> Finding:
    off = abs(offset_ms)
    why = f"that of Redis is {offset_ms:+.0f} ms from this machine's"
    remedy = "synchronise both machines with NTP (chrony, systemd-timesyncd)"
    return judge("Clock", why, warn=off > WARN_OFFSET_MS, fail=off > FAIL_OFFSET_MS, remedy=remedy)


def _capacity(info: dict[str, Any], replicas: int) -> Iterator[Finding]:
    """Whether it accepts writes: role, replicas, memory."""
    role, connected = str(info.get("role", "master")), int(info.get("connected_slaves", 0))
    if role != "master":
        yield Finding("Redis role", "fail", f"{role}: it accepts no bids", "set REDIS_URL to the primary")
    if replicas:
        why = f"{connected} connected, {replicas} must have each bid ({variable('replicas')})"
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
    yield judge("Redis memory", why, warn=used > limit * WARN_MEMORY_SHARE, fail=used > limit, remedy=remedy)


def _durability(redis: "Redis", info: dict[str, Any], started: StartedWith | None) -> Iterator[Finding]:
    """Every user may read INFO, which has two of these settings."""
    seen = dict(started.settings) if started else {}
    seen |= {"maxmemory-policy": str(info.get("maxmemory_policy", ""))}
    if "aof_enabled" in info:
        seen["appendonly"] = "yes" if info["aof_enabled"] == 1 else "no"
    # The services' user must not be allowed to: this is the usual case.
    with contextlib.suppress(ResponseError):
        seen |= cast("dict[str, str]", redis.config_get(*WANTED))
    for name, (wanted, harm) in WANTED.items():
        value = seen.get(name)
        remedy = f"set `{name} {wanted}` in redis.conf: {harm}"
        if value is None:
            yield Finding(f"Redis {name}", "warn", "cannot see: this user may not run CONFIG", ASK_AS_ADMIN)
        else:
            yield judge(f"Redis {name}", value, fail=value != wanted, remedy=remedy)
    if info.get("aof_last_write_status", "ok") != "ok":
        yield Finding(
            "Redis writes", "fail", "the last write to its file failed", "check the disk of Redis and its log"
        )


def _rights(redis: "Redis") -> Iterator[Finding]:
    """Redis checks permissions when a command is queued, so none of these commands runs."""
    may = []
    connection: Any = redis.connection_pool.get_connection()
    try:
        for command in FORBIDDEN_COMMANDS:
            connection.send_command("MULTI")
            connection.read_response()
            # NOPERM is the right answer.
            with contextlib.suppress(ResponseError):
                connection.send_command(*command)
                connection.read_response()
                may.append(command[0])
            connection.send_command("DISCARD")
            connection.read_response()
    finally:
        redis.connection_pool.release(connection)
    refused = "the services may not run CONFIG, DEBUG, FLUSHALL, FLUSHDB, KEYS or ACL"
    remedy = "give the services their own user, as in infra/redis/redis.conf"
    yield judge(
        "Redis rights", f"the services may run {', '.join(may)}" if may else refused, warn=bool(may), remedy=remedy
    )


def _disk(redis: "Redis", url: str, started: StartedWith | None) -> Finding:
    """Only for a Redis on this machine."""
    name, parts = "Redis disk", urlsplit(url)
    if parts.scheme != "unix" and not is_loopback(parts.hostname or "localhost"):
        return Finding(
            name, "note", "is on another machine", "monitor it there: DiskNearlyFull in infra/prometheus"
        )
    try:
        folder = Path(cast("dict[str, str]", redis.config_get("dir"))["dir"])
    except (ResponseError, KeyError):
        if started:
            return disk(name, started.folder.resolve())
        return Finding(name, "warn", "cannot see which: this user may not run CONFIG", ASK_AS_ADMIN)
    return disk(name, folder)


def _default_user(redis: "Redis", started: StartedWith | None) -> Finding:
    """Redis replays its file as this user, and drops what the user may not run (redis issue 14541)."""
    name = "Redis default user"
    try:
        user = cast("dict[str, Any]", redis.acl_getuser("default"))
        rights = " ".join(map(str, [*user.get("categories", ()), *user.get("commands", ())]))
        flags = {str(flag) for flag in user.get("flags", ())}
    except ResponseError:
        if started is None or not started.default_user:
            return Finding(name, "warn", "cannot see: this user may not run ACL", ASK_AS_ADMIN)
        rights = " ".join(rule for rule in started.default_user if rule[0] in "+-")
        flags = set(started.default_user)
    if "+@all" not in rights or "-" in rights:
        why = "lacks permissions: at a restart Redis would silently drop bids that it replays"
        return Finding(
            name, "fail", why, "set `user default off resetpass ~* &* +@all`: disabled, with all permissions"
        )
    is_open = "on" in flags and "nopass" in flags
    why = "is enabled, without a password" if is_open else "has all permissions, and nobody can sign in as it"
    return judge(name, why, warn=is_open, remedy="`user default off resetpass ~* &* +@all` in redis.conf")
