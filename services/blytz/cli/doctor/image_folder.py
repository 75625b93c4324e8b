"""Checks of the images in the data folder: whether they can be written, and whether the gateway serves them."""

import http.client
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from blytz.cli.doctor import gateway as gateway_checks
from blytz.cli.doctor.findings import Finding, judge
from blytz.kit.config.gateway import GatewaySettings
from blytz.kit.config.model import Settings, variable

SERVED: Final = "Images served"


def findings(settings: Settings, gateway: GatewaySettings | None) -> Iterator[Finding]:
    """`gateway` is the one that serves them, where it runs here."""
    from blytz.show.images.folder import FOLDER

    images = settings.data.absolute() / FOLDER
    yield _writable(images)
    yield _served(images, gateway)


def _writable(folder: Path) -> Finding:
    name, place = "Images", folder
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
