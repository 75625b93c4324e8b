"""A template, and why one is refused."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from blytz.auction.model import Terms

MAX_TEMPLATES: Final = 100
"""Of one seller."""


class TemplateCode(StrEnum):
    """Why something was refused."""

    TEMPLATE_NOT_FOUND = "template_not_found"
    NAME_TAKEN = "name_taken"
    TOO_MANY = "too_many"


class Template(Struct, frozen=True):
    template_id: str
    seller_id: str
    name: str
    """No two templates of a seller share one."""
    terms: Terms
