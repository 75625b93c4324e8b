"""The documents of today against those of the last release: what would break a client needs a new version."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

import blytz
from infra.specs import documents
from infra.specs.__main__ import check
from infra.specs.compatibility import breaks

Document = dict[str, Any]
Change = Callable[[Document], object]

HTTP, LIVE = "openapi/auction.yaml", documents.ASYNCAPI
MADE = documents.from_code()
_, RELEASED = documents.last_released() or ("", {})
BID = "/v1/auctions/{auction_id}/bids"


def schema(document: Document, name: str) -> Document:
    found: Document = document["components"]["schemas"][name]
    return found


def field(document: Document, name: str, of: str) -> Document:
    found: Document = schema(document, of)["properties"][name]
    return found


def bid(document: Document) -> Document:
    found: Document = document["paths"][BID]["post"]
    return found


def limit(document: Document) -> Document:
    parameters = document["paths"]["/v1/auctions"]["get"]["parameters"]
    found: Document = next(one for one in parameters if one["name"] == "limit")
    return found


def refusals(document: Document) -> Document:
    found: Document = bid(document)["responses"]["409"]["content"]["application/problem+json"]["examples"]
    return found


def rename(node: Document, old: str, new: str) -> None:
    node[new] = node.pop(old)


def rename_message(it: Document, old: str, new: str) -> None:
    """Everywhere, as `make specs` would after a rename in the code."""
    rename(it["channels"]["live"]["messages"], old, new)
    rename(it["components"]["messages"], old, new)
    it["channels"]["live"]["messages"][new] = {"$ref": f"#/components/messages/{new}"}
    it["operations"]["bidAsked"]["messages"] = [{"$ref": f"#/channels/live/messages/{new}"}]


BREAKING: dict[str, tuple[str, Change, str]] = {
    "a field of an answer is removed": (
        HTTP,
        lambda it: schema(it, "AuctionState")["properties"].pop("price"),
        "field price was removed",
    ),
    "a field that an answer may have is removed": (
        HTTP,
        lambda it: schema(it, "AuctionState")["properties"].pop("your_ceiling"),
        "field your_ceiling was removed",
    ),
    "a field of a problem is removed": (
        HTTP,
        lambda it: schema(it, "ProblemBody")["properties"].pop("retry_after_ms"),
        "field retry_after_ms was removed",
    ),
    "a field of an answer is renamed": (
        HTTP,
        lambda it: rename(schema(it, "PartyView")["properties"], "name", "display_name"),
        "field name was removed",
    ),
    "a field of an answer has another type": (
        HTTP,
        lambda it: field(it, "price", of="EventView").update(type="string"),
        "the type changed from integer to string",
    ),
    "a bound is tighter": (
        HTTP,
        lambda it: field(it, "amount", of="NewBid").update(maximum=99),
        "maximum was narrowed",
    ),
    "a bound deep inside is tighter": (
        HTTP,
        lambda it: field(it, "increments", of="Terms")["items"]["prefixItems"][0].update(minimum=5),
        "minimum was narrowed from 0 to 5",
    ),
    "only some numbers are left": (
        HTTP,
        lambda it: field(it, "amount", of="NewBid").update(multipleOf=100),
        "multipleOf is newly asked for",
    ),
    "a value of a request is removed": (
        HTTP,
        lambda it: field(it, "kind", of="NewBid")["enum"].remove("max"),
        "value 'max' was removed",
    ),
    "a value of an answer is removed": (
        HTTP,
        lambda it: field(it, "kind", of="EventView")["enum"].remove("sold"),
        "value 'sold' was removed",
    ),
    "a default is another": (
        HTTP,
        lambda it: field(it, "kind", of="NewBid").update(default="max"),
        "the default changed from 'exact' to 'max'",
    ),
    "a default of a query is another": (
        HTTP,
        lambda it: limit(it)["schema"].update(default=10),
        "limit: the default changed from 20 to 10",
    ),
    "a new field is required": (
        HTTP,
        lambda it: (
            schema(it, "NewBid")["properties"].update(why={"type": "string"}),
            schema(it, "NewBid")["required"].append("why"),
        ),
        "field why is newly required",
    ),
    "a field of a query is renamed": (HTTP, lambda it: limit(it).update(name="size"), "parameter limit was remov"),
    "another status": (HTTP, lambda it: rename(bid(it)["responses"], "201", "200"), "answer 201 was removed"),
    "another status of a refusal": (
        HTTP,
        lambda it: rename(bid(it)["responses"], "422", "400"),
        "answer 422 was removed",
    ),
    "a code is removed": (HTTP, lambda it: refusals(it).pop("bid_too_low"), "code bid_too_low was removed"),
    "another address": (HTTP, lambda it: rename(it["paths"], BID, BID + "/new"), f"path {BID} was removed"),
    "another method": (HTTP, lambda it: rename(it["paths"][BID], "post", "put"), "operation POST"),
    "another name of an operation": (
        HTTP,
        lambda it: bid(it).update(operationId="bid"),
        "operationId placeBid became bid",
    ),
    "a token is needed": (
        HTTP,
        lambda it: it["paths"]["/v1/auctions"]["get"].update(security=[{"bearer": []}]),
        "GET /v1/auctions: a token is newly required",
    ),
    "another kind of token": (
        HTTP,
        lambda it: bid(it).update(security=[{"cookie": []}]),
        "bearer no longer lets in",
    ),
    "a token of another form": (
        HTTP,
        lambda it: it["components"]["securitySchemes"]["bearer"].update(scheme="basic"),
        "security scheme bearer changed",
    ),
    "another place": (
        HTTP,
        lambda it: it["servers"][0].update(url="/auctions"),
        "the API is no longer at /auction",
    ),
    "another channel": (
        LIVE,
        lambda it: it["channels"]["live"].update(address="/live/v2"),
        "channel live was rem",
    ),
    "a message is renamed": (LIVE, lambda it: rename_message(it, "bid", "offer"), "message bid was removed"),
    "a message is named otherwise on the wire": (
        LIVE,
        lambda it: field(it, "type", of="PlaceBid").update(enum=["offer"]),
        "value 'bid' was removed",
    ),
    "a field of a message is removed": (
        LIVE,
        lambda it: schema(it, "BidResult")["properties"].pop("minimum"),
        "message bid_result: field minimum was removed",
    ),
    "a message must say more": (
        LIVE,
        lambda it: schema(it, "Watch")["required"].append("epoch"),
        "message watch: field epoch is newly required",
    ),
    "a message is no longer an answer": (
        LIVE,
        lambda it: it["operations"]["bidAsked"]["reply"]["messages"].pop(0),
        "bidAsked: message bid_result was removed",
    ),
    "nobody says it any more": (LIVE, lambda it: it["operations"].pop("viewersTold"), "viewersTold was removed"),
    "another close code": (
        LIVE,
        lambda it: rename(it["channels"]["live"]["x-close-codes"], "4429", "4430"),
        "close code 4429 was removed",
    ),
    "another protocol": (
        LIVE,
        lambda it: it["servers"]["gateway"].update(protocol="mqtt"),
        "server gateway no longer speaks ws",
    ),
    "another form of messages": (
        LIVE,
        lambda it: it["components"]["messages"]["bid"].update(contentType="application/cbor"),
        "message bid: it is no longer application/json",
    ),
    "another way to connect": (
        LIVE,
        lambda it: it["channels"]["live"]["bindings"]["ws"].update(method="POST"),
        "channel live: its binding to ws changed",
    ),
}
HARMLESS: dict[str, tuple[str, Change]] = {
    "a field more in an answer": (
        HTTP,
        lambda it: schema(it, "AuctionState")["properties"].update(room={"type": "string"}),
    ),
    "a field more that a request may have": (
        HTTP,
        lambda it: schema(it, "NewBid")["properties"].update(note={"type": "string", "maxLength": 9}),
    ),
    "a value more": (HTTP, lambda it: field(it, "kind", of="NewBid")["enum"].append("proxy")),
    "a wider bound": (HTTP, lambda it: field(it, "amount", of="NewBid").update(maximum=10**15)),
    "another code": (HTTP, lambda it: refusals(it).update(new=refusals(it)["bid_too_low"])),
    "another call": (HTTP, lambda it: it["paths"].update({"/v1/shows": it["paths"]["/v1/auctions"]})),
    "one more way in": (HTTP, lambda it: bid(it)["security"].append({"cookie": []})),
    "no token needed": (HTTP, lambda it: bid(it).pop("security")),
    "one more place": (HTTP, lambda it: it["servers"].append({"url": "/v2/auction"})),
    "other words": (HTTP, lambda it: bid(it).update(summary="Offer", description="More")),
    "a parameter more": (
        HTTP,
        lambda it: it["paths"]["/v1/auctions"]["get"]["parameters"].append(
            {"name": "q", "in": "query", "schema": {"type": "string"}}
        ),
    ),
    "a field more in a message": (
        LIVE,
        lambda it: schema(it, "BidResult")["properties"].update(why={"type": "string"}),
    ),
    "a message more": (
        LIVE,
        lambda it: (
            it["components"]["messages"].update(more=it["components"]["messages"]["pong"]),
            it["channels"]["live"]["messages"].update(more={"$ref": "#/components/messages/more"}),
            it["operations"].update(moreTold={"action": "send", "channel": {}, "messages": []}),
        ),
    ),
    "a close code more": (LIVE, lambda it: it["channels"]["live"]["x-close-codes"].update({"4500": "new"})),
}


def _with(path: str, change: Change) -> documents.Documents:
    made = copy.deepcopy(MADE)
    change(made[path])
    return made


@pytest.mark.parametrize("name", BREAKING)
def test_what_would_break_a_client_of_the_last_release_is_found(name: str) -> None:
    path, change, words = BREAKING[name]
    found = breaks(RELEASED[path], _with(path, change)[path])
    assert any(words in one for one in found), found


@pytest.mark.parametrize("name", HARMLESS)
def test_what_clients_can_live_with_is_not(name: str) -> None:
    path, change = HARMLESS[name]
    assert breaks(RELEASED[path], _with(path, change)[path]) == []


def test_the_check_lets_a_new_version_do_what_this_one_may_not() -> None:
    made = _with(HTTP, BREAKING["a field of an answer is removed"][1])
    words = "field price was removed; clients of"
    assert any(words in one for one in check(made, blytz.__version__))
    major, minor, _ = blytz.__version__.split(".")
    assert not any(words in one for one in check(made, f"{major}.{int(minor) + 1}.0"))


def test_the_documents_of_today_need_no_new_version() -> None:
    assert list(check(MADE, blytz.__version__)) == []
