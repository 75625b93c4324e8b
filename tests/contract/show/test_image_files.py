"""What every `ImageFiles` promises, in the folder and in a bucket; and what a bucket does when its S3 fails."""

import asyncio
import hashlib
import ssl
from pathlib import Path
from typing import Protocol

import pytest

from blytz.apps.images import state_of
from blytz.identity import Principal
from blytz.kit.http.pages import Dependency
from blytz.kit.problems import StoreUnavailable
from blytz.kit.sql.database import Database
from blytz.kit.sql.migrations import migrate
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.images import rules
from blytz.show.images.bucket import CHECK, CHECK_NAME, BucketAddress, ImageBucket
from blytz.show.images.encoder import PillowEncoder
from blytz.show.images.folder import FOLDER, ImageFolder
from blytz.show.images.service import ImageService
from blytz.show.images.sql.store import SqlImages
from blytz.show.images.store import ImageFiles
from blytz.show.sql.store import MIGRATIONS
from tests.support.certificates import make_certificates
from tests.support.images import opened, picture
from tests.support.s3 import S3Server
from tests.support.wait import until

SAM = Principal("usr_sam", "Sam", ("seller",), 0)
FILES = {f"ab/{'ab' * 32}-320.webp": b"small", f"ab/{'ab' * 32}-800.webp": b"large"}
SHORT_S = 0.5


class Place(Protocol):
    """Where images are stored, as a test sees it from outside."""

    files: ImageFiles

    def stored(self) -> dict[str, bytes]: ...

    def refuse(self, name: str) -> None:
        """From now on a file of this name cannot be stored."""

    def accept(self, name: str) -> None:
        """Now it can."""


class InFolder:
    def __init__(self, data: Path) -> None:
        self.files: ImageFiles = ImageFolder(data)
        self._folder = data / FOLDER

    def stored(self) -> dict[str, bytes]:
        files = (path for path in self._folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self._folder)): path.read_bytes() for path in files}

    def refuse(self, name: str) -> None:
        (self._folder / name).mkdir(parents=True)

    def accept(self, name: str) -> None:
        (self._folder / name).rmdir()


class InBucket:
    def __init__(self, s3: S3Server) -> None:
        self.files: ImageFiles = ImageBucket(s3.address())
        self._s3 = s3

    def stored(self) -> dict[str, bytes]:
        return {name: each["Body"] for name, each in self._s3.stored().items()}

    def refuse(self, name: str) -> None:
        self._s3.refuse(name)

    def accept(self, _: str) -> None:
        self._s3.refuse()


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return InFolder(tmp_path) if request.param == "folder" else InBucket(request.getfixturevalue("s3"))


async def test_all_files_of_an_image_are_stored_and_stored_again_as_they_are(place: Place) -> None:
    for _ in range(2):
        await place.files.write(FILES)
    assert place.stored() == FILES


async def test_an_image_is_told_only_when_all_its_sizes_are_stored(place: Place, tmp_path: Path) -> None:
    database, data = Database("show", "", tmp_path), picture(900, 600)
    await migrate(database, MIGRATIONS)
    images = SqlImages(database)
    service = ImageService(images, place.files, PillowEncoder(Metrics()), lambda: 1)
    content_hash = hashlib.sha256(data).hexdigest()
    names = [rules.file_name(content_hash, width) for width in (320, 800, 900)]

    async def read() -> bytes:
        return data

    place.refuse(names[1])
    with pytest.raises(StoreUnavailable):
        await service.take(SAM, read)
    assert await images.of_seller(SAM.id, content_hash) is None
    place.accept(names[1])
    image = await service.take(SAM, read)

    stored = place.stored()
    assert [opened(stored[name]).width for name in names] == [320, 800, 900]
    assert await images.of_seller(SAM.id, content_hash) == image
    await database.close()


async def test_a_bucket_says_of_an_image_that_it_is_one_and_may_be_kept(s3: S3Server) -> None:
    await ImageBucket(s3.address()).write(FILES)
    for found in s3.stored().values():
        assert found["ContentType"] == "image/webp"
        assert found["CacheControl"] == "public, max-age=31536000, immutable"


