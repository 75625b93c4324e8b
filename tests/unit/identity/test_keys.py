"""How an issuer's keys are fetched, kept and renewed."""

import asyncio
import threading
from typing import Any

import pytest

from blytz.identity import IssuerUnavailable, KeysWanted, TokenRefused
from blytz.identity.fetch import MAX_BYTES, Document, fetch
from blytz.identity.keys import ALGORITHMS, MAX_GIVEN_UP, KeySet, keys_in
from blytz.identity.oidc import OidcIssuer
from blytz.kit.addresses import is_trusted
from blytz.kit.http.pages import Dependency, readiness
from blytz.kit.problems import Overloaded
from tests.support.issuer import AUDIENCE, JWKS, FakeIssuer, SigningKey
from tests.support.wait import until
from tests.unit.identity.conftest import ManualClock


def verifier_of(issuer: FakeIssuer, manual_clock: ManualClock) -> OidcIssuer:
    keys = KeySet("test", lambda: fetch(issuer.url + JWKS), ALGORITHMS, manual_clock.monotonic)
    return OidcIssuer(issuer.url, frozenset({AUDIENCE}), keys=keys, clock=manual_clock.wall)


async def test_keys_are_fetched_once_for_all_waiting_callers(
    issuer: FakeIssuer, manual_clock: ManualClock
) -> None:
    verifier, token = verifier_of(issuer, manual_clock), issuer.token()
    with pytest.raises(KeysWanted):
        verifier.verify(token)
    await asyncio.gather(*(verifier.admit(token) for _ in range(50)))
    assert verifier.verify(token).name == "Anna"
    assert issuer.asked == 1


async def test_the_event_loop_is_not_blocked_while_an_issuer_answers(
    issuer: FakeIssuer, manual_clock: ManualClock
) -> None:
    issuer.let_go.clear()
    admission = asyncio.create_task(verifier_of(issuer, manual_clock).admit(issuer.token()))
    await until(lambda: issuer.asked == 1, "the issuer is asked")
    assert not admission.done()
    issuer.let_go.set()
    assert (await admission).name == "Anna"


async def test_unknown_keys_cause_at_most_one_request_a_minute(
    issuer: FakeIssuer, other_key: SigningKey, manual_clock: ManualClock
) -> None:
    verifier = verifier_of(issuer, manual_clock)
    await verifier.admit(issuer.token())
    for minute in range(1, 4):
        for number in range(50):
            forged = issuer.key.sign(issuer.claims(), kid=f"unknown-{number}")
            with pytest.raises(TokenRefused):
                await verifier.admit(forged)
        assert issuer.asked == minute
        manual_clock.ahead += 61


async def test_a_new_key_is_fetched_and_a_removed_one_no_longer_accepted(
    issuer: FakeIssuer, other_key: SigningKey, manual_clock: ManualClock
) -> None:
    verifier, old = verifier_of(issuer, manual_clock), issuer.token(exp=2_000_000_000)
    await verifier.admit(old)
    issuer.keys = [other_key.jwk]
    rotated = other_key.sign(issuer.claims())
    with pytest.raises(TokenRefused):
        await verifier.admit(rotated)
    manual_clock.ahead += 60
    assert (await verifier.admit(rotated)).name == "Anna"
    with pytest.raises(TokenRefused):
        await verifier.admit(old)


async def test_stale_keys_are_used_while_new_ones_are_fetched_in_the_background(
    issuer: FakeIssuer, other_key: SigningKey, manual_clock: ManualClock
) -> None:
    issuer.cache_control = "public, max-age=120"
    verifier = verifier_of(issuer, manual_clock)
    await verifier.admit(issuer.token())
    issuer.keys = [issuer.key.jwk, other_key.jwk]
    manual_clock.ahead += 119
    verifier.verify(issuer.token())
    assert issuer.asked == 1
    manual_clock.ahead += 2
    verifier.verify(issuer.token())
    await until(lambda: issuer.asked == 2, "new keys are asked for")
    assert (await verifier.admit(other_key.sign(issuer.claims()))).name == "Anna"


