"""The files of images in the data folder, where nginx finds them."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from blytz.kit.files import write_file
from blytz.kit.problems import StoreUnavailable

FOLDER: Final = "images"
"""Within the data folder. nginx serves it as `/images/` (`cli/gateway/render.py`)."""


class ImageFolder:
    def __init__(self, data: Path) -> None:
        self._folder = data / FOLDER

    async def write(self, files: Mapping[str, bytes]) -> None:
        try:
            await asyncio.to_thread(self._write, files)
        except OSError as error:
            raise StoreUnavailable from error

    def _write(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, content)
