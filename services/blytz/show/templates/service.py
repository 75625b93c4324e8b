"""What sellers may do with their templates."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from blytz.identity import Principal
from blytz.kit.problems import Conflict, Forbidden, NotFound
from blytz.kit.ratelimit.user_limit import UserLimit
from blytz.show.service import BYTES_OF_ROW
from blytz.show.templates.model import MAX_TEMPLATES, Template, TemplateCode
from blytz.show.templates.store import TemplateStore

_WHY: Final = {
    TemplateCode.TEMPLATE_NOT_FOUND: "you have no such template",
    TemplateCode.NAME_TAKEN: "another template of yours has this name",
    TemplateCode.TOO_MANY: f"a seller may have {MAX_TEMPLATES} templates; remove one first",
}
FORBIDDEN: Final = Forbidden("only a seller has templates")


def refusal(code: TemplateCode) -> Conflict | NotFound:
    """The problem that the caller gets."""
    kind = NotFound if code is TemplateCode.TEMPLATE_NOT_FOUND else Conflict
    return kind(_WHY[code], code=code)


class TemplateService:
    """For sellers, each with their own. Raises `Forbidden`, `NotFound`, `Conflict`, `RateLimited` and what the
    store raises."""

    def __init__(self, store: TemplateStore, stored_bytes_of_user: UserLimit | None = None) -> None:
        self._store = store
        self._stored_bytes_of_user = stored_bytes_of_user

    async def add(self, seller: Principal, template_id: str, fields: dict[str, Any]) -> Template:
        """The same id again gives the template that is there."""
        _require_seller(seller)
        template = Template(template_id=template_id, seller_id=seller.id, **fields)
        self._take_bytes(seller, template)
        return _done(await self._store.add(template))

    async def list(self, seller: Principal) -> Sequence[Template]:
        """By name."""
        _require_seller(seller)
        return await self._store.templates(seller.id)

    async def change(self, seller: Principal, template_id: str, fields: dict[str, Any]) -> Template:
        """For its seller and admins."""
        if await self._own(seller, template_id) is None:
            raise refusal(TemplateCode.TEMPLATE_NOT_FOUND)
        self._take_bytes(seller, fields)
        return _done(await self._store.change(template_id, fields))

    async def remove(self, seller: Principal, template_id: str) -> None:
        """For its seller and admins. Removing one twice is removing it once."""
        await self._own(seller, template_id)
        await self._store.remove(template_id)

    async def _own(self, caller: Principal, template_id: str) -> Template | None:
        _require_seller(caller)
        template = await self._store.template(template_id)
        if template is not None and template.seller_id != caller.id and not caller.has("admin"):
            raise Forbidden("this template is another seller's")
        return template

    def _take_bytes(self, user: Principal, stored: Template | dict[str, Any]) -> None:
        if self._stored_bytes_of_user is not None:
            self._stored_bytes_of_user.take(user.id, BYTES_OF_ROW + len(msgspec.json.encode(stored)))


def _require_seller(caller: Principal) -> None:
    if not caller.has("seller", "admin"):
        raise FORBIDDEN


def _done(result: Template | TemplateCode) -> Template:
    if isinstance(result, TemplateCode):
        raise refusal(result)
    return result
