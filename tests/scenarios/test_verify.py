"""`blytz verify` on a real Redis: data of the scripts is correct, and each kind of tampering is found."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from blytz.auction.model import Bid, Cause, Listing, Party, Terms
from blytz.auction.redis.keys import keys_of
from blytz.auction.redis.store import RedisStore
from blytz.cli import main
from blytz.kit.ids import new_id
from blytz.kit.redis.pipe import RedisPipe
from tests.support.redis import RedisServer

SELLER, ANNA, BEN = Party("usr_seller", "Selma"), Party("usr_anna", "Anna"), Party("usr_ben", 'Ben "B" Ünal')
CAUSE = Cause("usr_seller", "req-1")

RunVerify = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def verify(redis: RedisServer, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> RunVerify:
    """Runs the command; returns its exit code and its lines on both outputs."""

    def run(*arguments: str) -> tuple[int, list[str]]:
        with pytest.raises(SystemExit) as ended:
            main(["verify", "--redis-url", redis.url, "--data", str(tmp_path), *arguments])
        output = capsys.readouterr()
        return int(ended.value.code or 0), (output.out + output.err).splitlines()

    return run


@pytest.fixture
async def store(redis: RedisServer) -> AsyncIterator[RedisStore]:
    pipe = RedisPipe(redis.url, "test")
    await pipe.start(timeout_s=5)
    yield RedisStore(pipe)
    await pipe.close()


async def an_auction(store: RedisStore, *, buy: bool = False) -> str:
    terms = Terms(reserve_price=1_500, buy_now_price=50_000, duration_ms=600_000, max_total_ms=700_000)
    auction_id = new_id("auc")
    listing = Listing(auction_id=auction_id, title="A lamp", seller=SELLER, terms=terms, epoch="e1")
    await store.create(listing, CAUSE)
    await store.place_bid(auction_id, Bid(ANNA, "a1", 500), Cause(ANNA.id))
    await store.place_bid(auction_id, Bid(BEN, "b1", 2_000, "max"), Cause(BEN.id))
    await store.place_bid(auction_id, Bid(ANNA, "a2", 1_800), Cause(ANNA.id))
    await store.change(auction_id, "pause", CAUSE)
    await store.change(auction_id, "resume", CAUSE)
    await store.change(auction_id, "extend", CAUSE, 1_000)
    await store.place_bid(auction_id, Bid(BEN, "b2", 3_000, "max"), Cause(BEN.id))
    if buy:
        await store.place_bid(auction_id, Bid(ANNA, "a3", 50_000, "buy_now"), Cause(ANNA.id))
    else:
        await store.close(auction_id, CAUSE, force=True)
    return auction_id


async def test_an_auction_written_by_the_scripts_is_correct(store: RedisStore, verify: RunVerify) -> None:
    auction_id = await an_auction(store)

    code, lines = verify(auction_id)

    assert code == 0
    assert lines == [f"{auction_id}  ok: 9 events, 4 bids, sold at $19.00"]


async def test_that_there_was_nothing_to_verify_is_said(store: RedisStore, verify: RunVerify) -> None:
    """So that a backup that was not restored does not look verified."""
    assert verify("--all") == (0, ["there are no auctions"])


async def test_all_auctions_are_verified_with_one_line_each(store: RedisStore, verify: RunVerify) -> None:
    ids = [await an_auction(store, buy=buy) for buy in (False, True)]
    scheduled = Listing(
        auction_id=new_id("auc"), title="Later", seller=SELLER, terms=Terms(), epoch="e2", starts_at=2**45
    )
    await store.create(scheduled, CAUSE)

    code, lines = verify("--all", "--json")

    reports = [json.loads(line) for line in lines]
    assert code == 0
    assert [report["auction_id"] for report in reports] == [*ids, scheduled.auction_id]
    assert [report["status"] for report in reports] == ["sold", "sold", "scheduled"]
    assert all(report["ok"] for report in reports)


Tamper = Callable[[RedisServer, str], None]


def remove_an_event(redis: RedisServer, auction_id: str) -> None:
    redis.ask("XDEL", keys_of(auction_id).events, "3-0")


def remove_the_last_event(redis: RedisServer, auction_id: str) -> None:
    redis.ask("XDEL", keys_of(auction_id).events, "9-0")


def change_a_price(redis: RedisServer, auction_id: str) -> None:
    """Rewrite the whole log with one price changed, as an attacker with access could."""
    key = keys_of(auction_id).events
    entries = redis.ask("XRANGE", key, "-", "+")
    redis.ask("DEL", key)
    for entry_id, fields in entries:
        if entry_id == b"2-0":
            fields[1] = fields[1].replace(b'"price":500', b'"price":400')
        redis.ask("XADD", key, entry_id, *fields)


def change_the_state(redis: RedisServer, auction_id: str) -> None:
    redis.ask("HSET", keys_of(auction_id).state, "price", "2100")


def change_the_terms(redis: RedisServer, auction_id: str) -> None:
    redis.ask("HSET", keys_of(auction_id).state, "reserve_price", "9000")


def reopen(redis: RedisServer, auction_id: str) -> None:
    redis.ask("HSET", keys_of(auction_id).state, "status", "open")


def add_a_field(redis: RedisServer, auction_id: str) -> None:
    redis.ask("HSET", keys_of(auction_id).state, "note", "hello")


def change_a_receipt(redis: RedisServer, auction_id: str) -> None:
    key, field = keys_of(auction_id).bids, "a2:usr_anna"
    answer = redis.ask("HGET", key, field).decode()
    redis.ask("HSET", key, field, answer.replace("outbid", "accepted"))


def remove_a_receipt(redis: RedisServer, auction_id: str) -> None:
    redis.ask("HDEL", keys_of(auction_id).bids, "a2:usr_anna")


def invent_a_receipt(redis: RedisServer, auction_id: str) -> None:
    redis.ask("HSET", keys_of(auction_id).bids, "a9:usr_anna", "900 exact accepted 2 900 1000 1 5")


def swap_the_listing(redis: RedisServer, auction_id: str) -> None:
    key = keys_of(auction_id).state
    redis.ask("HSET", key, "listing", redis.ask("HGET", key, "listing").replace(auction_id.encode(), b"auc_x"))


@pytest.mark.parametrize(
    ("tamper", "where", "what"),
    [
        (remove_an_event, "event 3", "expected the entry id 3-0, found 4-0"),
        (remove_the_last_event, "state status", "the log gives 'open', found 'sold'"),
        (change_a_price, "event 2", "price: the rules give 500, found 400"),
        (change_the_state, "state price", "the log gives '1900', found '2100'"),
        (change_the_terms, "state reserve_price", "the log gives '1500', found '9000'"),
        (reopen, "state status", "the log gives 'sold', found 'open'"),
        (add_a_field, "state note", "nothing in the log accounts for 'hello'"),
        (change_a_receipt, "receipt a2:usr_anna", "outbid"),
        (remove_a_receipt, "receipt a2:usr_anna", "is missing"),
        (invent_a_receipt, "receipt a9:usr_anna", "nothing in the log accounts for"),
        (swap_the_listing, "state listing", "is the listing of auc_x"),
    ],
)
async def test_tampering_is_found(
    tamper: Tamper, where: str, what: str, store: RedisStore, redis: RedisServer, verify: RunVerify
) -> None:
    auction_id = await an_auction(store)
    tamper(redis, auction_id)

    code, lines = verify(auction_id, "--json")

    report = json.loads(lines[0])
    assert code == 1
    assert (report["ok"], report["where"]) == (False, where)
    assert what in report["what"]
    assert verify(auction_id)[1][0].startswith(f"{auction_id}  DIFFERS at {where}: ")


async def test_a_report_of_tampering_sends_no_control_characters_to_the_terminal(
    store: RedisStore, redis: RedisServer, verify: RunVerify
) -> None:
    auction_id = await an_auction(store)
    redis.ask("HSET", keys_of(auction_id).bids, "a9\x1b[2J\u202e:usr_anna", "1")
    assert verify(auction_id)[1][0].startswith(f"{auction_id}  DIFFERS at \u2068receipt a9[2J:usr_anna: ")


async def test_a_verification_that_fails_prints_the_reason_in_one_line(verify: RunVerify) -> None:
    for arguments, why in (
        ([], "say which auction to verify, or --all"),
        (["auc_none"], "there is no auction auc_none"),
        (["--all", "--redis-url", "unix:///nowhere/redis.sock"], "Redis does not answer"),
        (["--all", "--redis-url", "ftp://nowhere"], "that is not the address of a Redis"),
    ):
        code, lines = verify(*arguments)
        assert code == 1
        assert len(lines) == 1
        assert why in lines[0]
