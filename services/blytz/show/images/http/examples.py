"""The answer to an upload, as the documentation shows it."""

from typing import Any, Final

_FILE: Final = "/images/9f/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "createImage": {
        "a picture": {
            "image_id": "img_01m8atq6xptjyda5rq82v5p47f",
            "url": f"{_FILE}-640.webp",
            "width": 640,
            "height": 480,
            "sizes": [
                {"url": f"{_FILE}-320.webp", "width": 320, "height": 240},
                {"url": f"{_FILE}-640.webp", "width": 640, "height": 480},
            ],
        }
    }
}