@pytest.mark.parametrize(
    ("cache_control", "fresh_s", "stale_s"),
    [("max-age=0", 59, 62), ("max-age=999999999", 86_399, 86_402), ("", 3_599, 3_602), ("no-cache", 3_599, 3_602)],
)
async def test_the_issuer_sets_within_bounds_how_long_its_keys_are_kept(
    cache_control: str, fresh_s: float, stale_s: float, issuer: FakeIssuer, manual_clock: ManualClock
) -> None:
    issuer.cache_control = cache_control
    keys = KeySet("test", lambda: fetch(issuer.url + JWKS), ALGORITHMS, manual_clock.monotonic)
    await keys.renew()
    manual_clock.ahead = fresh_s
    keys.find("first")
    assert issuer.asked == 1
    manual_clock.ahead = stale_s
    keys.find("first")
    await until(lambda: issuer.asked == 2, "new keys are asked for")


async def test_an_issuer_that_is_down_affects_only_tokens_not_seen_before(
    issuer: FakeIssuer, manual_clock: ManualClock
) -> None:
    issuer.failing = True
    newcomer = verifier_of(issuer, manual_clock)
    for _ in range(20):
        with pytest.raises(IssuerUnavailable):
            await newcomer.admit(issuer.token())
    assert issuer.asked == 1
    manual_clock.ahead += 5
    issuer.failing = False
    assert (await newcomer.admit(issuer.token())).name == "Anna"

    issuer.failing = True
    manual_clock.ahead += 3_600 + 6 * 3_600 - 10
    assert (
        newcomer.verify(issuer.token(iat=int(manual_clock.wall()), exp=int(manual_clock.wall()) + 60)).name
        == "Anna"
    )
    await until(lambda: issuer.asked == 3, "new keys are asked for")
    manual_clock.ahead += 20
    with pytest.raises(IssuerUnavailable):
        await newcomer.admit(issuer.token(iat=int(manual_clock.wall()), exp=int(manual_clock.wall()) + 60))


async def test_the_number_of_callers_waiting_for_keys_is_limited(
    issuer: FakeIssuer, manual_clock: ManualClock
) -> None:
    issuer.let_go.clear()
    verifier, token = verifier_of(issuer, manual_clock), issuer.token()
    waiting = [asyncio.create_task(verifier.admit(token)) for _ in range(1_024)]
    await until(lambda: issuer.asked == 1, "the issuer is asked")
    with pytest.raises(Overloaded):
        await verifier.admit(token)
    issuer.let_go.set()
    assert {principal.name for principal in await asyncio.gather(*waiting)} == {"Anna"}


async def test_an_issuer_whose_answer_never_ends_is_timed_out_and_retried(
    key: SigningKey, manual_clock: ManualClock
) -> None:
    """It sends a byte every few seconds, for example, so that no single read times out."""
    asked, let_go = 0, threading.Event()

    def read() -> Document:
        nonlocal asked
        asked += 1
        if asked <= MAX_GIVEN_UP:
            let_go.wait(10)
        return Document({"keys": [key.jwk]}, None)

    keys = KeySet("test", read, ALGORITHMS, manual_clock.monotonic, given_up_after_s=0.01)
    for times in range(1, MAX_GIVEN_UP + 1):
        await keys.renew()
        assert asked == times
        with pytest.raises(IssuerUnavailable):
            keys.find(key.kid)
        manual_clock.ahead += 5
    await keys.renew()
    assert asked == MAX_GIVEN_UP, "each timed-out request still uses a thread"
    let_go.set()
    await until(lambda: not keys.given_up, "the threads have ended")
    await keys.renew()
    assert keys.find(key.kid).algorithms == {"RS256"}


