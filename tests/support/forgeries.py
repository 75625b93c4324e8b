"""Tokens that anybody may forge; `test_malformed_tokens.py` has those that only an issuer can sign."""

import json
import time

from jwt.algorithms import HMACAlgorithm

from tests.support.issuer import FakeIssuer, SigningKey, base64url


def forgeries(issuer: FakeIssuer) -> dict[str, str]:
    """Forged tokens by their fault."""
    good, now, stranger = issuer.token(), int(time.time()), SigningKey("first")
    head, body, signature = good.split(".")

    def headed(**header: object) -> str:
        return base64url(json.dumps({"alg": "RS256", "kid": "first", **header}).encode()) + f".{body}.{signature}"

    by_hmac = headed(alg="HS256").rpartition(".")[0]
    mac = HMACAlgorithm(HMACAlgorithm.SHA256).sign(by_hmac.encode(), issuer.key.public_pem())
    return {
        "words": "good evening",
        "one letter is no ASCII": good[:-1] + "é",
        "two tokens": f"{good}, {good}",
        "dots": "..",
        "too long": good + "A" * 9_000,
        "cut": good[:-8],
        "unsigned": f"{head}.{body}.",
        "none": headed(alg="none").rpartition(".")[0] + ".",
        "none, signed": headed(alg="none"),
        "HS256 with the public key": f"{by_hmac}.{base64url(mac)}",
        "another algorithm": headed(alg="PS256"),
        "a stranger's key": stranger.sign(issuer.claims()),
        "a stranger's key, brought along": stranger.sign(issuer.claims(), jwk=stranger.jwk),
        "a stranger's key, to be fetched": stranger.sign(issuer.claims(), jku=f"{issuer.url}/evil"),
        "a key nobody knows": issuer.key.sign(issuer.claims(), kid="unknown"),
        "a kid of 10 kB": issuer.key.sign(issuer.claims(), kid="a" * 10_000),
        "crit": issuer.key.sign(issuer.claims(), crit=["exp"]),
        "another issuer": issuer.token(iss="https://evil.example"),
        "the dev issuer": issuer.token(iss="blytz-dev"),
        "another audience": issuer.token(aud="another shop"),
        "ended": issuer.token(iat=now - 1_000, exp=now - 61),
        "of tomorrow": issuer.token(iat=now + 120),
        "not yet": issuer.token(nbf=now + 120),
        "nobody's": issuer.token(sub=""),
        "roles of a kind of its own": issuer.token(roles={"admin": True}),
        "an end without end": issuer.key.sign_anything(
            b'{"alg": "RS256", "kid": "first"}', json.dumps(issuer.claims(exp=float("inf"))).encode()
        ),
        "half a letter": issuer.key.sign_anything(
            b'{"alg": "RS256", "kid": "first"}', json.dumps(issuer.claims(sub="\ud800")).encode()
        ),
    }
