"""The pages at `/docs`: the HTTP and the WebSocket reference. They load nothing from other hosts: the files of
the viewers come from the packages swagger-ui-bundle-v2 and asyncapi-viewer."""

from importlib.resources import files
from pathlib import Path

from blytz.cli.templates import infra, specs

_PAGES = ("docs.html", "docs/live.html", "docs/page.css", "docs/page.js")


def place_reference(folder: Path) -> None:
    """Write `folder`, nginx's root of `/docs`. Links that an earlier start left are replaced."""
    [swagger] = Path(str(files("swagger_ui_bundle"))).glob("vendor/swagger-ui-*")
    asyncapi = Path(str(files("asyncapi_viewer"))) / "static"
    pages = infra() / "nginx" / "reference"
    sources = {
        **{name: pages / name for name in _PAGES},
        "docs/swagger-ui.css": swagger / "swagger-ui.css",
        "docs/swagger-ui-bundle.js": swagger / "swagger-ui-bundle.js",
        "docs/asyncapi-viewer.js": asyncapi / "asyncapi-viewer.js",
        "docs/openapi.yaml": specs() / "openapi" / "auction.yaml",
        "docs/asyncapi.yaml": specs() / "asyncapi.yaml",
    }
    for name, source in sources.items():
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(source.resolve())