@pytest.mark.parametrize("fault", ["redirect", "too long", "not a set", "no keys", "another issuer", "elsewhere"])
async def test_keys_are_fetched_only_from_the_configured_issuer(
    fault: str, issuer: FakeIssuer, other_key: SigningKey
) -> None:
    with FakeIssuer(issuer.key) as elsewhere:
        match fault:
            case "redirect":
                issuer.redirect_to = elsewhere.url + JWKS
            case "too long":
                issuer.padding = MAX_BYTES
            case "not a set":
                issuer.keys = "none"
            case "no keys":
                issuer.keys = []
            case "another issuer":
                issuer.discovered = {"issuer": elsewhere.url}
            case "elsewhere":
                issuer.discovered = {"jwks_uri": "http://keys.example/keys"}
        with pytest.raises(IssuerUnavailable):
            await OidcIssuer(issuer.url, frozenset({AUDIENCE}), loopback=True).admit(issuer.token())
        assert elsewhere.asked == 0


@pytest.mark.parametrize(
    ("url", "loopback", "trusted"),
    [
        ("https://a.example/x", False, True),
        ("http://a.example/x", True, False),
        ("http://127.0.0.1:9/x", True, True),
        ("http://127.0.0.1:9/x", False, False),
        ("file:///etc/passwd", True, False),
        ("https://", False, False),
        ("http://[", True, False),
    ],
)
def test_keys_are_fetched_over_tls_or_from_an_allowed_loopback_address(
    url: str, loopback: bool, trusted: bool
) -> None:
    assert is_trusted(url, loopback=loopback) is trusted


def test_only_keys_of_allowed_algorithms_are_kept(key: SigningKey, other_key: SigningKey) -> None:
    odd: list[Any] = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "symmetric", "alg": "HS256"},
        {**key.jwk, "kid": "for encryption", "use": "enc"},
        {**key.jwk, "kid": "as a secret", "alg": "HS256"},
        {**key.jwk, "kid": "private", "d": "AQAB"},
        {**key.jwk, "kid": ""},
        {**key.jwk, "kid": 7},
        {**key.jwk, "kid": "broken", "n": "!"},
        {**key.jwk, "kid": "no text", "n": 7, "e": None},
        {**key.jwk, "kid": "an odd way", "alg": 10**5_000},
        {**key.jwk, "kid": "an odd curve", "kty": "EC", "crv": {"P-256": 1}},
        SigningKey("short", bits=1_024).jwk,
        {"kty": ["RSA"], "kid": "odd"},
        "nonsense",
        None,
    ]
    assert keys_in({"keys": [*odd, key.jwk, other_key.jwk]}, frozenset({"RS256"})).keys() == {"first", "second"}
    assert keys_in({"keys": [key.jwk]}, frozenset({"ES256"})) == {}
    assert len(keys_in({"keys": [{**key.jwk, "kid": f"k{n}"} for n in range(100)]}, ALGORITHMS)) == 64


async def test_the_state_of_an_issuer_is_known_without_a_request(
    issuer: FakeIssuer, manual_clock: ManualClock
) -> None:
    issuer.cache_control = "max-age=60"
    keys = KeySet("test", lambda: fetch(issuer.url + JWKS), ALGORITHMS, manual_clock.monotonic)
    assert keys.state() == Dependency("unasked", optional=True)
    await keys.renew()
    assert keys.state() == Dependency("up", optional=True)

    issuer.failing = True
    manual_clock.ahead += 61
    await keys.renew()
    manual_clock.ahead += 7
    away = keys.state()
    assert (away.state, away.code, away.away_for_ms) == ("away", "issuer_unavailable", 7_000)
    assert away.detail == "the keys it gave before are used for 359 more minutes"
    await keys.renew()
    manual_clock.ahead += 6 * 3_600
    away = keys.state()
    assert (away.away_for_ms, away.detail) == (7_000 + 6 * 3_600_000, "none of its tokens can be checked")
    assert not readiness({"redis": Dependency("away"), "issuer": away}).ready
    assert readiness({"redis": Dependency("up"), "issuer": away}).ready

    issuer.failing = False
    await keys.renew()
    assert keys.state() == Dependency("up", optional=True)
    manual_clock.ahead += 60 + 6 * 3_600 + 1
    assert keys.state() == Dependency("unasked", optional=True), (
        "its keys are too old, and no token has needed new ones"
    )
    assert issuer.asked == 4
