"""Adds the templates of nginx and Redis to a wheel; an editable installation reads them from infra/."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Templates(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            build_data["force_include"].update(
                {f"infra/{name}": f"blytz/infra/{name}" for name in ("nginx", "redis")}
            )
