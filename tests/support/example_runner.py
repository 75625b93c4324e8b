"""A platform with users, and for each documented example a request that gets this answer."""

import contextlib
import json
import sqlite3
import time
from itertools import count
from typing import Any

import httpx

from blytz.identity.dev import DevIssuer
from tests.support.examples_around_shows import around_show
from tests.support.livekit import signed, webhook
from tests.support.operations import Ask, Operation, operations
from tests.support.platform import Platform
from tests.support.wait import wait_until

WITHIN_S = 10.0
LONG_MS = 600_000
_numbers = count(1)


class ExampleRunner:
    """Sends requests, and creates the state in which an example applies."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.issuer = DevIssuer(platform.data)
        self.http = httpx.Client(base_url=platform.url, timeout=WITHIN_S)
        self.operator = httpx.Client(base_url=f"http://127.0.0.1:{platform.ports['auction']}", timeout=WITHIN_S)
        self.anna, self.ben = self.person("bidder"), self.person("bidder")
        self.auction = next(one for one in operations() if one.id == "createAuction")
        self.bidding = next(one for one in operations() if one.id == "placeBid")

    def person(self, *roles: Any) -> str:
        """The token of a new user, whose limits are unused."""
        return self.issuer.issue(f"Example {next(_numbers)} {time.time_ns()}", roles)

    def send(self, ask: Ask) -> httpx.Response:
        headers = {"Authorization": f"Bearer {ask.token}"} if ask.token else {}
        headers |= {"Idempotency-Key": ask.key} if ask.key else {}
        client = self.operator if ask.operation.document.get("servers") else self.http
        path = ask.operation.path.format(**ask.parts)
        content: dict[str, Any] = {}
        if isinstance(ask.body, bytes):
            content = {"content": ask.body, "headers": headers | {"Content-Type": "image/png"}}
        elif isinstance(ask.body, str):
            content = {"content": ask.body, "headers": headers | {"Content-Type": "application/json"}}
        elif ask.body is not None:
            content = {"json": ask.body}
        return client.request(ask.operation.method, path, params=ask.query, **{"headers": headers, **content})

    def open(self, seller: str = "", *, starts_in_ms: int = 0, key: str = "", **terms: Any) -> str:
        """The id of a new auction."""
        starts_at = int(time.time() * 1000) + starts_in_ms if starts_in_ms else None
        body = {
            "starts_at": starts_at,
            "title": "An example",
            "terms": {"start_price": 1_000, "duration_ms": LONG_MS, **terms},
        }
        reply = self.send(Ask(self.auction, seller or self.person("seller"), body, key=key))
        assert reply.status_code == 201, reply.text
        return str(reply.json()["auction_id"])

    def bid(self, auction_id: str, token: str, amount: int, kind: str = "exact", bid_id: str = "") -> None:
        body = {"bid_id": bid_id or f"s{next(_numbers)}", "amount": amount, "kind": kind}
        reply = self.send(Ask(self.bidding, token, body, {"auction_id": auction_id}))
        assert reply.status_code == 201, reply.text

    def act(self, subject_id: str, token: str, verb: str, of: str = "auctions") -> None:
        reply = self.http.post(
            f"/auction/v1/{of}/{subject_id}/{verb}", headers={"Authorization": f"Bearer {token}"}
        )
        assert reply.status_code == 200, reply.text

    def close(self) -> None:
        self.http.close()
        self.operator.close()

    def user_id(self, token: str) -> str:
        return self.issuer.verify(token).id

    def banned(self) -> tuple[str, str]:
        """The token and id of a new user who is banned."""
        token = self.person("bidder", "seller", "admin")
        user_id = self.user_id(token)
        admin = {"Authorization": f"Bearer {self.person('admin')}"}
        reply = self.http.put(f"/auction/v1/admin/bans/{user_id}", json={"reason": "an example"}, headers=admin)
        assert reply.status_code == 200, reply.text
        theirs = {"Authorization": f"Bearer {token}"}
        wait_until(lambda: self.http.get("/auction/v1/auctions", headers=theirs).status_code == 403, "banned")
        return token, user_id

    def good(self, operation: Operation, name: str = "") -> Ask:
        """A request that gets the answer of this example."""
        body = operation.request(name)
        if operation.id in {"health", "ready", "metrics", "signIn"}:
            return Ask(operation, body=body)
        if "admin" in operation.document["tags"]:
            is_about = self.banned()[1] if operation.id in {"getBan", "listBans"} else self.user_id(self.person())
            parts = {"user_id": is_about} if "{user_id}" in operation.path else {}
            return Ask(operation, self.person("admin"), body, parts)
        if "shows" in operation.document["tags"]:
            return self._about_show(operation, body)
        if "running a show" in operation.document["tags"]:
            return self._about_running(operation, body)
        if "video" in operation.document["tags"]:
            return self._about_video(operation, name, body)
        if operation.id == "createPurchase":
            return Ask(operation, self.person("bidder"), body, {"lot_id": self.fixed_lot()})
        if operation.id == "createAuction":
            if "starts_at" in body:
                body = {**body, "starts_at": int(time.time() * 1000) + LONG_MS}
            return Ask(operation, self.person("seller"), body)
        seller = self.person("seller")
        if operation.id == "listAuctions":
            # Makes a second page.
            self.open()
        terms: dict[str, Any] = {"buy_now_price": 9_000} if name == "bought" else {}
        auction_id = self.open(seller, **terms)
        return self._about(operation, name, auction_id, seller, body)

    def _about_show(self, operation: Operation, body: Any) -> Ask:
        seller = self.person("seller")
        if operation.id == "createShow":
            return Ask(operation, seller, self._in_future(body), key=f"k{next(_numbers)}")
        show_id = self.show(seller)
        if ask := around_show(self, operation, seller, body, {"show_id": show_id}):
            return ask
        parts = {"show_id": show_id, "lot_id": "" if operation.id == "addLot" else self.lot(show_id, seller)}
        match operation.id:
            case "listShows":
                # So that there is another page.
                self.show(seller)
                return Ask(operation, query={"limit": 1, "seller": self.user_id(seller)})
            case "addLot":
                return Ask(operation, seller, body, parts, key=f"k{next(_numbers)}")
            case "placePreBid" | "withdrawPreBid":
                return Ask(operation, self.person("bidder"), body, parts)
            case "orderQueue":
                body = {"lot_ids": [parts["lot_id"]]}
        return Ask(operation, seller, body, parts)

    def _about_running(self, operation: Operation, body: Any) -> Ask:
        seller = self.person("seller")
        show_id = self.show(seller)
        parts = {"show_id": show_id, "lot_id": self.lot(show_id, seller)}
        before = {"startShow": [], "cancelShow": [], "resumeShow": ["start", "pause"]}
        for verb in before.get(operation.id, ["start"]):
            self.act(show_id, seller, verb, of="shows")
        if operation.id == "closeLot":
            self.act(parts["lot_id"], seller, "start", of="lots")
        if operation.id == "rerunLot":
            self._run(show_id, parts["lot_id"], seller)
        return Ask(operation, seller, body, parts)

    def _run(self, show_id: str, lot_id: str, seller: str) -> None:
        """Opens the lot and lets its auction end."""
        self.act(show_id, seller, "next", of="shows")
        headers = {"Authorization": f"Bearer {seller}"}

        def lot() -> Any:
            return self.http.get(f"/auction/v1/lots/{lot_id}", headers=headers).json()

        self.act(lot()["auction_id"], seller, "close")
        wait_until(lambda: lot()["status"] == "unsold", "the lot is closed")

    def _about_video(self, operation: Operation, name: str, body: Any) -> Ask:
        if operation.id == "takeVideoEvent":
            text, signature = signed(webhook("track_published", "shw_1", "host_1", track="TR_1"))
            return Ask(operation, signature, text)
        seller = self.person("seller")
        parts = {"show_id": self.show(seller), "participant": "cohost_01"}
        self.act(parts["show_id"], seller, "start", of="shows")
        return Ask(operation, "" if name == "to watch" else seller, body, parts)

    def show(self, seller: str, **settings: Any) -> str:
        """The id of a new show like that of the examples, but for these settings."""
        [create] = [one for one in operations() if one.id == "createShow"]
        body = self._in_future(create.request("in an hour"))
        answer = self.send(Ask(create, seller, body | {"settings": body["settings"] | settings}))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["show_id"])

    def fixed_lot(self, seller: str = "", *, is_open: bool = True, requires: str = "", **terms: Any) -> str:
        """The id of a lot at a fixed price in a show of its own."""
        seller = seller or self.person("seller")
        show_id = self.show(seller, bidder_requirements={requires: True} if requires else {})
        [add] = [one for one in operations() if one.id == "addLot"]
        body = add.request("at a fixed price")
        answer = self.send(Ask(add, seller, {**body, "terms": body["terms"] | terms}, {"show_id": show_id}))
        assert answer.status_code == 201, answer.text
        lot_id = str(answer.json()["lot_id"])
        if is_open:
            self.act(show_id, seller, "start", of="shows")
            self.act(lot_id, seller, "start", of="lots")
        return lot_id

    def lot(self, show_id: str, seller: str) -> str:
        """The id of a new lot like that of the examples."""
        [add] = [one for one in operations() if one.id == "addLot"]
        answer = self.send(Ask(add, seller, add.request("a bowl"), {"show_id": show_id}))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["lot_id"])

    def change_catalogue(self, statement: str, *values: str | int | None, rows: int = 1) -> None:
        """For a state that no call leads to yet. Only where the platform uses SQLite."""
        with contextlib.closing(sqlite3.connect(self.platform.data / "show.sqlite")) as database, database:
            assert database.execute(statement, values).rowcount == rows

    @staticmethod
    def _in_future(body: Any) -> Any:
        """The example's moment has passed."""
        return body | {"scheduled_at": int(time.time() * 1000) + LONG_MS} if "scheduled_at" in body else body

    def _about(self, operation: Operation, name: str, auction_id: str, seller: str, body: Any) -> Ask:
        parts = {"auction_id": auction_id}
        if name == "outbid at once":
            self.bid(auction_id, self.ben, 5_000, "max")
        elif operation.id in {"listAuctions", "getAuction", "listEvents", "closeAuction"}:
            self.bid(auction_id, self.anna, *((20_000, "max") if name == "to its leader" else (1_000,)))
        elif operation.id == "resumeAuction":
            self.act(auction_id, seller, "pause")
        match operation.id:
            case "listAuctions":
                return Ask(operation, query={"limit": 1})
            case "getAuction":
                return Ask(operation, self.anna if name == "to its leader" else "", parts=parts)
            case "listEvents":
                return Ask(operation, parts=parts)
            case "placeBid":
                return Ask(operation, self.person("bidder"), body, parts)
        return Ask(operation, seller, body, parts)


def shape(value: Any) -> Any:
    """The structure of a JSON value: its fields and types without the values."""
    match value:
        case dict():
            return {name: shape(part) for name, part in sorted(value.items())}
        case list():
            return sorted({json.dumps(shape(part)) for part in value})
    return type(value).__name__


def is_as_shown(answer: httpx.Response, operation: Operation, status: str, name: str) -> None:
    assert str(answer.status_code) == status, answer.text
    media = operation.document["responses"][status].get("content", {})
    if not media:
        assert answer.content == b""
        return
    kind = next(iter(media))
    assert answer.headers["content-type"].startswith(kind)
    if kind.startswith("text/"):
        return
    shown = media[kind]["examples"][name]["value"]
    assert shape(answer.json()) == shape(shown)
    for word in ("code", "outcome", "status", "replayed"):
        assert answer.json().get(word) == shown.get(word)
