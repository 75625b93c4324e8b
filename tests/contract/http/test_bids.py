"""Bids over HTTP: what is accepted, and what is refused with which code."""

import concurrent.futures
from typing import Any

import pytest

from tests.support.http import Api, problem, wrong_fields
from tests.support.redis import RedisServer

MAX_AMOUNT = 10**12


def test_a_first_bid_is_accepted_and_leads(api: Api, sam: str, anna: str) -> None:
    auction_id = api.create(sam)
    answer = api.bid(auction_id, 500, by=anna, bid_id="first")
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    ends_at = api.state(auction_id)["ends_at"]
    assert answer.json() == {
        "bid_id": "first", "outcome": "accepted", "seq": 2, "price": 500, "minimum": 600,
        "leading": True, "ends_at": ends_at, "replayed": False,
    }  # fmt: skip


def test_a_bid_below_a_hidden_ceiling_counts_and_is_outbid(api: Api, sam: str, anna: str, ben: str) -> None:
    auction_id = api.create(sam)
    api.bid(auction_id, 5_000, by=anna, kind="max")
    receipt = api.bid(auction_id, 400, by=ben)
    assert receipt.status_code == 201
    assert {name: receipt.json()[name] for name in ("outcome", "leading", "price", "minimum")} == {
        "outcome": "outbid", "leading": False, "price": 500, "minimum": 600,
    }  # fmt: skip
    assert "5000" not in receipt.text


def test_a_repeated_bid_gets_the_first_answer_again(api: Api, sam: str, anna: str, ben: str) -> None:
    auction_id = api.create(sam)
    first = api.bid(auction_id, 500, by=anna, bid_id="same").json()
    api.bid(auction_id, 900, by=ben)
    again = api.bid(auction_id, 500, by=anna, bid_id="same")
    assert again.status_code == 201
    assert again.json() == first | {"replayed": True}
    problem(api.bid(auction_id, 501, by=anna, bid_id="same"), 409, "bid_id_reused")
    problem(api.bid(auction_id, 500, by=anna, bid_id="same", kind="max"), 409, "bid_id_reused")
    assert api.state(auction_id)["bid_count"] == 2


def test_one_bid_sent_over_fifty_connections_is_one_event(api: Api, sam: str, anna: str) -> None:
    auction_id = api.create(sam)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: api.bid(auction_id, 500, by=anna, bid_id="one"), range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert sorted(answer.json()["replayed"] for answer in answers) == [False] + [True] * 49
    assert api.get(f"/v1/auctions/{auction_id}/events").json()["seq"] == 2


def test_buying_now_sells_at_once(api: Api, sam: str, anna: str, ben: str) -> None:
    auction_id = api.create(sam, buy_now_price=9_000)
    problem(api.bid(auction_id, 8_999, by=anna, kind="buy_now"), 409, "buy_now_unavailable")
    assert api.bid(auction_id, 9_000, by=anna, kind="buy_now").json()["outcome"] == "accepted"
    state = api.state(auction_id)
    assert (state["status"], state["price"], state["leader"]["name"]) == ("sold", 9_000, "Anna")
    problem(api.bid(auction_id, 10_000, by=ben), 409, "auction_not_open")


def test_each_rule_refuses_with_its_own_code(redis: RedisServer, api: Api, sam: str, anna: str, ben: str) -> None:
    auction_id = api.create(sam)
    too_low = problem(api.bid(auction_id, 99, by=anna), 409, "bid_too_low")
    assert too_low["minimum"] == 100
    api.bid(auction_id, 500, by=anna)
    assert problem(api.bid(auction_id, 599, by=ben), 409, "bid_too_low")["minimum"] == 600
    problem(api.bid(auction_id, 900, by=anna), 409, "already_leading")
    problem(api.bid(auction_id, 900, by=sam), 409, "bidder_is_seller")
    problem(api.bid(auction_id, 900, by=ben, kind="buy_now"), 409, "buy_now_unavailable")
    cleo = api.token("Cleo")
    api.bid(auction_id, 600, by=cleo)
    redis.ask("SADD", f"auction:{{{auction_id}}}:bidders", f"blocked:{api.state(auction_id)['leader']['id']}")
    problem(api.bid(auction_id, 9_000, by=cleo, kind="max"), 409, "bidder_blocked")
    api.post(f"/v1/auctions/{auction_id}/pause", by=sam)
    problem(api.bid(auction_id, 900, by=ben), 409, "auction_not_open")
    assert api.state(auction_id)["bid_count"] == 2


def test_a_late_bid_is_refused_before_the_hammer_falls(redis: RedisServer, api: Api, sam: str, anna: str) -> None:
    auction_id = api.create(sam, ending="sudden_death")
    # No hammer runs here: the auction is open, and its end is moved into the past.
    redis.ask("HSET", f"auction:{{{auction_id}}}", "ends_at", api.state(auction_id)["opened_at"])
    problem(api.bid(auction_id, 500, by=anna), 409, "auction_ended")
    assert api.state(auction_id)["status"] == "open"


def test_any_role_may_bid_and_a_user_without_a_role_may_not(api: Api, sam: str) -> None:
    auction_id = api.create(sam)
    roles: Any
    for number, roles in enumerate((["bidder"], ["seller"], ["moderator"], ["admin"]), start=1):
        assert api.bid(auction_id, 100 * number, by=api.token(f"Role {number}", *roles)).status_code == 201
    nobody = api.issuer.issue("Nobody", ())
    problem(api.bid(auction_id, 9_000, by=nobody), 403, "forbidden")


