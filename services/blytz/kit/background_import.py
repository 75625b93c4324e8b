"""Imports a large part of the package while the event loop goes on."""

import asyncio
from importlib import import_module
from threading import Thread
from types import ModuleType


async def import_in_background(name: str) -> ModuleType:
    """Raises what importing raises. A process that is to end does not wait for it, which it would with a thread of
    the loop's own pool."""
    loop = asyncio.get_running_loop()
    imported: asyncio.Future[ModuleType] = loop.create_future()

    def give(module: ModuleType | None, error: BaseException | None) -> None:
        if imported.cancelled():
            return
        if error is not None:
            imported.set_exception(error)
        elif module is not None:
            imported.set_result(module)

    def work() -> None:
        module, error = None, None
        try:
            module = import_module(name)
        except BaseException as caught:  # noqa: BLE001 - raised where it is awaited
            error = caught
        # The loop may have ended meanwhile.
        if not loop.is_closed():
            loop.call_soon_threadsafe(give, module, error)

    Thread(target=work, name=f"import {name}", daemon=True).start()
    return await imported
