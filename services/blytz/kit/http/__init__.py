"""HTTP for every service: ASGI, Litestar, OpenAPI, the operator's pages."""
