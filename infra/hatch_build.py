"""Adds contracts and the templates of nginx and Redis to a wheel; an editable installation has them beside it."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_INCLUDED = ("infra/nginx", "infra/redis", "specs/openapi", "specs/asyncapi.yaml")


class Templates(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            build_data["force_include"].update({name: f"blytz/{name}" for name in _INCLUDED})
