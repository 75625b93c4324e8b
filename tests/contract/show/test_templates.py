"""What `TemplateStore` promises, on SQLite and on PostgreSQL."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from blytz.auction.model import Terms
from blytz.kit.sql.database import Database
from blytz.show.sql.store import SqlCatalogue
from blytz.show.templates.model import MAX_TEMPLATES, Template, TemplateCode
from blytz.show.templates.sql.store import SqlTemplates


def template(number: int = 1, **fields: Any) -> Template:
    usual: dict[str, Any] = {"seller_id": "usr_sam", "name": f"N{number:03}", "terms": Terms(reserve_price=9)}
    return Template(template_id=f"tpl_{number}", **{**usual, **fields})


@pytest.fixture
def templates(catalogue: SqlCatalogue, database: Database) -> SqlTemplates:
    return SqlTemplates(database)


async def test_a_template_is_read_as_it_was_added_and_adding_it_again_changes_nothing(
    templates: SqlTemplates,
) -> None:
    assert await templates.add(template()) == template()
    assert await templates.add(template(name="Another")) == template()
    assert await templates.template("tpl_1") == template()
    assert await templates.template("tpl_2") is None
    await templates.add(template(3, name="A"))
    await templates.add(template(4, seller_id="usr_other"))
    assert [found.template_id for found in await templates.templates("usr_sam")] == ["tpl_3", "tpl_1"]


async def test_a_name_is_given_once_by_each_seller(templates: SqlTemplates) -> None:
    added = await asyncio.gather(*(templates.add(template(number, name="Same")) for number in (1, 2)))
    assert list(added).count(TemplateCode.NAME_TAKEN) == 1
    await templates.add(template(3))
    assert isinstance(await templates.add(template(4, seller_id="usr_other", name="Same")), Template)

    assert await templates.change("tpl_3", {"name": "Same"}) is TemplateCode.NAME_TAKEN
    assert await templates.template("tpl_3") == template(3)


async def test_a_template_is_changed_and_removed(templates: SqlTemplates) -> None:
    await templates.add(template())
    terms = Terms(start_price=7)

    assert await templates.change("tpl_1", {"terms": terms}) == replace(template(), terms=terms)
    assert await templates.change("tpl_1", {}) == replace(template(), terms=terms)
    assert await templates.change("tpl_9", {"name": "B"}) is TemplateCode.TEMPLATE_NOT_FOUND
    for _ in range(2):
        await templates.remove("tpl_1")
    assert await templates.template("tpl_1") is None


async def test_a_seller_has_a_bounded_number_of_templates(templates: SqlTemplates) -> None:
    for number in range(MAX_TEMPLATES):
        await templates.add(template(number))

    assert await templates.add(template(MAX_TEMPLATES)) is TemplateCode.TOO_MANY
    assert isinstance(await templates.add(template(500, seller_id="usr_other")), Template)
