"""Authentication through nginx, with valid and forged tokens of a real issuer."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from urllib.parse import quote

import pytest

from blytz.identity.claims import user_id
from tests.support.forgeries import forgeries
from tests.support.gateway_calls import Calls
from tests.support.http import problem
from tests.support.issuer import AUDIENCE, FakeIssuer, SigningKey
from tests.support.live_client import Client, welcomed
from tests.support.platform import Platform

OUT_WITHIN_S = 5.0
ORIGIN = "https://shop.example"
FAR_AWAY = "203.0.113.7"
MAX_OF_A_USER, MAX_OF_AN_ADDRESS = 2, 3


@pytest.fixture(scope="module")
def issuer() -> Iterator[FakeIssuer]:
    with FakeIssuer(SigningKey("first")) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def oidc_platform(issuer: FakeIssuer) -> Iterator[Platform]:
    """Its nginx trusts the forwarded address, so that tests can use any client address."""
    env = {
        "OIDC_ISSUERS": f"{issuer.url}={AUDIENCE}",
        "ORIGINS": ORIGIN,
        "CONNECTIONS_PER_USER": str(MAX_OF_A_USER),
        "CONNECTIONS_PER_ADDRESS": str(MAX_OF_AN_ADDRESS),
        "WRITES_BURST": "1000",
        "GATEWAY_TRUSTED_PROXIES": "127.0.0.1",
    }
    platform = Platform(env={f"BLYTZ_{name}": value for name, value in env.items()})
    try:
        yield platform
        assert "Traceback" not in platform.log()
        assert "unexpected_error" not in platform.log()
    finally:
        platform.close()


@pytest.fixture(scope="module")
def calls(oidc_platform: Platform) -> Iterator[Calls]:
    calls = Calls(oidc_platform)
    yield calls
    calls.client.close()


@pytest.fixture
def port(oidc_platform: Platform) -> int:
    return oidc_platform.ports["nginx"]


@pytest.fixture
def admin(oidc_platform: Platform) -> str:
    return oidc_platform.token("Ada", "admin")


async def codes_until_close(client: Client) -> tuple[list[str], int]:
    """The codes of the errors received until the close, and the close code."""
    received, code = await client.rest(OUT_WITHIN_S)
    return [message["code"] for message in received if message["type"] == "error"], code


def test_every_process_that_checks_tokens_reports_the_state_of_its_issuer(
    oidc_platform: Platform, calls: Calls, issuer: FakeIssuer
) -> None:
    assert calls.get("/auctions", issuer.token()).status_code == 200
    name = f"issuer:{issuer.url}"
    status, _, reply = oidc_platform.get("/ready", "auction")
    assert (status, json.loads(reply)["dependencies"][name]) == (200, {"state": "up", "optional": True})
    status, _, reply = oidc_platform.get("/ready", "live")
    assert (status, json.loads(reply)["dependencies"][name]["optional"]) == (200, True)


# --- Bans and revocations --------------------------------------------------------------------------------------


async def test_a_banned_user_is_refused_over_http_and_websocket_and_the_others_stay(
    port: int, calls: Calls, issuer: FakeIssuer, admin: str
) -> None:
    token, path = issuer.token(sub="mallory"), f"/admin/bans/{user_id(issuer.url, 'mallory')}"
    async with welcomed(port, token) as one, welcomed(port, token) as two, welcomed(port, issuer.token()) as other:
        assert calls.get("/auctions", token).status_code == 200
        began = time.monotonic()
        assert calls.put(path, admin, reason="never paid").status_code == 200
        assert await codes_until_close(one) == await codes_until_close(two) == (["banned"], 4401)
        assert time.monotonic() - began < OUT_WITHIN_S
        refused = calls.get("/auctions", token)
        problem(refused, 403, "banned")
        assert "never paid" not in refused.text
        async with welcomed(port) as again:
            again.send({"type": "auth", "token": token})
            assert await codes_until_close(again) == (["banned"], 4401)
        assert await other.drain() == []
    assert calls.delete(path, admin).status_code == 204
    assert calls.get("/auctions", token).status_code == 200


async def test_after_their_tokens_are_revoked_a_user_can_connect_with_a_new_one(
    port: int, calls: Calls, issuer: FakeIssuer, admin: str
) -> None:
    stolen, me = issuer.token(sub="lola"), user_id(issuer.url, "lola")
    async with welcomed(port, stolen) as thief:
        assert calls.put(f"/admin/revocations/{me}", admin).status_code == 200
        assert await codes_until_close(thief) == (["unauthenticated"], 4401)
    problem(calls.get("/auctions", stolen), 401, "unauthenticated")
    # Token times are whole seconds; one issued in the second of the revocation is revoked too.
    fresh = issuer.token(sub="lola", iat=int(time.time()) + 1)
    assert calls.get("/auctions", fresh).status_code == 200
    async with welcomed(port, fresh) as client:
        assert await client.drain() == []


async def test_a_connection_ends_with_its_token_unless_a_new_one_is_sent(port: int, issuer: FakeIssuer) -> None:
    now = int(time.time())
    short, long = issuer.token(sub="eva", exp=now + 3), issuer.token(sub="eva", exp=now + 600)
    async with welcomed(port, short) as ends, welcomed(port, short) as stays:
        assert (await stays.sign_in(long))["expires_at"] == (now + 600) * 1_000
        refused = await stays.ask({"type": "auth", "token": issuer.token(sub="otto"), "ref": "r"}, "error")
        assert (refused["code"], refused["ref"]) == ("forbidden", "r")
        assert await codes_until_close(ends) == (["unauthenticated"], 4401)
        assert time.time() >= now + 3
        assert (await stays.ask({"type": "auth", "token": long}, "authenticated"))["user"]["id"] == user_id(
            issuer.url, "eva"
        )


@pytest.mark.parametrize(
    "subject",
    [
        "auth0|5f7c8ec7",
        "google-oauth2|117",
        "anna+1@example.com",
        "../../admin",
        "a/b;c?d#e%25",
        "Zoë 🦊",
        "\n",
        " ",
    ],
)
async def test_each_user_can_be_banned_by_the_id_in_events(
    subject: str, port: int, calls: Calls, issuer: FakeIssuer, admin: str
) -> None:
    token = issuer.token(sub=subject)
    async with welcomed(port) as client:
        shown = (await client.sign_in(token))["user"]["id"]
    path = f"/admin/bans/{quote(shown, safe='')}"
    assert calls.put(path, admin, reason="a test").status_code == 200
    problem(calls.get("/auctions", token), 403, "banned")
    assert calls.delete(path, admin).status_code == 204


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        "..a",
        "clip.mp4",
        "...",
        "auth0|x",
        "a@b.example",
        "a+b",
        "a;b=c",
        "a%b",
        "%25",
        "%2F",
        "a:b",
        "a?b#c",
        "*",
        "~",
    ],
)
def test_user_ids_of_any_characters_work_in_paths(name: str, calls: Calls, admin: str) -> None:
    path = f"/admin/bans/{quote(name, safe='')}"
    banned = calls.put(path, admin, reason="a test")
    assert (banned.status_code, banned.json().get("user_id")) == (200, name)
    assert calls.get(path, admin).json() == banned.json()
    assert calls.delete(path, admin).status_code == 204
    problem(calls.get(path, admin), 404, "not_found")


# --- Forged tokens ----------------------------------------------------------------------------------------------


def test_every_forged_token_is_answered_401(calls: Calls, issuer: FakeIssuer) -> None:
    assert calls.get("/auctions", issuer.token()).status_code == 200
    for name, token in forgeries(issuer).items():
        answer = calls.get("/auctions", token)
        assert (name, answer.status_code) == (name, 401)
        assert token[:20] not in problem(answer, 401, "unauthenticated")["detail"]
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_every_forged_token_ends_a_connection_with_4401(port: int, issuer: FakeIssuer) -> None:
    for name, token in {"nothing": "", **forgeries(issuer)}.items():
        async with welcomed(port) as client:
            client.send({"type": "auth", "token": token})
            # An `auth` message may have 16 KiB; a longer one is not read.
            expected = (["invalid_request"], 4400) if len(token) > 16_000 else (["unauthenticated"], 4401)
            assert (name, *await codes_until_close(client)) == (name, *expected)


def test_a_flood_of_unknown_keys_asks_the_issuer_no_more_than_once(calls: Calls, issuer: FakeIssuer) -> None:
    claims, asked = issuer.claims(), issuer.asked
    for number in range(60):
        flood = issuer.key.sign(claims, kid=f"unknown-{number}")
        problem(calls.get("/auctions", flood), 401, "unauthenticated")
    assert issuer.asked <= asked + 1


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("authorization: bearer {}", 200),
        ("AUTHORIZATION: BEARER {}", 200),
        ("Authorization:  Bearer   {}  \t", 200),
        ("Authorization: Bearer {}\r\nAuthorization: Bearer {}", 400),
        ("Authorization: Basic {}", 401),
        ("Authorization: {}", 401),
        ("Authorization: Bearer", 401),
        ("Authorization: Bearer {}\x00", 400),
        ("Authorization: Bearer \xff{}", 401),
        ("Authorization: Bearer {}" + "a" * 16_384, 431),
    ],
)
def test_every_authorization_header_is_accepted_or_refused_with_a_problem(
    header: str, status: int, port: int, issuer: FakeIssuer
) -> None:
    lines = [
        "GET /auction/v1/auctions HTTP/1.1",
        "Host: x",
        header.replace("{}", issuer.token()),
        "Connection: close",
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
        wire.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        answer = b"".join(iter(lambda: wire.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert json.loads(body).get("status", 200) == status


# --- Origins and limits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        (ORIGIN, None),
        ("https://evil.example", 4403),
        ("null", 4403),
        (f"{ORIGIN}.evil.example", 4403),
        ("https://evilshop.example", 4403),
        (f"{ORIGIN}:8443", 4403),
        ("http://shop.example", 4403),
        ("https://SHOP.example", 4403),
        (f"{ORIGIN}/", 4403),
    ],
)
async def test_only_pages_of_allowed_origins_may_open_a_connection(
    origin: str, code: int | None, calls: Calls, port: int
) -> None:
    client = await Client.open(port, Origin=origin)
    if code is None:
        assert (await client.next())["type"] == "welcome"
    else:
        assert await codes_until_close(client) == ([], code)
    client.leave()
    answer = calls.from_page(origin)
    assert answer.headers.get("access-control-allow-origin") == (None if code else origin)


async def test_connections_of_a_user_and_of_an_address_are_limited(port: int, issuer: FakeIssuer) -> None:
    async def too_many(client: Client) -> None:
        (refused,), code = await client.rest(OUT_WITHIN_S)
        assert (refused["code"], code) == ("rate_limited", 4429)
        assert refused["retry_after_ms"] > 0

    async with AsyncExitStack() as stack:
        token = issuer.token(sub="octopus")
        for _ in range(MAX_OF_A_USER):
            await stack.enter_async_context(welcomed(port, token))
        one_more = await stack.enter_async_context(welcomed(port))
        one_more.send({"type": "auth", "token": token})
        await too_many(one_more)
    async with AsyncExitStack() as stack:
        for _ in range(MAX_OF_AN_ADDRESS):
            await stack.enter_async_context(welcomed(port, X_Forwarded_For=FAR_AWAY))
        # Addresses left of it may be forged by the client.
        refused = await Client.open(port, X_Forwarded_For=f"198.51.100.1, {FAR_AWAY}")
        await too_many(refused)
        refused.leave()
