"""The files of images in a bucket of S3, or of a store that speaks like it.

This module is imported only where a bucket is configured: obstore takes 9 MB once it has connected. Its requests
run in threads of its own, never on the event loop.
"""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import obstore
import structlog
from msgspec import Struct
from obstore.exceptions import BaseError
from obstore.store import S3Store

from blytz.kit.problems import StoreUnavailable

if TYPE_CHECKING:
    from obstore import Attributes
    from obstore.store import S3Credential

WITHIN_S: Final = 10.0
"""The longest that storing one image may take, in all its sizes."""
CONNECT_S: Final = 3.0
MAX_RETRIES: Final = 2
"""Of one request, after a lost connection or an answer from 500 on. Timeouts are not retried."""
CHECK_AGAIN_S: Final = 10.0
CHECK_NAME: Final = "check.txt"
CHECK: Final = b"Images of shows and lots are stored here.\n"
"""A file that every process writes when it starts: it shows that images can be stored, and read by everybody."""
OF_CHECK: Final["Attributes"] = {"Content-Type": "text/plain", "Cache-Control": "no-cache"}
OF_IMAGE: Final["Attributes"] = {
    "Content-Type": "image/webp",
    "Cache-Control": "public, max-age=31536000, immutable",
}
"""As nginx serves those in the folder: another content has another name."""
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_CERTIFICATE = re.compile(r"InvalidCertificate\(\s*(\w{1,64})")
_STATUS = re.compile(r"status code: (\d{3})")

log = structlog.get_logger()


class BucketAddress(Struct, frozen=True, kw_only=True):
    """`endpoint` is empty for Amazon's own in this region."""

    name: str
    endpoint: str
    region: str
    key_id: str
    secret_key: str
    path_style: bool
    """Whether the bucket stands in the path of addresses; else in front of the name of the host."""

    @property
    def url(self) -> str:
        """Of the bucket, or with `path_style` of what it is in."""
        endpoint = urlsplit(self.endpoint or f"https://s3.{self.region}.amazonaws.com")
        host = endpoint.netloc if self.path_style else f"{self.name}.{endpoint.netloc}"
        return f"{endpoint.scheme}://{host}{endpoint.path.rstrip('/')}"


class ImageBucket:
    """`ImageFiles` in a bucket. What is written is whole, and written again under the same name is the same."""

    def __init__(self, address: BucketAddress, within_s: float = WITHIN_S) -> None:
        self._store = _store_of(address)
        self._within_s = within_s
        self._in_doubt = asyncio.Event()
        self._in_doubt.set()
        self.fault: str | None = None
        """Why the last write failed, in few words; None if it did not."""
        self.is_known = False
        """Whether anything was written or tried yet."""

    async def write(self, files: Mapping[str, bytes]) -> None:
        try:
            # The sizes of one image fill no connection, so they need not go side by side.
            async with asyncio.timeout(self._within_s):
                for name, content in files.items():
                    kept = OF_CHECK if name == CHECK_NAME else OF_IMAGE
                    await obstore.put_async(self._store, name, content, attributes=kept, use_multipart=False)
        except (BaseError, OSError) as error:
            self._tell(_why(error))
            raise StoreUnavailable from error
        self._tell(None)

    async def read(self, name: str) -> bytes | None:
        """None where there is no such file. Raises `StoreUnavailable`, whose detail is the reason in few words."""
        try:
            async with asyncio.timeout(self._within_s):
                found = await obstore.get_async(self._store, name)
                return bytes(await found.bytes_async())
        except (BaseError, OSError) as error:
            why = _why(error)
            if why == "NoSuchKey":
                return None
            raise StoreUnavailable(why) from error

    async def follow(self, again_s: float = CHECK_AGAIN_S) -> None:
        """Until cancelled: writes the check when the process starts, and again while a write has failed, so that
        `/ready` knows before a seller does."""
        while True:
            await self._in_doubt.wait()
            self._in_doubt.clear()
            with contextlib.suppress(StoreUnavailable):
                await self.write({CHECK_NAME: CHECK})
            await asyncio.sleep(again_s)

    def _tell(self, fault: str | None) -> None:
        if fault != self.fault:
            log.info("images_stored_again") if fault is None else log.warning("images_not_stored", why=fault)
        self.fault, self.is_known = fault, True
        if fault is not None:
            self._in_doubt.set()


def _store_of(address: BucketAddress) -> S3Store:
    """All that could lead it elsewhere is given, because it takes the rest from the AWS_* variables that other
    programs use. A key by a function has no session token from there either."""

    def key() -> "S3Credential":
        return {"access_key_id": address.key_id, "secret_access_key": address.secret_key, "expires_at": None}

    return S3Store(
        address.name,
        endpoint=address.url,
        aws_endpoint_url_s3=address.url,
        region=address.region,
        virtual_hosted_style_request=not address.path_style,
        skip_signature=False,
        credential_provider=key,
        client_options={
            "allow_http": True,
            "connect_timeout": timedelta(seconds=CONNECT_S),
            "timeout": timedelta(seconds=WITHIN_S),
        },
        retry_config={"max_retries": MAX_RETRIES, "retry_timeout": timedelta(seconds=WITHIN_S)},
    )


def _why(error: Exception) -> str:
    """In few words, for the operator; what the library says is a page."""
    text = str(error)
    if isinstance(error, TimeoutError) or "kind: Timeout" in text:
        return "no answer in time"
    if found := _CODE.search(text):
        return found[1]
    if found := _CERTIFICATE.search(text):
        return f"its certificate is not accepted: {found[1]}"
    if found := _STATUS.search(text):
        return f"answers {found[1]}"
    return "wrong region" if "configured region" in text else "cannot be reached"
