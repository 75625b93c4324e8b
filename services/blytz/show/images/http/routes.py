"""The HTTP call of images (protocol, section 7)."""

from litestar import Controller, post
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from blytz.identity.http.callers import SIGNED_IN, caller_of
from blytz.kit.http.litestar import Call, RouteGroup, spec
from blytz.show.images.http import examples
from blytz.show.images.http import responses as answers
from blytz.show.images.http.schemas import ImageUpload, ImageView, image_view
from blytz.show.images.model import MAX_IMAGE_BYTES
from blytz.show.images.service import ImageService


class ImageCalls(Controller):
    path = "/v1/images"
    tags = ("shows",)

    @post(
        **spec("createImage", "Upload an image", answers.CREATE),
        **SIGNED_IN,
        operation_class=ImageUpload,
        request_max_body_size=MAX_IMAGE_BYTES,
    )
    async def create(self, request: Call) -> ImageView:
        """A JPEG, PNG or WebP of at most 10 MiB and 40 million pixels. It is kept as WebP in several sizes, turned
        upright, without the camera's notes of place and time. The same bytes again are the same image."""

        async def read() -> bytes:
            try:
                return await request.body()
            except RequestEntityTooLarge:
                raise answers.TOO_LARGE from None

        service: ImageService = request.app.state.images
        return image_view(await service.take(caller_of(request), read))


def image_routes(service: ImageService | None = None) -> RouteGroup:
    """Without a service it can be described but not called."""
    return RouteGroup([ImageCalls], answers=examples.ANSWERS, state={"images": service})
