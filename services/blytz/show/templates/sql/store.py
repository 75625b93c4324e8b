"""Templates in SQL."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from blytz.auction.model import Terms
from blytz.kit.sql.database import Database
from blytz.show.templates import rules
from blytz.show.templates.model import MAX_TEMPLATES, Template, TemplateCode
from blytz.show.templates.sql.tables import TEMPLATES

_read_terms: Final = msgspec.json.Decoder(Terms).decode


class SqlTemplates:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, template: Template) -> Template | TemplateCode:
        row = {
            "template_id": template.template_id,
            "seller_id": template.seller_id,
            "name": template.name,
            "terms": _json(template.terms),
        }
        stored = select(TEMPLATES).where(TEMPLATES.c.template_id == template.template_id)
        count = select(func.count()).select_from(TEMPLATES).where(TEMPLATES.c.seller_id == template.seller_id)
        try:
            async with self._database.writing() as connection:
                if found := (await connection.execute(stored)).first():
                    return _template_of_row(found)
                if (await connection.execute(count)).scalar_one() >= MAX_TEMPLATES:
                    return TemplateCode.TOO_MANY
                await connection.execute(insert(TEMPLATES).values(row))
        except IntegrityError:
            return TemplateCode.NAME_TAKEN
        return template

    async def templates(self, seller_id: str) -> Sequence[Template]:
        query = select(TEMPLATES).where(TEMPLATES.c.seller_id == seller_id).order_by(TEMPLATES.c.name)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.limit(MAX_TEMPLATES))).all()
        return [_template_of_row(row) for row in rows]

    async def template(self, template_id: str) -> Template | None:
        query = select(TEMPLATES).where(TEMPLATES.c.template_id == template_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).first()
        return _template_of_row(row) if row else None

    async def change(self, template_id: str, fields: dict[str, Any]) -> Template | TemplateCode:
        its = TEMPLATES.c.template_id == template_id
        try:
            async with self._database.writing() as connection:
                row = (await connection.execute(select(TEMPLATES).where(its).with_for_update())).first()
                if row is None:
                    return TemplateCode.TEMPLATE_NOT_FOUND
                template = _template_of_row(row)
                changed = rules.change_template(template, fields)
                if changed != template:
                    values = {"name": changed.name, "terms": _json(changed.terms)}
                    await connection.execute(update(TEMPLATES).where(its).values(values))
        except IntegrityError:
            return TemplateCode.NAME_TAKEN
        return changed

    async def remove(self, template_id: str) -> None:
        async with self._database.writing() as connection:
            await connection.execute(delete(TEMPLATES).where(TEMPLATES.c.template_id == template_id))


def _json(terms: Terms) -> str:
    return msgspec.json.encode(terms).decode()


def _template_of_row(row: Any) -> Template:
    return Template(row.template_id, row.seller_id, row.name, _read_terms(row.terms))
