"""Tokens that no library would write, signed by a trusted issuer: each is accepted or refused without an error."""

import json
import time
from typing import Any

import pytest

from blytz.identity import Principal, TokenRefused
from blytz.identity.oidc import OidcIssuer
from tests.support.issuer import AUDIENCE, FakeIssuer

HEADER = {"alg": "RS256", "kid": "first", "typ": "JWT"}
SHARED = [AUDIENCE, "another"]


async def admitted(issuer: FakeIssuer, header: bytes, payload: bytes) -> Principal:
    verifier = OidcIssuer(issuer.url, frozenset({AUDIENCE}), loopback=True)
    return await verifier.admit(issuer.key.sign_anything(header, payload))


def text(content: dict[str, Any], *, more: str = "") -> bytes:
    """As JSON, with extra members at the end, such as duplicates, which a dict cannot have."""
    return (json.dumps(content)[:-1] + more + "}").encode()


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": SHARED, "azp": [AUDIENCE]},
        {"aud": SHARED, "azp": {AUDIENCE: 1}},
        {"aud": {AUDIENCE: 1}},
        {"aud": [[AUDIENCE], {"a": 1}]},
        {"iss": [AUDIENCE]},
        {"sub": "\ud800"},
        {"sub": ["anna"]},
        {"iat": [1]},
        {"exp": {}},
        {"exp": "2000000000"},
        {"nbf": "now"},
        {"roles": True},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
    ],
    ids=str,
)
async def test_a_claim_of_an_unexpected_type_is_refused(claims: dict[str, Any], issuer: FakeIssuer) -> None:
    with pytest.raises(TokenRefused):
        await admitted(issuer, text(HEADER), text(issuer.claims(**claims)))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400", "9" * 400, "-0.1"])
@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
async def test_an_invalid_time_is_refused(number: str, claim: str, issuer: FakeIssuer) -> None:
    with pytest.raises(TokenRefused):
        await admitted(issuer, text(HEADER), text(issuer.claims(), more=f', "{claim}": {number}'))


@pytest.mark.parametrize(
    "header",
    [
        {"b64": False},
        {"b64": False, "crit": ["b64"]},
        {"b64": 0},
        {"crit": []},
        {"alg": ["RS256"]},
        {"alg": None},
        {"alg": "rs256"},
        {"kid": ["first"]},
        {"kid": None},
        {"kid": "../first"},
        {"kid": "a" * 3_000},
        {"kid": "\ud800"},
        {"typ": 7},
        {"typ": "logout+jwt"},
        {"typ": "secevent+jwt"},
        {"typ": "dpop+jwt"},
    ],
    ids=str,
)
async def test_a_header_with_other_requirements_is_refused(header: dict[str, Any], issuer: FakeIssuer) -> None:
    with pytest.raises(TokenRefused):
        await admitted(issuer, text(HEADER | header), text(issuer.claims()))


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "application/at+JWT", None])
async def test_a_token_may_state_its_type(kind: str | None, issuer: FakeIssuer) -> None:
    header = {name: value for name, value in {**HEADER, "typ": kind}.items() if value is not None}
    assert (await admitted(issuer, text(header), text(issuer.claims()))).name == "Anna"


@pytest.mark.parametrize("member", ["alg", "kid", "typ"])
async def test_a_deeply_nested_member_is_refused(member: str, issuer: FakeIssuer) -> None:
    deep = "[" * 900 + "]" * 900
    with pytest.raises(TokenRefused):
        await admitted(issuer, text(HEADER, more=f', "{member}": {deep}'), text(issuer.claims()))


@pytest.mark.parametrize("content", [b"", b"[]", b'"x"', b"{", b"{}\0", b"\xff", b"[" * 3_000, b'{"a":' * 1_000])
async def test_parts_that_are_not_json_objects_are_refused(content: bytes, issuer: FakeIssuer) -> None:
    for parts in ((content, text(issuer.claims())), (text(HEADER), content)):
        with pytest.raises(TokenRefused):
            await admitted(issuer, *parts)


async def test_the_last_of_duplicate_members_counts_in_every_check(issuer: FakeIssuer) -> None:
    """RFC 7519, section 4, allows this or a refusal; two checks that differ could be bypassed."""
    now = int(time.time())
    stale = issuer.claims(iss="https://evil.example", exp=1)
    header = b'{"alg": "none", "kid": "second", "alg": "RS256", "kid": "first"}'
    principal = await admitted(issuer, header, text(stale, more=f', "iss": "{issuer.url}", "exp": {now + 9}'))
    assert principal.expires_at == (now + 9) * 1_000
    with pytest.raises(TokenRefused):
        await admitted(issuer, text(HEADER), text(issuer.claims(), more=', "exp": 1'))
    with pytest.raises(TokenRefused):
        await admitted(issuer, text(HEADER, more=', "alg": "none"'), text(issuer.claims()))
