"""The FastAPI application: routers, middleware, errors, the OpenAPI document."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.cors import CORSMiddleware

from choir_api import errors
from choir_api.auth import endpoints as auth
from choir_api.content import endpoints as content
from choir_api.deps import Deps
from choir_api.keys import endpoints as keys
from choir_api.messages import endpoints as messages
from choir_api.middleware import BodyLimit, Metrics, NoStore, RequestIds, Versions
from choir_api.search import endpoints as search
from choir_api.settings import API_VERSION
from choir_api.spaces import endpoints as spaces
from choir_api.specs import endpoints as specs
from choir_api.system import endpoints as system
from choir_api.threads import endpoints as threads
from choir_api.tokens import endpoints as tokens
from choir_api.transactions import endpoints as transactions

EXPOSED_HEADERS = (
    "ETag",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
)


def create_app(deps: Deps) -> FastAPI:
    """The application on its ports. It opens nothing itself; `deps` is closed by its owner."""
    app = FastAPI(
        title="Choir API",
        version="1.0.0",
        summary="Threads with stakes, approvals and divestment on Solana.",
        lifespan=_nothing,
        redirect_slashes=False,
    )
    app.state.deps = deps
    versioned = APIRouter(prefix=f"/{API_VERSION}")
    for noun in (
        auth,
        keys,
        threads,
        messages,
        specs,
        tokens,
        transactions,
        content,
        spaces,
        search,
    ):
        versioned.include_router(noun.router)
    app.include_router(versioned)
    app.include_router(system.router)
    errors.install(app)

    settings = deps.settings
    # the last added stands outermost
    app.add_middleware(BodyLimit, limit=settings.body_limit_bytes)
    app.add_middleware(Metrics, registry=deps.registry)
    app.add_middleware(Versions)
    app.add_middleware(NoStore)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "If-Match",
                "If-None-Match",
                "X-Api-Key",
                "X-Request-Id",
            ],
            expose_headers=list(EXPOSED_HEADERS),
            max_age=600,
        )
    app.add_middleware(RequestIds)
    app.openapi = _openapi_of(app)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    return app


@asynccontextmanager
async def _nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


def _openapi_of(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """FastAPI's document, without the 422 it adds everywhere: this API answers 400."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, version=app.version, summary=app.summary, routes=app.routes
            )
            for operations in schema["paths"].values():
                for operation in operations.values():
                    _without_default_422(operation["responses"])
            for unused in ("HTTPValidationError", "ValidationError"):
                schema.get("components", {}).get("schemas", {}).pop(unused, None)
            app.openapi_schema = schema
        return app.openapi_schema

    return openapi


def _without_default_422(responses: dict[str, Any]) -> None:
    if "HTTPValidationError" in str(responses.get("422", "")):
        del responses["422"]
