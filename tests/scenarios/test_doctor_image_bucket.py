"""`blytz doctor` finds why images could not be stored in a bucket, or not be seen."""

import asyncio
from typing import Any

from blytz.kit.config.model import variable
from blytz.show.images.bucket import CHECK, CHECK_NAME, ImageBucket
from tests.scenarios.test_doctor import examined
from tests.support.s3 import S3Server

NO_REDIS = {"REDIS_URL": "unix:///nowhere/redis.sock"}


def findings(s3: S3Server, **env: str) -> dict[str, dict[str, Any]]:
    settings = {variable(name): text for name, text in s3.settings.items()} | NO_REDIS
    return examined(**{**settings, **env})[1]


def test_a_bucket_that_is_written_and_seen_has_no_findings(s3: S3Server) -> None:
    url = {"BLYTZ_GATEWAY_IMAGES_URL": s3.public_url}
    found = findings(s3, **url)
    assert (found["Images"]["state"], found["Images for viewers"]["state"]) == ("warn", "fail")
    assert "start the auction service" in found["Images"]["remedy"]

    asyncio.run(ImageBucket(s3.address()).write({CHECK_NAME: CHECK}))
    s3.serve_everybody()
    found = findings(s3, **url, BLYTZ_GATEWAY_CSP=f"default-src 'self'; img-src 'self' {s3.endpoint}")
    names = ("Images", "Images for viewers", "Content-Security-Policy")
    assert [found[name]["state"] for name in names] == ["ok", "ok", "ok"]


def test_what_keeps_images_from_being_stored_or_seen_fails(s3: S3Server) -> None:
    found = findings(s3, BLYTZ_IMAGES_SECRET_KEY="another", BLYTZ_GATEWAY_WORKERS="1")
    assert (found["Images"]["state"], found["Images for viewers"]["state"]) == ("fail", "fail")
    assert "SignatureDoesNotMatch" in found["Images"]["why"]
    assert "BLYTZ_GATEWAY_IMAGES_URL" in found["Images for viewers"]["why"]
    found = findings(s3, BLYTZ_GATEWAY_IMAGES_URL=s3.public_url, BLYTZ_GATEWAY_CSP="default-src 'self'")
    assert found["Content-Security-Policy"]["state"] == "fail"
    assert s3.endpoint in found["Content-Security-Policy"]["remedy"]
