"""What the HTTP calls of templates take and give (protocol, section 7)."""

from typing import Annotated

import msgspec
from litestar.params import PathParameter
from msgspec import UNSET, Struct, UnsetType

from blytz.auction import rules
from blytz.auction.http.schemas import TermsView
from blytz.auction.model import Terms
from blytz.kit.http.fields import Name
from blytz.kit.http.parse import Parser
from blytz.show.http.terms_schemas import AuctionTermsChange
from blytz.show.templates.model import Template

TemplateId = Annotated[str, PathParameter(description="as given when the template was made")]


class NewTemplate(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    terms: Terms


class TemplateChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Only what is to change."""

    name: Name | UnsetType = UNSET
    terms: AuctionTermsChange | UnsetType = UNSET


class OwnTermsView(TermsView, frozen=True):
    reserve_price: int | None
    """Hidden from everybody but the seller."""


class TemplateView(Struct, frozen=True):
    template_id: str
    name: str
    terms: OwnTermsView


class Templates(Struct, frozen=True):
    """By name."""

    templates: list[TemplateView]


def template_view(template: Template) -> TemplateView:
    terms = msgspec.convert(msgspec.structs.asdict(template.terms), OwnTermsView)
    return TemplateView(template.template_id, template.name, terms)


read_new_template = Parser(NewTemplate, terms=rules.faults_in)
read_template_change = Parser(TemplateChange)
