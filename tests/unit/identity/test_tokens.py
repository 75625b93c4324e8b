"""Which tokens are accepted: those signed by their issuer, for this platform, and valid now."""

import base64
import json
import time
from typing import Any

import jwt
import pytest

from blytz.identity import TokenRefused
from blytz.identity.claims import user_id
from blytz.identity.firebase import ISSUERS, FirebaseEmulator, FirebaseIssuer
from blytz.identity.issuers import Issuers
from blytz.identity.oidc import OidcIssuer
from tests.support.issuer import AUDIENCE, JWKS, FakeIssuer, SigningKey

NOW = 1_800_000_000


def verifier_of(issuer: FakeIssuer, **options: Any) -> OidcIssuer:
    return OidcIssuer(issuer.url, frozenset({AUDIENCE}), loopback=True, **options)


def firebase(issuer: FakeIssuer, **options: Any) -> FirebaseIssuer:
    return FirebaseIssuer("shop", keys_url=issuer.url + JWKS, **options)


def firebase_claims(issuer: FakeIssuer, **other: Any) -> dict[str, Any]:
    return issuer.claims(**{"iss": ISSUERS + "shop", "aud": "shop", **other})


def part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


async def test_a_good_token_names_its_user(issuer: FakeIssuer) -> None:
    principal = await verifier_of(issuer).admit(issuer.token(roles=["seller", "bidder", "cook"]))
    assert principal.id == user_id(issuer.url, "anna")
    assert principal.name == "Anna"
    assert principal.roles == ("bidder", "seller")
    assert abs(principal.expires_at / 1000 - time.time() - 3_600) < 10
    assert abs(principal.issued_at / 1000 - time.time()) < 10


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
async def test_every_public_key_algorithm_is_accepted(algorithm: str) -> None:
    with FakeIssuer(SigningKey("k", algorithm)) as issuer:
        assert (await verifier_of(issuer).admit(issuer.token())).name == "Anna"


async def test_two_issuers_cannot_name_each_others_users(issuer: FakeIssuer, other_key: SigningKey) -> None:
    with FakeIssuer(other_key) as another:
        both = Issuers({one.url: verifier_of(one) for one in (issuer, another)})
        first, second = await both.admit(issuer.token()), await both.admit(another.token())
        assert first.id != second.id
        stolen = another.key.sign(issuer.claims())
        with pytest.raises(TokenRefused):
            await both.admit(stolen)


async def test_an_issuer_that_is_not_configured_gets_no_request(issuer: FakeIssuer) -> None:
    with pytest.raises(TokenRefused, match="not trusted"):
        await Issuers({}).admit(issuer.token())
    assert issuer.asked == 0


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": []},
        {"aud": [AUDIENCE, "another"], "azp": "another"},
        {"exp": NOW - 61},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": -1},
        {"exp": 2**60},
        {"iat": NOW + 61},
        {"iat": None},
        {"iat": NOW - 25 * 3_600},
        {"nbf": NOW + 61},
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
        {"sub": "a" * 256},
        {"roles": 7},
        {"roles": {"seller": True}},
    ],
    ids=str,
)
async def test_a_token_with_invalid_claims_is_refused(claims: dict[str, Any], issuer: FakeIssuer) -> None:
    good = {"iat": NOW, "exp": NOW + 3_600, "auth_time": NOW}
    verifier = verifier_of(issuer, clock=lambda: NOW)
    await verifier.admit(issuer.token(**good))
    with pytest.raises(TokenRefused) as refused:
        await verifier.admit(issuer.token(**{**good, **claims}))
    assert issuer.token(**good)[:20] not in refused.value.detail


@pytest.mark.parametrize(
    ("claims", "is_good"),
    [
        ({"exp": NOW - 59}, True),
        ({"exp": NOW - 60}, False),
        ({"exp": NOW - 61}, False),
        ({"iat": NOW + 59}, True),
        ({"iat": NOW + 60}, True),
        ({"iat": NOW + 61}, False),
        ({"nbf": NOW + 60}, True),
        ({"nbf": NOW + 61}, False),
        ({"auth_time": NOW + 60}, True),
        ({"auth_time": NOW + 61}, False),
    ],
    ids=str,
)
async def test_a_clock_difference_of_up_to_a_minute_is_accepted(
    claims: dict[str, int], is_good: bool, issuer: FakeIssuer
) -> None:
    token = issuer.key.sign(
        firebase_claims(issuer, **{"iat": NOW - 100, "exp": NOW + 100, "auth_time": NOW, **claims})
    )
    verifier = firebase(issuer, clock=lambda: NOW)
    if not is_good:
        with pytest.raises(TokenRefused):
            await verifier.admit(token)
        return
    assert (await verifier.admit(token)).expires_at > NOW * 1000


async def test_a_token_expires_at_its_exp_or_a_day_after_it_was_issued(
    issuer: FakeIssuer,
) -> None:
    verifier = verifier_of(issuer, clock=lambda: NOW)
    assert (await verifier.admit(issuer.token(iat=NOW, exp=NOW + 7))).expires_at == (NOW + 7) * 1000
    lasting = await verifier.admit(issuer.token(iat=NOW - 10, exp=NOW + 10**7))
    assert lasting.expires_at == (NOW - 10 + 24 * 3_600) * 1000


