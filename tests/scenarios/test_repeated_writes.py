"""A write whose answer was lost and that is repeated with its Idempotency-Key is executed once."""

from collections.abc import Awaitable, Callable
from itertools import count

from blytz.auction.model import Auction, Refused
from blytz.auction.redis.store import RedisStore
from blytz.kit.idempotency import operation_of
from blytz.kit.ids import new_id
from blytz.kit.problems import StoreUnavailable
from blytz.kit.redis.key_record import RedisKeyRecord
from blytz.kit.redis.pipe import RedisPipe
from tests.support.auctions import CAUSE, MINUTE_MS, listing
from tests.support.http import Api, problem
from tests.support.pipes import connected
from tests.support.proxy import proxy_before
from tests.support.redis import RedisServer

MAX_ANSWERS = 12
Act = Callable[[RedisPipe], Awaitable[Auction | Refused]]


def test_a_frozen_redis_leaves_one_extension_and_one_auction(own_redis: RedisServer, api: Api) -> None:
    sam = api.token("Sam", "seller")
    auction_id = api.create(sam)
    calls = [
        (f"/v1/auctions/{auction_id}/extend", {"by_ms": 5_000}),
        ("/v1/auctions", {"title": "Another thing", "terms": {}}),
    ]
    own_redis.freeze()
    for number, (path, body) in enumerate(calls):
        failed = problem(api.post(path, body, by=sam, idempotency_key=f"k{number}"), 503, "pending")
        assert "Idempotency-Key" in failed["detail"]
    read = problem(api.get(f"/v1/auctions/{auction_id}"), 503, "store_unavailable")
    assert "nothing was changed" in read["detail"]
    assert "bid_id" in problem(api.bid(auction_id, 500, by=api.token("Anna")), 503, "pending")["detail"]
    own_redis.thaw()
    api.service.wait_until_ready()
    for number, (path, body) in enumerate(calls):
        for _ in range(2):
            again = api.post(path, body, by=sam, idempotency_key=f"k{number}")
            assert again.is_success, again.text
    extended = api.state(auction_id)
    assert extended["ends_at"] == extended["opened_at"] + MINUTE_MS + 5_000
    assert len(api.get("/v1/auctions").json()["auctions"]) == 2


async def lose_each_answer(redis: RedisServer, act: Act, check: Callable[[], None]) -> None:
    """Runs `act` with each of its answers from Redis lost in turn, then repeats it twice."""
    for passed in count():
        assert passed < MAX_ANSWERS
        redis.ask("FLUSHALL")
        async with connected(redis.url) as direct:
            await RedisStore(direct).create(listing("auc_1"), CAUSE)
            async with proxy_before(redis.socket) as proxy, connected(proxy.url) as lossy:
                proxy.keep_answers_after(passed)
                try:
                    await act(lossy)
                except StoreUnavailable:
                    is_lost = True
                else:
                    is_lost = False
            assert await act(direct) == await act(direct)
        check()
        if not is_lost:
            assert passed > 1
            return


async def test_an_extension_is_made_once_whichever_answer_of_redis_is_lost(own_redis: RedisServer) -> None:
    async def extend(pipe: RedisPipe) -> Auction | Refused:
        request = ("POST", "/v1/auctions/auc_1/extend", b'{"by_ms":5000}')
        operation = await operation_of(RedisKeyRecord(pipe), "usr_sam", "k", request, "")
        return await RedisStore(pipe).change("auc_1", "extend", CAUSE, 5_000, operation.id)

    await lose_each_answer(own_redis, extend, lambda: _same(own_redis.ask("XLEN", "auction:{auc_1}:events"), 2))


async def test_an_auction_is_created_once_whichever_answer_of_redis_is_lost(own_redis: RedisServer) -> None:
    async def create(pipe: RedisPipe) -> Auction:
        request = ("POST", "/v1/auctions", b"{}")
        operation = await operation_of(RedisKeyRecord(pipe), "usr_sam", "k", request, new_id("auc"))
        return await RedisStore(pipe).create(listing(operation.subject_id), CAUSE, operation.id)

    await lose_each_answer(own_redis, create, lambda: _same(own_redis.ask("ZCARD", "auctions"), 2))


def _same(found: object, expected: object) -> None:
    assert found == expected
