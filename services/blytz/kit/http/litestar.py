"""Litestar, set up so that bodies are read by our own parser and every error is a problem+json."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from litestar import Litestar, Request, Response, Router, get
from litestar.datastructures import State
from litestar.dto import AbstractDTO
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme, Server
from litestar.params import QueryParameter
from litestar.routes import BaseRoute
from litestar.types import ControllerRouterHandler
from litestar.typing import FieldDefinition
from litestar.utils.path import normalize_path
from msgspec import Struct

from blytz.kit.http.asgi import FOR_THE_OPERATOR, MAX_BODY_BYTES, Gone, problem_headers, too_large, unexpected
from blytz.kit.http.openapi import Examples, Kinds, schema_of
from blytz.kit.http.parse import Choice, Parser, refuse_parameters, refused, why_wrong
from blytz.kit.http.responses import Responses
from blytz.kit.problems import (
    CONTENT_TYPE,
    RETRY_READ,
    RETRY_WRITE,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    Problem,
    advised,
)
from blytz.kit.text import in_words

Reader = Parser[Any] | Choice[Any, Any]


class Call(Request[Any, Any, Any]):
    """A request whose empty body is `b" "`: Litestar would take an empty one for no body at all, and it would
    never reach the parser that refuses it."""

    async def body(self) -> bytes:
        return await super().body() or b" "


def _read_by(parser: Reader) -> type[AbstractDTO[Struct]]:
    """For `dto=`: `data` is read by this parser and documented by the type that the handler gives it."""

    class Body(AbstractDTO[Struct]):
        def decode_bytes(self, value: bytes) -> Any:
            return parser(value)

        @classmethod
        def create_for_field_definition(cls, *_: Any, **__: Any) -> None:
            """Litestar's own backend is not needed."""

        @classmethod
        def create_openapi_schema(
            cls,
            field_definition: FieldDefinition,
            handler_id: str,  # noqa: ARG003 - Litestar passes it by name
            schema_creator: Any,
        ) -> Any:
            return schema_creator.for_field_definition(field_definition)

    return Body


def spec(operation_id: str, summary: str, responses: Responses, parser: Reader | None = None) -> dict[str, Any]:
    """The arguments of a route's decorator that every route has; `parser` reads its body."""
    body = {"dto": _read_by(parser), "return_dto": None} if parser else {}
    return {"operation_id": operation_id, "summary": summary, "responses": responses, **body}


def as_problem(error: Exception, parameters: Mapping[str, Any] = MappingProxyType({})) -> Problem:
    """The problem that answers any exception. `parameters` are those that the call has, with their types."""
    match error:
        case Problem():
            return error
        case NotFoundException():
            return NotFound("there is no such route")
        case MethodNotAllowedException():
            return MethodNotAllowed()
        case RequestEntityTooLarge():
            return too_large()
        case ValidationException():
            return refused([_fault(extra, parameters) for extra in error.extra or ()])
        case Gone():
            return InvalidRequest("the client left")
        case HTTPException() if error.status_code < 500:
            return InvalidRequest(error.detail)
    return unexpected(error)


def _fault(extra: Any, parameters: Mapping[str, Any]) -> tuple[str, str]:
    name = str(extra.get("key", ""))
    return name, why_wrong(name, parameters.get(name), in_words(str(extra.get("message", ""))))


def _answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    parameters = _parameters_of(request.route_handler) if isinstance(error, ValidationException) else {}
    problem = advised(
        as_problem(error, parameters), RETRY_READ if request.method in ("GET", "HEAD") else RETRY_WRITE
    )
    headers = problem_headers(problem)
    if isinstance(error, MethodNotAllowedException):
        headers["allow"] = ", ".join(_methods_of(request))
    return Response(problem.body(), status_code=problem.status, headers=headers, media_type=CONTENT_TYPE)


def _methods_of(request: Request[Any, Any, Any]) -> list[str]:
    # Without a handler the path is as the client sent it, and the router knows no path with a slash at its end.
    router, path = request.app.asgi_router, normalize_path(request.scope["path"])

    def has(method: Any) -> bool:
        try:
            router.handle_routing(path=path, method=method)
        except MethodNotAllowedException:
            return False
        return True

    # A HEAD comes as a GET (kit/http/asgi.py).
    methods = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
    return [method for method in methods if has("GET" if method == "HEAD" else method)]


async def _before(request: Request[Any, Any, Any]) -> Response[None] | None:
    # Litestar answers OPTIONS itself, but names the methods of one handler only where several share a path.
    if request.method == "OPTIONS":
        return Response(None, status_code=204, headers={"allow": ", ".join(_methods_of(request))})
    scope = request.scope
    if scope["query_string"] and scope["path"] not in FOR_THE_OPERATOR:
        refuse_parameters(scope["query_string"], _parameters_of(request.route_handler))
    return None


@lru_cache(maxsize=64)
def _parameters_of(handler: HTTPRouteHandler) -> dict[str, Any]:
    """Those of the query, with the types that Litestar reads them as."""
    types = handler.signature_model.__annotations__
    fields = handler.parsed_fn_signature.parameters.items()
    return {name: types[name] for name, field in fields if isinstance(field.kwarg_definition, QueryParameter)}


class _NoPages(Router):
    """Litestar would add pages of HTML for the schema, and an HTML 404 for everything beside them."""

    def register(self, value: ControllerRouterHandler) -> list[BaseRoute]:  # noqa: ARG002
        return []


@get("/v1/openapi.json", include_in_schema=False)
async def _schema(request: Request[Any, Any, Any]) -> dict[str, Any]:
    return schema_of(request.app)


class RouteGroup(NamedTuple):
    """The calls of one noun."""

    handlers: Sequence[ControllerRouterHandler]
    requests: Examples = MappingProxyType({})
    answers: Examples = MappingProxyType({})
    state: Mapping[str, Any] = MappingProxyType({})
    """What its handlers work with, by name, in the state of the application."""


def litestar(title: str, version: str, groups: Sequence[RouteGroup], *, gateway_path: str) -> Litestar:
    """An application of these calls; its OpenAPI 3.1 is at `/v1/openapi.json`. `gateway_path` is what
    the gateway puts in front of every route."""
    requests: dict[str, Mapping[str, Any]] = {}
    answers: dict[str, Mapping[str, Any]] = {}
    state = State()
    for group in groups:
        requests |= group.requests
        answers |= group.answers
        state.update(group.state)
    bearer = SecurityScheme(type="http", scheme="bearer", bearer_format="JWT", description="A signed token")
    return Litestar(
        [*(handler for group in groups for handler in group.handlers), _schema],
        request_class=Call,
        request_max_body_size=MAX_BODY_BYTES,
        exception_handlers={Exception: _answer},
        before_request=_before,
        openapi_config=OpenAPIConfig(
            title=title,
            version=version,
            components=Components(security_schemes={"bearer": bearer}),
            servers=[Server(url=gateway_path, description="through the gateway")],
            use_handler_docstrings=True,
            openapi_router=_NoPages(path="/v1", route_handlers=[]),
        ),
        plugins=[Kinds(requests, answers)],
        logging_config=None,
        state=state,
    )