@pytest.mark.parametrize("kind", ["oidc", "firebase"])
@pytest.mark.parametrize("fault", ["none", "hs256", "another key", "no kid", "long", "cut", "words", "deep"])
async def test_a_token_that_its_issuer_did_not_sign_is_refused(
    fault: str, kind: str, issuer: FakeIssuer, other_key: SigningKey
) -> None:
    verifier = verifier_of(issuer) if kind == "oidc" else firebase(issuer)
    claims = issuer.claims() if kind == "oidc" else firebase_claims(issuer)
    good = issuer.key.sign(claims)
    await verifier.admit(good)
    head, body, signature = good.split(".")
    public = issuer.key.public_pem()
    hs256 = part({"alg": "HS256", "kid": "first", "typ": "JWT"}) + "." + body
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(hs256.encode(), public)
    token = {
        "none": part({"alg": "none", "kid": "first"}) + "." + body + ".",
        "hs256": hs256 + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode(),
        "another key": jwt.encode(claims, other_key.private, "RS256", headers={"kid": "first"}),
        "no kid": jwt.encode(claims, issuer.key.private, "RS256"),
        "long": good + "a" * 9_000,
        "cut": f"{head}.{body}.{signature[:-4]}",
        "words": "é" * 100,
        "deep": head + "." + base64.urlsafe_b64encode(b"[" * 5_000).decode() + "." + signature,
    }[fault]
    with pytest.raises(TokenRefused):
        await verifier.admit(token)


@pytest.mark.parametrize("header", ["jku", "jwk", "x5u", "x5c", "crit"])
async def test_a_token_that_brings_its_own_key_is_refused_without_a_request(
    header: str, issuer: FakeIssuer, other_key: SigningKey
) -> None:
    with FakeIssuer(other_key) as evil:
        brought = {"jku": evil.url + JWKS, "jwk": other_key.jwk, "x5u": evil.url, "x5c": ["MII"], "crit": ["x"]}
        headers = {"kid": "second", header: brought[header]}
        forged = jwt.encode(issuer.claims(), other_key.private, "RS256", headers=headers)
        for token in (forged, issuer.key.sign(issuer.claims(), **{header: brought[header]})):
            with pytest.raises(TokenRefused):
                await verifier_of(issuer).admit(token)
        assert evil.asked == 0


async def test_firebase_takes_rs256_and_nothing_else() -> None:
    with FakeIssuer(SigningKey("k", "ES256")) as issuer:
        token = issuer.key.sign(firebase_claims(issuer))
        issuer.keys = [issuer.key.jwk, SigningKey("r").jwk]
        with pytest.raises(TokenRefused):
            await firebase(issuer).admit(token)


@pytest.mark.parametrize(
    "claims",
    [{"aud": "other"}, {"iss": ISSUERS + "other"}, {"auth_time": None}, {"sub": "a" * 129}],
    ids=str,
)
async def test_a_firebase_token_must_be_for_this_project_and_contain_the_sign_in_time(
    claims: dict[str, Any], issuer: FakeIssuer
) -> None:
    verifier = firebase(issuer)
    assert (await verifier.admit(issuer.key.sign(firebase_claims(issuer)))).roles == ("bidder",)
    with pytest.raises(TokenRefused):
        await verifier.admit(issuer.key.sign(firebase_claims(issuer, **claims)))


async def test_emulator_tokens_are_accepted_by_the_emulator_issuer_only(issuer: FakeIssuer) -> None:
    unsigned = part({"alg": "none", "typ": "JWT"}) + "." + part(firebase_claims(issuer)) + "."
    verifier = FirebaseEmulator("shop", keys_url=issuer.url + JWKS)
    assert verifier.verify(unsigned).name == "Anna"
    signed = issuer.key.sign(firebase_claims(issuer))
    for token in (signed, unsigned + "c2ln", part({"alg": "none"}) + "." + part(issuer.claims()) + "."):
        with pytest.raises(TokenRefused):
            verifier.verify(token)
    with pytest.raises(TokenRefused):
        await firebase(issuer).admit(unsigned)


@pytest.mark.parametrize(
    ("claim", "claims", "roles"),
    [
        ("roles", {}, ("bidder",)),
        ("roles", {"roles": []}, ()),
        ("roles", {"roles": ["cook"]}, ()),
        ("roles", {"roles": "seller admin"}, ("seller", "admin")),
        ("realm_access.roles", {"realm_access": {"roles": ["moderator"]}}, ("moderator",)),
        ("realm_access.roles", {"realm_access": 7}, ("bidder",)),
        ("https://x.example/roles", {"https://x.example/roles": ["seller"]}, ("seller",)),
        ("roles", {"roles": [["seller"], "bidder"]}, ("bidder",)),
    ],
)
async def test_roles_come_from_the_claim_that_the_operator_names(
    claim: str, claims: dict[str, Any], roles: tuple[str, ...], issuer: FakeIssuer
) -> None:
    verifier = verifier_of(issuer, roles_claim=claim)
    assert (await verifier.admit(issuer.token(**claims))).roles == roles


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": None, "preferred_username": "anna_b"}, "anna_b"),
        ({"name": "anna@example.com"}, "Somebody"),
        ({"name": "An\x1b[31mna\n"}, "An[31mna"),
        ({"name": "A" * 200}, "A" * 80),
        ({"name": "\u202e"}, "Somebody"),
        ({"name": 7}, "Somebody"),
    ],
)
async def test_a_display_name_is_never_an_email_address(
    claims: dict[str, Any], name: str, issuer: FakeIssuer
) -> None:
    assert (await verifier_of(issuer).admit(issuer.token(**claims))).name == name
