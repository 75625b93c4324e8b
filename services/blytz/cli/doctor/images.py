"""Checks of images: whether they can be written, and whether viewers see them, in the data folder or in a bucket.

Those of a bucket read the file that the auction service writes there when it starts. That it can write is told by its `/ready`.
"""

import asyncio
import http.client
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from blytz.cli.doctor import gateway as gateway_checks
from blytz.cli.doctor.findings import Finding, judge
from blytz.kit.config.gateway import GatewaySettings, gateway_variable
from blytz.kit.config.model import Settings, variable
from blytz.kit.problems import StoreUnavailable

WITHIN_S: Final = 3.0
IMAGES: Final = "Images"
SERVED: Final = "Images served"
VIEWERS: Final = "Images for viewers"


def findings(
    settings: Settings, gateway: GatewaySettings | None, served_by: GatewaySettings | None
) -> Iterator[Finding]:
    """`gateway` is None where the environment does not configure one; `served_by` is the one that runs here."""
    if settings.images_bucket:
        yield _bucket(settings)
        yield from _seen(gateway)
        return
    from blytz.show.images.folder import FOLDER

    folder = settings.data.absolute() / FOLDER
    yield _writable(folder)
    yield _served(folder, served_by)


def _seen(gateway: GatewaySettings | None) -> Iterator[Finding]:
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
        return Finding(IMAGES, "fail", f"the bucket {settings.images_bucket}: {problem.detail}", remedy)
    why = "its key is taken" if content else f"its key is taken, and {CHECK_NAME} is not there"
    remedy = "start the auction service, which writes it"
    return judge(IMAGES, f"the bucket {settings.images_bucket}: {why}", warn=content is None, remedy=remedy)


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


def _writable(folder: Path) -> Finding:
    name, place = IMAGES, folder
    while not os.path.lexists(place):
        place = place.parent
    remedy = f"give {place} to the user of the auction service, or set {variable('data')}: pictures are refused"
    if not place.is_dir():
        return Finding(name, "fail", f"{place} is no folder", remedy)
    can_write = os.access(place, os.W_OK | os.X_OK)
    why = f"{place} {'can' if can_write else 'cannot'} be written to"
    return judge(name, why, fail=not can_write, remedy=remedy)


def _served(folder: Path, gateway: GatewaySettings | None) -> Finding:
    if gateway is None:
        remedy = "run doctor with the settings of the gateway, where it runs"
        return Finding(SERVED, "note", "cannot be checked: no gateway is configured here", remedy)
    try:
        image = next(islice(folder.glob("??/*.webp"), 1), None)
        content = image.read_bytes() if image else b""
    except OSError as error:
        why = f"cannot read {folder}: {error.strerror}"
        return Finding(SERVED, "warn", why, "run doctor as the user of the auction service")
    if image is None:
        remedy = "run doctor again once there is one"
        return Finding(SERVED, "note", "cannot be checked: there is no image yet", remedy)
    path = f"/{folder.name}/{image.relative_to(folder).as_posix()}"
    try:
        status, answer = gateway_checks.fetch(gateway, path)
    except (OSError, http.client.HTTPException) as error:
        return Finding(SERVED, "note", f"cannot be checked: the gateway does not answer ({error})", "start it")
    is_served = status == http.client.OK and answer == content
    why = "the gateway serves what is in the folder" if is_served else f"the gateway answers {status} to {path}"
    remedy = f"start the gateway with the data folder of the services, {folder.parent}, as a user who may read it"
    return judge(SERVED, why, fail=not is_served, remedy=remedy)
