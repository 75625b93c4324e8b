"""Images over HTTP: what is kept of an upload, and which are refused."""

import struct
import zlib
from typing import Any

import httpx
import pytest
from PIL import Image

from blytz.show.images.model import MAX_IMAGE_BYTES
from tests.contract.http.test_shows import LOT, call, made
from tests.support.http import Api, problem, wrong_fields
from tests.support.images import as_file, opened, picture

ORIENTATION, CAMERA, PLACE = 0x0112, 0x010F, 0x8825


def upload(api: Api, by: str, data: bytes) -> httpx.Response:
    return api.post("/v1/images", data, by=by)


def uploaded(api: Api, by: str, data: bytes) -> dict[str, Any]:
    answer = upload(api, by, data)
    assert answer.status_code == 201, answer.text
    image: dict[str, Any] = answer.json()
    return image


def file_of(api: Api, url: str) -> Image.Image:
    return opened((api.folder / url.removeprefix("/")).read_bytes())


def test_an_image_is_kept_as_webp_in_sizes_up_to_its_own(api: Api, sam: str) -> None:
    image = uploaded(api, sam, picture(2_000, 1_000, "JPEG"))

    sizes = [(size["width"], size["height"]) for size in image["sizes"]]
    assert sizes == [(320, 160), (800, 400), (1_600, 800)]
    assert (image["url"], image["width"], image["height"]) == (image["sizes"][-1]["url"], 1_600, 800)
    for size in image["sizes"]:
        found = file_of(api, size["url"])
        assert (found.format, found.size) == ("WEBP", (size["width"], size["height"]))
    small = uploaded(api, sam, picture(200, 100))
    assert [(size["width"], size["height"]) for size in small["sizes"]] == [(200, 100)]


def test_the_notes_of_the_camera_are_gone_and_the_picture_is_upright(api: Api, sam: str) -> None:
    notes = Image.Exif()
    notes[ORIENTATION], notes[CAMERA] = 6, "A camera"
    notes.get_ifd(PLACE)[1] = "N"
    data = picture(400, 200, "JPEG", exif=notes.tobytes(), comment=b"A secret")

    image = uploaded(api, sam, data)

    assert (image["width"], image["height"]) == (200, 400)
    found = file_of(api, image["url"])
    assert not found.getexif()
    assert found.info.keys().isdisjoint({"exif", "xmp", "icc_profile", "comment"})
    brightness = found.convert("L").resize((1, 2)).tobytes()
    assert (brightness[0] > 200, brightness[1] < 50) == (True, True)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGBA"), ("PNG", "P"), ("PNG", "I;16"), ("WEBP", "RGBA"), ("JPEG", "CMYK"), ("JPEG", "L")],
)
def test_every_kind_of_picture_is_taken(api: Api, sam: str, kind: str, mode: str) -> None:
    blank = Image.new("RGB" if mode == "P" else mode, (64, 48), None)
    image = uploaded(api, sam, as_file(blank.convert(mode) if mode == "P" else blank, kind))

    assert (image["width"], image["height"]) == (64, 48)


def test_the_same_bytes_are_the_same_image_and_the_files_of_every_seller(api: Api, sam: str) -> None:
    data = picture(111, 57)
    first, again = uploaded(api, sam, data), uploaded(api, sam, data)
    other = uploaded(api, api.token("Another seller", "seller"), data)

    assert first == again
    assert other["image_id"] != first["image_id"]
    assert other["sizes"] == first["sizes"]


def _bomb() -> bytes:
    """A PNG of few bytes that says it has 900 million pixels."""
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)

    def chunk(name: bytes, content: bytes) -> bytes:
        checked = name + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    pixels = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a JPEG"),
        (b"<svg onload='alert(1)'/>", "not a JPEG"),
        (picture(10, 10, "GIF"), "not a JPEG"),
        (picture()[:200], "damaged"),
        (b"\xff\xd8\xff" + bytes(1_000), "damaged"),
        (b"RIFF\x00\x00\x00\x00WEBP" + bytes(100), "damaged"),
        (_bomb(), "40 million pixels"),
    ],
    ids=["empty", "SVG", "GIF", "cut", "no JPEG", "no WebP", "bomb"],
)
def test_what_is_no_good_image_is_refused_with_the_reason(api: Api, sam: str, data: bytes, why: str) -> None:
    assert why in problem(upload(api, sam, data), 409, "image_invalid")["detail"]


def test_an_upload_has_a_largest_size(api: Api, sam: str) -> None:
    answer = problem(upload(api, sam, bytes(MAX_IMAGE_BYTES + 1)), 413, "too_large")
    assert str(MAX_IMAGE_BYTES) in answer["detail"]


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [(None, 401, "unauthenticated"), ("bidder", 403, "forbidden"), ("moderator", 403, "forbidden")],
)
def test_only_sellers_upload_images(api: Api, who: Any, status: int, code: str) -> None:
    problem(api.post("/v1/images", picture(), by=who and api.token("Anna", who)), status, code)


def test_a_show_and_a_lot_take_the_address_of_an_image(api: Api, sam: str) -> None:
    url = uploaded(api, sam, picture())["url"]

    show = made(api, sam, cover=url)
    lot = api.post(f"/v1/shows/{show['show_id']}/lots", {**LOT, "images": [url]}, by=sam)

    assert (show["cover"], lot.json()["images"]) == (url, [url])
    elsewhere = {"cover": "/images/../secret"}
    assert wrong_fields(call(api, "PATCH", f"/v1/shows/{show['show_id']}", elsewhere, by=sam)) == ["cover"]