@pytest.mark.parametrize("amount", ["1", "2", "999999999999", "1000000000000"])
def test_every_whole_amount_in_range_is_accepted(api: Api, sam: str, anna: str, amount: str) -> None:
    auction_id = api.create(sam, start_price=1)
    answer = api.post(f"/v1/auctions/{auction_id}/bids", f'{{"bid_id": "b", "amount": {amount}}}', by=anna)
    assert answer.status_code == 201
    assert answer.json()["price"] == int(amount)


NOT_AMOUNTS = (
    "0", "-1", "-0", "1.0", "1.5", "1e3", "1E3", "1e+14", "1000000000001", "9007199254740991", "9007199254740992",
    "9223372036854775808", "1" + "0" * 400, "1e400", '"5"', '"1e3"', '""', "true", "false", "null", "[5]", "{}",
)  # fmt: skip
NOT_JSON = (
    "NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "0x10",
    "007",
    "+5",
    ".5",
    "5.",
    "5 5",
    "1_000",
    "'5'",
    "",
    "undefined",
)


@pytest.mark.parametrize("amount", NOT_AMOUNTS)
def test_an_invalid_amount_is_refused_and_its_field_named(api: Api, sam: str, anna: str, amount: str) -> None:
    auction_id = api.create(sam, start_price=1)
    answer = api.post(f"/v1/auctions/{auction_id}/bids", f'{{"bid_id": "b", "amount": {amount}}}', by=anna)
    assert wrong_fields(answer) == ["amount"]
    assert api.state(auction_id)["seq"] == 1


@pytest.mark.parametrize("amount", NOT_JSON)
def test_a_body_that_is_not_json_is_refused_without_naming_a_field(
    api: Api, sam: str, anna: str, amount: str
) -> None:
    auction_id = api.create(sam, start_price=1)
    answer = api.post(f"/v1/auctions/{auction_id}/bids", f'{{"bid_id": "b", "amount": {amount}}}', by=anna)
    assert wrong_fields(answer) == [""]
    assert api.state(auction_id)["seq"] == 1


@pytest.mark.parametrize(
    "bid_id", ["", "x" * 65, "a b", "a:b", "ł", "a\n", "\n", "a\u0000", 'a"', 5, None, ["a"], {"a": 1}]
)
def test_an_invalid_bid_id_is_refused(api: Api, sam: str, anna: str, bid_id: Any) -> None:
    auction_id = api.create(sam)
    answer = api.post(f"/v1/auctions/{auction_id}/bids", {"bid_id": bid_id, "amount": 500}, by=anna)
    assert wrong_fields(answer) == ["bid_id"]


@pytest.mark.parametrize("bid_id", ["a", "Z9_-", "x" * 64])
def test_a_bid_id_of_up_to_64_characters_is_accepted(api: Api, sam: str, anna: str, bid_id: str) -> None:
    assert api.bid(api.create(sam), 500, by=anna, bid_id=bid_id).json()["bid_id"] == bid_id


def test_every_invalid_field_of_a_bid_is_named(api: Api, sam: str, anna: str) -> None:
    path = f"/v1/auctions/{api.create(sam)}/bids"
    assert wrong_fields(api.post(path, {}, by=anna)) == ["bid_id", "amount"]
    body = {"bid_id": 1, "amount": "1", "kind": "proxy", "currency": "USD"}
    assert wrong_fields(api.post(path, body, by=anna)) == list(body)


@pytest.mark.parametrize(
    "body", ["", " ", "{", "[]", "null", "5", '"x"', "{}x", b"\xff\xfe", "[" * 30_000, '{"a":' * 9_000]
)
def test_a_body_that_is_not_an_object_is_refused(api: Api, sam: str, anna: str, body: str | bytes) -> None:
    answer = api.post(f"/v1/auctions/{api.create(sam)}/bids", body, by=anna)
    assert wrong_fields(answer)[0] in {"", "bid_id"}


def test_the_documented_route_and_the_fast_path_answer_the_same(api: Api, sam: str, anna: str) -> None:
    """A path with a trailing slash skips the fast path and uses the route that OpenAPI describes."""
    auction_id = api.create(sam)
    quick, documented = f"/v1/auctions/{auction_id}/bids", f"/v1/auctions/{auction_id}/bids/"
    reply = [api.post(path, {"bid_id": "b", "amount": 500}, by=anna) for path in (quick, documented)]
    assert [answer.status_code for answer in reply] == [201, 201]
    assert reply[1].json() == reply[0].json() | {"replayed": True}
    asked: list[tuple[Any, str | None]] = [
        ({"bid_id": "c", "amount": 900}, anna),
        ({"bid_id": "b", "amount": 501}, anna),
        ({"bid_id": "c", "amount": 1}, sam),
        ({"bid_id": "c"}, anna),
        ("nonsense", anna),
        ("", anna),
        ({"bid_id": "c", "amount": 900}, None),
        ({"bid_id": "c", "amount": 900}, "nonsense"),
        ("x" * 70_000, anna),
    ]
    for body, by in asked:
        one, other = (api.post(path, body, by=by) for path in (quick, documented))
        assert (one.status_code, one.json()) == (other.status_code, other.json())
        compared = ("content-type", "www-authenticate", "connection", "content-length", "retry-after")
        assert [one.headers.get(name) for name in compared] == [other.headers.get(name) for name in compared]
