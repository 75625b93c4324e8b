"""Every cell of the table in `specs/roles.md`, on a real platform through its gateway."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from blytz.apps.auction import openapi
from blytz.identity import Role
from blytz.identity.dev import DevIssuer
from blytz.kit.ids import new_id
from tests.support.images import picture
from tests.support.live_client import welcomed
from tests.support.platform import Platform
from tests.support.wait import wait_until

TABLE = Path(__file__).parents[2] / "specs" / "roles.md"
REPEATED_FOR_S = 10
NOT_IN_THE_TABLE = {"GET /health", "GET /ready", "GET /metrics", "POST /v1/dev/sign-in"}
ROLES: dict[str, tuple[Role, ...]] = {
    "no role": (),
    "bidder": ("bidder",),
    "seller": ("seller",),
    "moderator": ("moderator",),
    "admin": ("admin",),
}


def rows() -> Iterator[tuple[str, str, str]]:
    """Call, role and promise; "own" makes two promises."""
    lines = [line.strip("| \n").split(" | ") for line in TABLE.read_text().splitlines() if line.startswith("| ")]
    who = lines[0][1:]
    for call, *cells in lines[1:]:
        for name, promised in zip(who, cells, strict=True):
            yield call.strip("`"), name, "403" if promised == "own" else promised
            if promised == "own":
                yield call.strip("`"), f"{name} of it", "yes"


def cells(*, live: bool) -> list[tuple[str, str, str]]:
    return [row for row in rows() if row[0].startswith("WS ") is live]


class RepeatingTransport(httpx.HTTPTransport):
    """Repeats a call that was answered 503, as that answer asks: a machine that stalls for 300 ms must not fail
    these tests. The Idempotency-Key makes it safe."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["idempotency-key"] = new_id("key")
        until = time.monotonic() + REPEATED_FOR_S
        while (answer := super().handle_request(request)).status_code == 503 and time.monotonic() < until:
            answer.read()
            time.sleep(float(answer.headers.get("retry-after", 0)))
        return answer


@pytest.fixture(scope="module")
def http(platform: Platform) -> Iterator[httpx.Client]:
    transport = RepeatingTransport()
    with httpx.Client(base_url=f"{platform.url}/auction", timeout=10, transport=transport) as client:
        yield client


@pytest.fixture(scope="module")
def issuer(platform: Platform) -> DevIssuer:
    return DevIssuer(platform.data)


@pytest.fixture
def seller(issuer: DevIssuer, call: str, who: str) -> str:
    """A new user for each cell, so that no user limit is reached."""
    return issuer.issue(f"Sam, for {who}: {call}", ROLES["seller"])


@pytest.fixture
def auction_id(http: httpx.Client, seller: str) -> str:
    created = http.post("/v1/auctions", json={"title": "A thing", "terms": {}}, headers=signed_by(seller))
    assert created.status_code == 201, created.text
    return str(created.json()["auction_id"])


@pytest.fixture
def ids(http: httpx.Client, seller: str, call: str, auction_id: str) -> dict[str, str]:
    """Of an auction, and where the call is about them of a show and its lot, all of this seller."""
    if "template_id" in call:
        made = http.post("/v1/terms-templates", json={"name": "Mine", "terms": {}}, headers=signed_by(seller))
        return {"template_id": made.json()["template_id"], "lot_id": ""}
    if "show_id" not in call and "lot_id" not in call:
        return {"auction_id": auction_id, "lot_id": ""}
    show = {"title": "A show", "scheduled_at": int(time.time() * 1_000) + 600_000}
    show_id = http.post("/v1/shows", json=show, headers=signed_by(seller)).json()["show_id"]
    fixed = {"format": "fixed", "price": 500, "quantity": 10}
    lot, report = {"title": "A thing", "terms": fixed if "purchases" in call else {}}, {"reason": "spam"}
    reported = http.post(f"/v1/shows/{show_id}/reports", json=report, headers=signed_by(seller)).json()
    added = http.post(f"/v1/shows/{show_id}/lots", json=lot, headers=signed_by(seller))
    ids = {"show_id": show_id, "lot_id": added.json()["lot_id"], "report_id": reported["report_id"]}
    for step in made_ready_by(call):
        ready = http.post(step.format(**ids), headers=signed_by(seller))
        assert ready.status_code == 200, ready.text
    if "message_id" in call:
        message = {"message_id": "m1", "text": "Hello"}
        said = http.post(f"/v1/shows/{show_id}/messages", json=message, headers=signed_by(seller))
        ids["message_id"] = said.json()["message_id"]
    if call == "POST /v1/lots/{lot_id}/rerun":
        path = f"/v1/lots/{ids['lot_id']}"
        auction = http.get(path).json()["auction_id"]
        http.post(f"/v1/auctions/{auction}/close", headers=signed_by(seller))
        wait_until(lambda: http.get(path).json()["status"] == "unsold", "the lot is closed")
    return ids


