"""The AsyncAPI 3.0 document of the live gateway, made from its structs. It describes the gateway's side: `receive`
is what clients send."""

from typing import Any

import msgspec
from msgspec import Struct

import blytz
from blytz.auction.http.examples import BID, OPENED, STATE
from blytz.kit.http.openapi import make_portable, open_answers
from blytz.live import contract, protocol
from blytz.show.http.examples import ANSWERS

CHANNEL = "live"
_SHOW = ANSWERS["listShows"]["one"]["shows"][0]
_LOT = ANSWERS["addLot"]["a bowl"]
_EXAMPLES = contract.examples(OPENED, BID, STATE, _SHOW, _LOT)


def document() -> dict[str, Any]:
    kinds = [*contract.CLIENT, *contract.SERVER]
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    _, taken = msgspec.json.schema_components(contract.CLIENT)
    open_answers(schemas, taken)
    make_portable(schemas)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Blytz live",
            "version": blytz.__version__,
            "description": "Bids in, events out, over one WebSocket. Text frames, each one JSON object or an "
            "array of them: a batch, in order. A client ignores unknown fields in what it receives.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "gateway": {
                "host": "127.0.0.1:8000",
                "protocol": "ws",
                "description": "The public address; `wss` where it has a certificate.",
            }
        },
        "channels": {CHANNEL: _channel()},
        "operations": _operations(),
        "components": {
            "messages": {name_of(kind): _message(kind) for kind in kinds},
            "schemas": {name: _draft_07(schema) for name, schema in sorted(schemas.items())},
        },
    }


def name_of(kind: type[Struct]) -> str:
    """The value of `type` on the wire, where only one message has it."""
    return contract.NAMES.get(kind) or str(kind.__struct_config__.tag)


def _channel() -> dict[str, Any]:
    return {
        "address": "/live/v1",
        "title": "The live channel",
        "description": f"Subprotocol `{protocol.SUBPROTOCOL}`. At most "
        f"{protocol.MAX_MESSAGE_BYTES} bytes a message from a client, {protocol.MAX_AUTH_BYTES} for `auth`. "
        "A page's Origin must be on the allow-list.",
        "servers": [{"$ref": "#/servers/gateway"}],
        "messages": {
            name_of(kind): {"$ref": f"#/components/messages/{name_of(kind)}"}
            for kind in (*contract.CLIENT, *contract.SERVER)
        },
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
        "x-close-codes": {str(code): why for code, why in contract.CLOSES.items()},
    }


def _operations() -> dict[str, Any]:
    received = {
        _operation("receive", kind): {
            "action": "receive",
            **_about(kind, contract.CLIENT[kind]),
            "reply": {"channel": _here(), "messages": [_on_channel(answer) for answer in answers]},
        }
        for kind, answers in contract.ANSWERS.items()
    }
    sent = {
        _operation("send", kind): {"action": "send", **_about(kind, contract.SERVER[kind])}
        for kind in contract.UNSOLICITED
    }
    return received | sent


def _operation(action: str, kind: type[Struct]) -> str:
    return action + name_of(kind).title().replace("_", "")


def _about(kind: type[Struct], summary: str) -> dict[str, Any]:
    return {"channel": _here(), "summary": summary, "messages": [_on_channel(kind)]}


def _here() -> dict[str, str]:
    return {"$ref": f"#/channels/{CHANNEL}"}


def _on_channel(kind: type[Struct]) -> dict[str, str]:
    return {"$ref": f"#/channels/{CHANNEL}/messages/{name_of(kind)}"}


def _message(kind: type[Struct]) -> dict[str, Any]:
    return {
        "name": name_of(kind),
        "title": kind.__name__,
        "summary": (contract.CLIENT | contract.SERVER)[kind],
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "examples": [{"payload": example} for example in _EXAMPLES[kind]],
    }


def _draft_07(schema: Any) -> Any:
    """AsyncAPI's own schemas are JSON Schema draft 07, which spells tuples differently."""
    if isinstance(schema, list):
        return [_draft_07(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    drafted = {name: _draft_07(part) for name, part in schema.items()}
    if "prefixItems" in drafted:
        drafted["additionalItems"] = drafted.pop("items", True)
        drafted["items"] = drafted.pop("prefixItems")
    return drafted
