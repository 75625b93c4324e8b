"""Wiring of images: the folder, or the bucket that is configured."""

from typing import TYPE_CHECKING

from blytz.kit.config.model import Settings
from blytz.kit.http.pages import Dependency
from blytz.kit.problems import StoreUnavailable

if TYPE_CHECKING:
    from blytz.show.images.bucket import ImageBucket


def bucket_of(settings: Settings, within_s: float | None = None) -> "ImageBucket | None":
    """None where images are files in the data folder: the library is imported only where it is used. `within_s` is
    the longest that storing one image may take."""
    if not settings.images_bucket:
        return None
    from blytz.show.images.bucket import WITHIN_S, BucketAddress, ImageBucket

    address = BucketAddress(
        name=settings.images_bucket,
        endpoint=settings.images_endpoint,
        region=settings.images_region,
        key_id=settings.images_key_id,
        secret_key=settings.images_secret_key,
        path_style=settings.images_path_style,
    )
    return ImageBucket(address, within_s or WITHIN_S)


def state_of(bucket: "ImageBucket") -> Dependency:
    """For `/ready`. Everything but uploading images works without it."""
    if bucket.fault is not None:
        return Dependency("away", StoreUnavailable.code, bucket.fault, optional=True)
    return Dependency("up" if bucket.is_known else "unasked", optional=True)