def made_ready_by(call: str) -> list[str]:
    """What has to be done to a show and its lot so that the call is not refused for another reason."""
    if "/messages" in call:
        return ["/v1/shows/{show_id}/start"]
    _, _, act = call.rpartition("/")
    if (
        act not in {"pause", "resume", "end", "next", "start", "rerun", "close", "purchases", "video-token"}
        or call == "POST /v1/shows/{show_id}/start"
    ):
        return []
    opened = ["/v1/lots/{lot_id}/start"]
    more = {"resume": ["/v1/shows/{show_id}/pause"], "rerun": opened, "close": opened, "purchases": opened}
    return ["/v1/shows/{show_id}/start", *more.get(act, [])]


@pytest.fixture
def caller(issuer: DevIssuer, who: str, seller: str) -> str:
    """The token of this role; None for "anyone"."""
    if who == "anyone":
        return ""
    return seller if who.endswith(" of it") else issuer.issue(who, ROLES[who])


def signed_by(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


def body_of(call: str, lot_id: str) -> Any:
    return {
        "POST /v1/auctions": {"title": "A thing", "terms": {}},
        "POST /v1/auctions/{auction_id}/bids": {"bid_id": "b1", "amount": 100},
        "POST /v1/auctions/{auction_id}/extend": {"by_ms": 60_000},
        "PUT /v1/admin/bans/{user_id}": {"reason": "a test"},
        "POST /v1/shows": {"title": "A show"},
        "PATCH /v1/shows/{show_id}": {"title": "Another"},
        "POST /v1/shows/{show_id}/lots": {"title": "A thing", "terms": {}},
        "PUT /v1/shows/{show_id}/queue": {"lot_ids": [lot_id]},
        "POST /v1/shows/{show_id}/video-token": {"role": "viewer"},
        "PATCH /v1/lots/{lot_id}": {"title": "Another"},
        "PUT /v1/lots/{lot_id}/pre-bid": {"amount": 500},
        "POST /v1/lots/{lot_id}/purchases": {"purchase_id": "p1"},
        "POST /v1/shows/{show_id}/reports": {"reason": "spam"},
        "POST /v1/terms-templates": {"name": "A minute", "terms": {}},
        "PATCH /v1/terms-templates/{template_id}": {"name": "A minute"},
        "POST /v1/shows/{show_id}/moderators": {"user_id": "usr_nobody", "name": "Mo"},
        "PUT /v1/shows/{show_id}/bidders/{user_id}": {"approved": True},
        "POST /v1/shows/{show_id}/messages": {"message_id": "m1", "text": "Hello"},
        "POST /v1/shows/{show_id}/announcements": {"text": "Hello"},
        "PUT /v1/shows/{show_id}/mutes/{user_id}": {},
        "PUT /v1/sellers/me/chat-rules": {"words": ["junk"]},
        "PUT /v1/admin/revocations/{user_id}": {},
    }.get(call)


@pytest.mark.parametrize(("call", "who", "promised"), cells(live=False))
def test_each_role_may_make_the_calls_that_the_table_allows(
    call: str, who: str, promised: str, http: httpx.Client, seller: str, ids: dict[str, str], caller: str
) -> None:
    if call == "POST /v1/auctions/{auction_id}/resume":
        paused = http.post(f"/v1/auctions/{ids['auction_id']}/pause", headers=signed_by(seller))
        assert paused.status_code == 200, paused.text
    method, _, path = call.partition(" ")
    answer = http.request(
        method,
        path.format(**ids, user_id="usr_nobody", participant="cohost_01"),
        **({"content": picture()} if call == "POST /v1/images" else {"json": body_of(call, ids["lot_id"])}),
        headers=signed_by(caller),
    )
    if promised == "yes":
        assert answer.is_success or (call.startswith("GET /v1/admin/bans/") and answer.status_code == 404), (
            answer.text
        )
        return
    code = {"401": "unauthenticated", "403": "forbidden"}[promised]
    assert (answer.status_code, answer.json()["code"]) == (int(promised), code)


@pytest.mark.parametrize(("call", "who", "promised"), cells(live=True))
async def test_each_role_may_send_the_messages_that_the_table_allows(
    call: str, who: str, promised: str, platform: Platform, auction_id: str, caller: str
) -> None:
    async with welcomed(platform.ports["nginx"], caller) as visitor:
        if call == "WS watch":
            reply = await visitor.ask({"type": "watch", "topic": f"auction:{auction_id}"}, "snapshot")
            assert promised == "yes"
            assert reply["state"]["auction_id"] == auction_id
            return
        bid = {"type": "bid", "auction_id": auction_id, "bid_id": "b1", "amount": 100}
        result = await visitor.ask(bid, "bid_result")
        if result["code"] == "pending":
            result = await visitor.ask(bid, "bid_result")
    code = {"yes": None, "401": "unauthenticated", "403": "forbidden"}[promised]
    assert (result["outcome"], result["code"]) == ("refused" if code else "accepted", code)


def test_every_call_has_a_row_in_the_table() -> None:
    documented = {
        f"{method.upper()} {path}" for path, calls in openapi()["paths"].items() for method in calls
    } - NOT_IN_THE_TABLE
    assert {call for call, _, _ in cells(live=False)} == documented


def test_the_table_names_every_role() -> None:
    [head] = re.findall(r"^\| call \| (.*) \|$", TABLE.read_text(), re.MULTILINE)
    assert head.split(" | ") == ["anyone", *ROLES]
