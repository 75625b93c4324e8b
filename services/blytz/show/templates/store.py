"""The port to templates."""

from collections.abc import Sequence
from typing import Any, Protocol

from blytz.show.templates.model import Template, TemplateCode


class TemplateStore(Protocol):
    """Every call is one transaction. All raise `StoreUnavailable` and `Overloaded`."""

    async def add(self, template: Template) -> Template | TemplateCode:
        """The same id again changes nothing: the answer is what is stored. Refuses `name_taken` and `too_many`."""

    async def templates(self, seller_id: str) -> Sequence[Template]:
        """By name; `MAX_TEMPLATES` at most."""

    async def template(self, template_id: str) -> Template | None: ...

    async def change(self, template_id: str, fields: dict[str, Any]) -> Template | TemplateCode:
        """By `rules.change_template`, which may raise `InvalidRequest`. Refuses `template_not_found` and
        `name_taken`."""

    async def remove(self, template_id: str) -> None:
        """Removing twice is removing once."""
