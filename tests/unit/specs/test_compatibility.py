"""Each way in which a document may break its clients is found, and what harms nobody is not."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from infra.specs import documents
from infra.specs.compatibility import breaks, may_break

Document = dict[str, Any]

BID: Document = {
    "type": "object",
    "properties": {
        "bid_id": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-z]+$"},
        "amount": {"type": "integer", "minimum": 1, "maximum": 100},
        "kind": {"enum": ["exact", "max"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "steps": {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
    },
    "required": ["bid_id", "amount"],
}
RECEIPT: Document = {
    "type": "object",
    "properties": {
        "seq": {"type": "integer"},
        "outcome": {"enum": ["accepted", "outbid"]},
        "leader": {"anyOf": [{"$ref": "#/components/schemas/Party"}, {"type": "null"}]},
    },
    "required": ["seq", "outcome", "leader"],
}
PARTY: Document = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
SCHEMAS: Document = {"Bid": BID, "Receipt": RECEIPT, "Party": PARTY}
HTTP: Document = {
    "openapi": "3.1.0",
    "paths": {
        "/bids": {
            "get": {
                "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}}],
                "responses": {"200": {"description": "all"}},
            },
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Bid"}}}},
                "responses": {
                    "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Receipt"}}}},
                    "409": {"description": "refused"},
                },
            },
        }
    },
    "components": {"schemas": SCHEMAS},
}


def _on(message: str) -> Document:
    return {"$ref": f"#/channels/live/messages/{message}"}


LIVE: Document = {
    "asyncapi": "3.0.0",
    "channels": {
        "live": {
            "address": "/live/v1",
            "messages": {
                name: {"$ref": f"#/components/messages/{name}"} for name in ("bid", "bid_result", "hello")
            },
            "x-close-codes": {"4400": "malformed"},
        }
    },
    "operations": {
        "bidAsked": {"action": "receive", "messages": [_on("bid")], "reply": {"messages": [_on("bid_result")]}},
        "helloTold": {"action": "send", "messages": [_on("hello")]},
    },
    "components": {
        "messages": {
            "bid": {"name": "bid", "payload": {"$ref": "#/components/schemas/Bid"}},
            "bid_result": {"name": "bid_result", "payload": {"$ref": "#/components/schemas/Receipt"}},
            "hello": {"name": "hello", "payload": {"$ref": "#/components/schemas/Party"}},
        },
        "schemas": SCHEMAS,
    },
}


def at(document: Document, path: str) -> Any:
    found: Any = document
    for part in path.split("."):
        found = found[int(part)] if isinstance(found, list) else found[part.replace("~", "/")]
    return found


def drop(path: str) -> Callable[[Document], None]:
    folder, _, name = path.rpartition(".")

    def change(document: Document) -> None:
        place = at(document, folder)
        if isinstance(place, list):
            place.remove(name)
        else:
            del place[name.replace("~", "/")]

    return change


def put(path: str, value: Any) -> Callable[[Document], None]:
    folder, _, name = path.rpartition(".")

    def change(document: Document) -> None:
        place = at(document, folder)
        if isinstance(place, list):
            place.append(value)
        else:
            place[name.replace("~", "/")] = value

    return change


BID_AT, RECEIPT_AT, PARTY_AT = (f"components.schemas.{name}" for name in ("Bid", "Receipt", "Party"))
SHARED = {
    "a field that a request may have": (drop(f"{BID_AT}.properties.note"), "field note was removed"),
    "a field of an answer": (drop(f"{RECEIPT_AT}.properties.seq"), "field seq was removed"),
    "a field deep in an answer": (drop(f"{PARTY_AT}.properties.id"), "field id was removed"),
    "an enum value of a request": (
        put(f"{BID_AT}.properties.kind", {"enum": ["exact"]}),
        "value 'max' was removed",
    ),
    "an enum value of an answer": (
        put(f"{RECEIPT_AT}.properties.outcome", {"enum": ["accepted"]}),
        "value 'outbid' was removed",
    ),
    "a newly required field": (put(f"{BID_AT}.required.-", "kind"), "field kind is newly required"),
    "a field no longer sure": (drop(f"{RECEIPT_AT}.required.seq"), "field seq is no longer always there"),
    "another type in a request": (
        put(f"{BID_AT}.properties.amount", {"type": "string"}),
        "type changed from integer",
    ),
    "another type in an answer": (
        put(f"{RECEIPT_AT}.properties.seq", {"type": "string"}),
        "type changed from int",
    ),
    "an answer that may be null": (
        put(f"{RECEIPT_AT}.properties.seq", {"type": ["integer", "null"]}),
        "type changed from integer to integer or null",
    ),
    "null no longer taken": (
        put(f"{BID_AT}.properties.note", {"type": "string"}),
        "type changed from null or string",
    ),
    "another type of items": (
        put(f"{BID_AT}.properties.steps.items", {"type": "string"}),
        "type changed from integer to string",
    ),
    "a higher minimum": (put(f"{BID_AT}.properties.amount.minimum", 2), "minimum was narrowed from 1 to 2"),
    "a lower maximum": (put(f"{BID_AT}.properties.amount.maximum", 99), "maximum was narrowed from 100 to 99"),
    "a shorter text": (put(f"{BID_AT}.properties.bid_id.maxLength", 8), "maxLength was narrowed from 64 to 8"),
    "a bound where there was none": (put(f"{BID_AT}.properties.steps.minItems", 1), "narrowed from none to 1"),
    "fewer items": (put(f"{BID_AT}.properties.steps.maxItems", 2), "maxItems was narrowed from 3 to 2"),
    "another pattern": (put(f"{BID_AT}.properties.bid_id.pattern", "^[a-c]+$"), "the pattern changed"),
    "values where anything went": (put(f"{BID_AT}.properties.bid_id.enum", ["a"]), "only certain values are left"),
    "unknown fields": (put(f"{BID_AT}.additionalProperties", False), "unknown fields are newly refused"),
}
OF_HTTP = {
    "a path": (drop("paths.~bids"), "path /bids was removed"),
    "an operation": (drop("paths.~bids.post"), "operation POST /bids was removed"),
    "an answer": (drop("paths.~bids.post.responses.409"), "answer 409 was removed"),
    "a media type": (
        drop("paths.~bids.post.responses.201.content.application~json"),
        "application/json was removed",
    ),
    "a parameter": (put("paths.~bids.get.parameters", []), "parameter limit was removed"),
    "a parameter's bound": (put("paths.~bids.get.parameters.0.schema.maximum", 50), "narrowed from 100 to 50"),
    "a required parameter": (
        put("paths.~bids.get.parameters.-", {"name": "q", "in": "query", "required": True, "schema": {}}),
        "parameter q is newly required",
    ),
    "a required body": (put("paths.~bids.post.requestBody.required", True), "a body is newly required"),
}
OF_LIVE = {
    "a channel": (drop("channels.live"), "channel live was removed"),
    "another address": (put("channels.live.address", "/live/v2"), "channel live was removed"),
    "a message of a channel": (drop("channels.live.messages.hello"), "message hello was removed"),
    "a close code": (drop("channels.live.x-close-codes.4400"), "close code 4400 was removed"),
    "a live operation": (drop("operations.helloTold"), "operation helloTold was removed"),
    "another direction": (put("operations.helloTold.action", "receive"), "operation helloTold was removed"),
    "an answer to a message": (put("operations.bidAsked.reply.messages", []), "message bid_result was removed"),
}
HARMLESS = {
    "nothing": lambda document: None,
    "a new field of a request": put(f"{BID_AT}.properties.more", {"type": "string"}),
    "a new field of an answer": put(f"{RECEIPT_AT}.properties.more", {"type": "string"}),
    "a new value": put(f"{BID_AT}.properties.kind.enum.-", "buy_now"),
    "wider bounds": put(f"{BID_AT}.properties.amount", {"type": "integer", "minimum": 0, "maximum": 1_000}),
    "a wider type": put(f"{BID_AT}.properties.amount.type", "number"),
    "narrower answers": put(f"{RECEIPT_AT}.properties.seq.minimum", 1),
    "null no longer given": put(f"{RECEIPT_AT}.properties.leader", {"$ref": "#/components/schemas/Party"}),
    "a field that is no longer required": drop(f"{BID_AT}.required.amount"),
    "a field that is now sure": put(f"{PARTY_AT}.required.-", "name"),
    "words": put(f"{BID_AT}.description", "A bid"),
    "a pattern that says what it said": put(f"{BID_AT}.properties.bid_id.pattern", r"^[a-z]+$(?!\n)"),
}


def _changed(document: Document, change: Callable[[Document], None]) -> list[str]:
    new = copy.deepcopy(document)
    change(new)
    return breaks(document, new)


@pytest.mark.parametrize("name", SHARED | OF_HTTP)
def test_what_breaks_clients_of_http_is_found(name: str) -> None:
    change, words = (SHARED | OF_HTTP)[name]
    found = _changed(HTTP, change)
    assert len(found) == 1, found
    assert words in found[0]


@pytest.mark.parametrize("name", SHARED | OF_LIVE)
def test_what_breaks_clients_of_the_live_channel_is_found(name: str) -> None:
    change, words = (SHARED | OF_LIVE)[name]
    assert any(words in found for found in _changed(LIVE, change))


@pytest.mark.parametrize("name", HARMLESS)
@pytest.mark.parametrize("document", [HTTP, LIVE], ids=["http", "live"])
def test_what_harms_nobody_is_not_found(document: Document, name: str) -> None:
    assert _changed(document, HARMLESS[name]) == []


def test_a_document_that_is_gone_is_found() -> None:
    assert breaks(HTTP, {}) == ["the whole document was removed"]


@pytest.mark.parametrize(
    ("released", "now", "may"),
    [
        ("0.1.0", "0.1.0", False),
        ("0.1.0", "0.1.9", False),
        ("0.1.0", "0.2.0", True),
        ("0.9.0", "1.0.0", True),
        ("1.2.0", "1.3.0", False),
        ("1.2.0", "2.0.0", True),
    ],
)
def test_a_new_version_may_break_what_semantic_versioning_lets_it(released: str, now: str, may: bool) -> None:
    assert may_break(released, now) is may


def test_the_real_documents_are_compatible_with_themselves() -> None:
    for document in documents.from_code().values():
        assert breaks(document, document) == []
