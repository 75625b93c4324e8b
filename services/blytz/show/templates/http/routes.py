"""The HTTP calls of templates (protocol, section 7)."""

from litestar import Controller, delete, get, patch, post
from litestar.params import JSONBody

from blytz.identity.http.callers import SIGNED_IN, Connection, caller_of, operation
from blytz.kit.http.fields import IdempotencyKey
from blytz.kit.http.litestar import Call, RouteGroup, spec
from blytz.kit.ids import new_id
from blytz.show.http.schemas import named
from blytz.show.http.terms_schemas import AuctionTermsChange
from blytz.show.templates.http import examples
from blytz.show.templates.http import responses as answers
from blytz.show.templates.http.schemas import (
    NewTemplate,
    TemplateChange,
    TemplateId,
    Templates,
    TemplateView,
    read_new_template,
    read_template_change,
    template_view,
)
from blytz.show.templates.service import TemplateService


def _service_of(connection: Connection) -> TemplateService:
    service: TemplateService = connection.app.state.templates
    return service


class TemplateCalls(Controller):
    """Of the calling seller alone."""

    path = "/v1/terms-templates"
    tags = ("shows",)

    @get(**spec("listTemplates", "The templates of the caller", answers.LIST), **SIGNED_IN)
    async def all(self, request: Call) -> Templates:
        """Named terms to start a lot with, by name."""
        found = await _service_of(request).list(caller_of(request))
        return Templates([template_view(template) for template in found])

    @post(**spec("createTemplate", "Make a template", answers.CREATE, read_new_template), **SIGNED_IN)
    async def create(
        self, request: Call, data: JSONBody[NewTemplate], idempotency_key: IdempotencyKey = None
    ) -> TemplateView:
        """At most 100, each with a name of its own."""
        once = await operation(request, idempotency_key, new_id("tpl"))
        fields = {"name": data.name, "terms": data.terms}
        return template_view(await _service_of(request).add(caller_of(request), once.subject_id, fields))

    @patch(
        "/{template_id:str}",
        **spec("changeTemplate", "Change a template", answers.CHANGE, read_template_change),
        **SIGNED_IN,
    )
    async def change(self, request: Call, template_id: TemplateId, data: JSONBody[TemplateChange]) -> TemplateView:
        """What is left out stays as it is, terms too. Lots that were made with it keep their terms."""
        fields = named(data)
        if isinstance(data.terms, AuctionTermsChange):
            fields["terms"] = named(data.terms)
        return template_view(await _service_of(request).change(caller_of(request), template_id, fields))

    @delete("/{template_id:str}", **spec("removeTemplate", "Remove a template", answers.REMOVE), **SIGNED_IN)
    async def remove(self, request: Call, template_id: TemplateId) -> None:
        """Removing one twice is removing it once."""
        await _service_of(request).remove(caller_of(request), template_id)


def template_routes(service: TemplateService | None = None) -> RouteGroup:
    """Without a service they can be described but not called."""
    return RouteGroup([TemplateCalls], examples.REQUESTS, examples.ANSWERS, {"templates": service})
