"""Checks of the bucket of images: whether its key is taken, and whether viewers see what is in it.

Both read the file that the auction service writes there when it starts. That it can write is told by its `/ready`.
"""

import asyncio
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from blytz.cli.doctor.findings import Finding, judge
from blytz.kit.config.gateway import GatewaySettings, gateway_variable
from blytz.kit.config.model import Settings, variable
from blytz.kit.problems import StoreUnavailable

WITHIN_S: Final = 3.0
BUCKET: Final = "Images"
VIEWERS: Final = "Images for viewers"


def findings(settings: Settings, gateway: GatewaySettings | None) -> Iterator[Finding]:
    """Of settings that have a bucket. `gateway` is None where the environment does not configure one."""
    yield _bucket(settings)
    if gateway is None:
        remedy = "run it with the gateway's environment too"
        yield Finding(VIEWERS, "note", "cannot see where the gateway sends them", remedy)
    elif not gateway.images_url:
        name = gateway_variable("images_url")
        yield Finding(VIEWERS, "fail", f"{name} is not set", f"set {name}, or nobody sees new images")
    else:
        yield _viewers(gateway.images_url.rstrip("/"))
        yield _policy(gateway)


def _bucket(settings: Settings) -> Finding:
    from blytz.apps.images import bucket_of
    from blytz.show.images.bucket import CHECK_NAME

    bucket = bucket_of(settings, within_s=WITHIN_S)
    assert bucket is not None, "one is configured"
    try:
        content = asyncio.run(bucket.read(CHECK_NAME))
    except StoreUnavailable as problem:
        remedy = (
            f"correct {variable('images_endpoint')} and its like; the key may need s3:PutObject and s3:GetObject"
        )
        return Finding(BUCKET, "fail", f"the bucket {settings.images_bucket}: {problem.detail}", remedy)
    why = "its key is taken" if content else f"its key is taken, and {CHECK_NAME} is not there"
    remedy = "start the auction service, which writes it"
    return judge(BUCKET, f"the bucket {settings.images_bucket}: {why}", warn=content is None, remedy=remedy)


def _viewers(url: str) -> Finding:
    import httpx

    from blytz.show.images.bucket import CHECK, CHECK_NAME

    address = f"{url}/{CHECK_NAME}"
    remedy = f"let everybody read the bucket, or correct {gateway_variable('images_url')}"
    try:
        answer = httpx.get(address, timeout=WITHIN_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Finding(VIEWERS, "fail", f"{address}: {error!r}", remedy)
    is_ours = answer.content == CHECK
    why = f"can be read at {url}" if is_ours else f"{address} answers {answer.status_code}, or something else"
    return judge(VIEWERS, why, fail=not is_ours, remedy=remedy)


def _policy(gateway: GatewaySettings) -> Finding:
    """Whether a browser shows images of there on our pages."""
    directives = dict(each.strip().partition(" ")[::2] for each in gateway.csp.split(";"))
    allowed = directives.get("img-src", directives.get("default-src", "*")).split()
    place = urlsplit(gateway.images_url)
    may = {"*", f"{place.scheme}:", place.netloc, f"{place.scheme}://{place.netloc}"}
    is_allowed = not may.isdisjoint(allowed)
    why = "allows its images" if is_allowed else "does not allow its images"
    remedy = f"add {place.scheme}://{place.netloc} to img-src in {gateway_variable('csp')}"
    return judge("Content-Security-Policy", why, fail=not is_allowed, remedy=remedy)
