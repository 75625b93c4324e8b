"""What a change does to a template."""

from typing import Any

from blytz.show.rules import laid_over, refuse_faulty
from blytz.show.templates.model import Template


def change_template(template: Template, fields: dict[str, Any]) -> Template:
    """`fields` are those that change, checked one by one; what they do not name is kept, inside the terms too.
    Raises `InvalidRequest` when the terms would contradict each other."""
    changed = laid_over(template, fields)
    refuse_faulty(changed.terms)
    return changed
