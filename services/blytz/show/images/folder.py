"""The files of images in the data folder, where nginx finds them."""

import asyncio
from pathlib import Path
from typing import Final

from blytz.kit.files import write_file
from blytz.kit.problems import StoreUnavailable

FOLDER: Final = "images"
"""Within the data folder. nginx serves it as `/images/` (`cli/gateway/render.py`)."""


class ImageFolder:
    def __init__(self, data: Path) -> None:
        self._folder = data / FOLDER

    async def write(self, name: str, content: bytes) -> None:
        try:
            await asyncio.to_thread(_write, self._folder / name, content)
        except OSError as error:
            raise StoreUnavailable from error


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, content)
