"""The wiring that several processes share: which adapter is used where, and how a process is run."""

import contextlib
import gc
from collections.abc import Coroutine
from functools import partial
from typing import Any

import structlog

from blytz.auction.redis.schedule import read_clock
from blytz.auction.redis.store import RedisStore
from blytz.identity.dev import DevIssuer
from blytz.kit import running
from blytz.kit.clock import ServerClock
from blytz.kit.config.environment import unread
from blytz.kit.config.model import Settings
from blytz.kit.ratelimit.redis_ledger import RedisLedger
from blytz.kit.ratelimit.user_limit import Limit, UserLimit, daily_limit
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.running import Interrupted
from blytz.kit.telemetry.logs import set_up_logs

log = structlog.get_logger()


def dev_issuer(settings: Settings) -> DevIssuer | None:
    """None outside `BLYTZ_ENV=dev`: there is then no key, no sign-in and no token of its making."""
    return DevIssuer(settings.data) if settings.env == "dev" else None


def auction_pipe(settings: Settings, name: str) -> RedisPipe:
    return RedisPipe(settings.redis_url, name, max_in_flight=settings.bids_in_flight, replicas=settings.replicas)


def server_clock(pipe: RedisPipe) -> ServerClock:
    return ServerClock(partial(read_clock, pipe))


def auction_store(pipe: RedisPipe, clock: ServerClock) -> RedisStore:
    return RedisStore(pipe, clock=clock)


def writes_of_user(settings: Settings, pipe: RedisPipe) -> UserLimit:
    return UserLimit(Limit("writes", settings.writes_per_s, settings.writes_burst), RedisLedger(pipe))


def stored_bytes_of_user(settings: Settings, pipe: RedisPipe) -> UserLimit:
    return UserLimit(daily_limit("bytes", settings.stored_bytes_per_day), RedisLedger(pipe))


def bids_of_user(settings: Settings, pipe: RedisPipe) -> UserLimit:
    """Of bids and purchases together."""
    return UserLimit(Limit("bids", settings.bids_per_s, settings.bids_burst), RedisLedger(pipe))


def chat_of_user(settings: Settings, pipe: RedisPipe) -> UserLimit:
    return UserLimit(Limit("chat", settings.chat_per_s, settings.chat_burst), RedisLedger(pipe))


def _tune_gc() -> None:
    """Imported modules are never freed, so the garbage collector need not visit them; a bid leaves no reference
    cycle, so the collector may run rarely. Measured at 8 % of the CPU of a bid over HTTP."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


def run(settings: Settings, service: str, main: Coroutine[Any, Any, None]) -> None:
    """Run one process until SIGTERM or SIGINT cancels `main`, which then cleans up after itself."""
    set_up_logs(settings.log, service, requests=settings.log_requests, decisions=settings.log_decisions)
    for variable in unread():
        log.warning("setting_unread", variable=variable.name, did_you_mean=variable.near)
    _tune_gc()
    with contextlib.suppress(Interrupted):
        running.run(main)