async def test_the_variables_of_other_programs_lead_it_nowhere_else(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {"ENDPOINT_URL_S3": "http://127.0.0.1:9", "ENDPOINT_URL": "http://127.0.0.1:9", "REGION": "elsewhere"}
    others |= {"SESSION_TOKEN": "token", "ACCESS_KEY_ID": "another", "SKIP_SIGNATURE": "true", "BUCKET": "another"}
    for name, text in others.items():
        monkeypatch.setenv(f"AWS_{name}", text)
    await ImageBucket(s3.address()).write(FILES)
    monkeypatch.undo()
    assert s3.stored().keys() == FILES.keys()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"secret_key": "another"}, "SignatureDoesNotMatch"),
        ({"key_id": "AKIAANOTHER"}, "InvalidAccessKeyId"),
        ({"name": "another"}, "AccessDenied"),
        ({"endpoint": "http://127.0.0.1:9"}, "cannot be reached"),
    ],
)
async def test_what_is_wrong_with_a_bucket_is_told_in_few_words(
    s3: S3Server, wrong: dict[str, str], why: str
) -> None:
    bucket = ImageBucket(s3.address(**wrong))
    assert state_of(bucket) == Dependency("unasked", optional=True)
    with pytest.raises(StoreUnavailable):
        await bucket.write(FILES)
    assert state_of(bucket) == Dependency("away", "store_unavailable", why, optional=True)
    with pytest.raises(StoreUnavailable, match=why):
        await bucket.read(CHECK_NAME)


async def test_an_s3_that_does_not_answer_is_given_up_while_the_loop_runs_on(s3: S3Server) -> None:
    bucket, turns = ImageBucket(s3.address(), SHORT_S), 0
    s3.freeze()
    writing = asyncio.ensure_future(bucket.write(FILES))
    while not writing.done():
        turns += 1
        await asyncio.sleep(0.01)
    with pytest.raises(StoreUnavailable):
        await writing
    assert turns > 10
    assert state_of(bucket).detail == "no answer in time"


async def test_a_bucket_is_tried_at_the_start_and_after_a_failure(s3: S3Server) -> None:
    bucket, up = ImageBucket(s3.address()), Dependency("up", optional=True)
    following = asyncio.ensure_future(bucket.follow(again_s=0.05))
    await until(lambda: state_of(bucket) == up, "the bucket has been tried")
    assert await bucket.read(CHECK_NAME) == CHECK
    assert await bucket.read(next(iter(FILES))) is None

    s3.refuse("*")
    with pytest.raises(StoreUnavailable):
        await bucket.write(FILES)
    assert state_of(bucket).detail == "AccessDenied"
    s3.refuse()
    await until(lambda: state_of(bucket) == up, "the bucket is up again, without an upload")
    following.cancel()


async def answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """Takes one object. Returns the address that was asked for."""
    asked = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
    writer.write(b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    writer.close()
    return asked


async def test_the_certificate_of_a_bucket_is_verified_by_the_authorities_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_certificates(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer_all(reader, writer)

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls) as server:
        address = BucketAddress(
            name="images",
            endpoint=f"https://localhost:{server.sockets[0].getsockname()[1]}",
            region="eu",
            key_id="a",
            secret_key="b",
            path_style=True,
        )
        stranger = ImageBucket(address)
        with pytest.raises(StoreUnavailable):
            await stranger.write(FILES)
        assert stranger.fault == "its certificate is not accepted: UnknownIssuer"
        monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
        await ImageBucket(address).write(FILES)


@pytest.mark.parametrize(
    ("path_style", "endpoint", "url"),
    [
        (True, "http://s3.example:9000", "http://s3.example:9000/images/ab.webp"),
        (True, "http://s3.example/storage/v1/", "http://s3.example/storage/v1/images/ab.webp"),
        (False, "http://s3.example:9000/", "http://images.s3.example:9000/ab.webp"),
    ],
)
async def test_the_bucket_stands_in_the_path_or_in_front_of_the_host(
    path_style: bool, endpoint: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await answer_all(reader, writer))

    # A proxy is told the whole address, and no name has to be known.
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        address = BucketAddress(
            name="images", endpoint=endpoint, region="eu", key_id="a", secret_key="b", path_style=path_style
        )
        await ImageBucket(address).write({"ab.webp": b"x"})
    assert asked == [url]


@pytest.mark.parametrize("path_style", [True, False])
def test_without_an_endpoint_it_is_amazons_in_the_region(path_style: bool) -> None:
    address = BucketAddress(
        name="images", endpoint="", region="eu-west-1", key_id="a", secret_key="b", path_style=path_style
    )
    assert address.url == f"https://{'' if path_style else 'images.'}s3.eu-west-1.amazonaws.com"
