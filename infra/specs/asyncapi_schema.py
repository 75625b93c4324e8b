"""The form of an AsyncAPI 3.0 document, after the specification's text: every part that we use with all that the
text requires of it, and nothing else allowed. A part that we do not use yet is to be added here first."""

from typing import Any, Final

_TEXT: Final = {"type": "string", "minLength": 1}


def _object(required: str, /, also: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": parts | (also or {}),
        "patternProperties": {"^x-[a-z-]+$": True},
        "additionalProperties": False,
        "required": required.split(),
    }


def _named(part: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": r"^[A-Za-z0-9._-]+$"},
        "additionalProperties": part,
    }


def _ref(to: str) -> dict[str, Any]:
    return _object("$ref", {"$ref": {"type": "string", "pattern": f"^#/{to}$"}})


_NAME: Final = r"[A-Za-z0-9._-]+"
_CHANNEL_REF: Final = _ref(f"channels/{_NAME}")
_MESSAGES: Final = {
    "type": "array",
    "minItems": 1,
    "uniqueItems": True,
    # An operation names messages of its channel, not components.
    "items": _ref(f"channels/{_NAME}/messages/{_NAME}"),
}
_WS: Final = _object("bindingVersion", method={"enum": ["GET", "POST"]}, bindingVersion={"const": "0.1.0"})
_EXAMPLE: Final = _object("payload", name=_TEXT, summary=_TEXT, payload={"type": "object"})

ASYNCAPI: Final = _object(
    "asyncapi info defaultContentType servers channels operations components",
    asyncapi={"const": "3.0.0"},
    info=_object(
        "title version description license",
        title=_TEXT,
        version={"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
        description=_TEXT,
        license=_object("name", name=_TEXT),
    ),
    defaultContentType={"const": "application/json"},
    servers=_named(
        _object(
            "host protocol",
            host={"type": "string", "pattern": r"^[A-Za-z0-9.-]+(:\d+)?$"},
            protocol={"enum": ["ws", "wss"]},
            description=_TEXT,
        )
    ),
    channels=_named(
        _object(
            "address title description servers messages x-close-codes",
            address={"type": "string", "pattern": "^/"},
            title=_TEXT,
            description=_TEXT,
            servers={"type": "array", "minItems": 1, "items": _ref(f"servers/{_NAME}")},
            messages=_named(_ref(f"components/messages/{_NAME}")),
            bindings=_object(
                "ws",
                ws=_object("bindingVersion", method={"enum": ["GET", "POST"]}, bindingVersion={"const": "0.1.0"}),
            ),
            also={
                "x-close-codes": {
                    "type": "object",
                    "propertyNames": {"pattern": "^(1012|4[0-9]{3})$"},
                    "additionalProperties": _TEXT,
                }
            },
        )
    ),
    operations=_named(
        _object(
            "action channel summary messages",
            action={"enum": ["send", "receive"]},
            channel=_CHANNEL_REF,
            summary=_TEXT,
            messages=_MESSAGES,
            reply=_object("channel messages", channel=_CHANNEL_REF, messages=_MESSAGES),
        )
    ),
    components=_object(
        "messages schemas",
        messages=_named(
            _object(
                "name title summary contentType payload examples",
                name=_TEXT,
                title=_TEXT,
                summary=_TEXT,
                contentType={"const": "application/json"},
                payload=_ref(f"components/schemas/{_NAME}"),
                examples={"type": "array", "minItems": 1, "items": _EXAMPLE},
            )
        ),
        schemas=_named({"type": "object"}),
    ),
)
