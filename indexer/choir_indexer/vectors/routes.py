"""The embedded engine for other processes of this machine: ``POST /vectors/{operation}``.

Bodies and answers are MessagePack (:mod:`choir.vectors.wire`). Every request needs the
bearer token: whoever holds it may ask with any access filter, so it belongs to the API
process alone and never leaves the machine.
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from choir.privacy import Level
from choir.vectors import (
    ModelMismatch,
    VectorsError,
    VectorStore,
    VectorsUnavailable,
    wire,
)

MAX_BODY = 64 << 20

_Operation = Callable[[VectorStore, Any], Awaitable[Any]]


async def _ensure(store: VectorStore, value: Any) -> Any:
    return await store.ensure_collection(
        model=str(value["model"]), dimension=int(value["dimension"])
    )


async def _upsert(store: VectorStore, value: Any) -> Any:
    await store.upsert([wire.point_from(point) for point in value])


async def _delete(store: VectorStore, value: Any) -> Any:
    await store.delete([str(message) for message in value])


async def _relevel(store: VectorStore, value: Any) -> Any:
    await store.relevel(str(value["thread"]), Level(value["level"]))


async def _search(store: VectorStore, value: Any) -> Any:
    return [wire.hit_to(hit) for hit in await store.search(wire.query_from(value))]


async def _scroll(store: VectorStore, value: Any) -> Any:
    after = value["after"]
    page = await store.scroll(
        limit=int(value["limit"]), after=uuid.UUID(after) if after is not None else None
    )
    return wire.page_to(page)


async def _count(store: VectorStore, _: Any) -> Any:
    return await store.count()


_OPERATIONS: dict[str, _Operation] = {
    "ensure": _ensure,
    "upsert": _upsert,
    "delete": _delete,
    "relevel": _relevel,
    "search": _search,
    "scroll": _scroll,
    "count": _count,
}


def vector_routes(store: VectorStore, token: str) -> list[Route]:
    """Routes for the indexer's HTTP server.

    Args:
        store: the engine, opened by its owner, who also closes it.
        token: the bearer token; not empty.
    """
    if not token:
        raise ValueError("the vector store is hosted with a token only; set CHOIR_VECTORS_TOKEN")
    expected = f"Bearer {token}".encode()

    async def serve(request: Request) -> Response:
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, expected):
            return _answer({"error": "VectorsRefused", "message": "wrong or missing token"}, 401)
        operation = _OPERATIONS.get(request.path_params["operation"])
        if operation is None:
            return _answer({"error": "VectorsError", "message": "no such operation"}, 404)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                message = f"the body passes {MAX_BODY} bytes; send fewer points at once"
                return _answer({"error": "VectorsError", "message": message}, 413)
        try:
            return _answer(await operation(store, wire.unpack(bytes(body))), 200)
        except ModelMismatch as error:
            return _answer({"error": "ModelMismatch", "message": str(error)}, 409)
        except VectorsUnavailable as error:
            return _answer({"error": "VectorsUnavailable", "message": str(error)}, 503)
        except VectorsError as error:
            return _answer({"error": "VectorsError", "message": str(error)}, 400)
        except (KeyError, TypeError, ValueError) as error:
            return _answer({"error": "VectorsError", "message": f"malformed: {error}"}, 400)

    return [Route("/vectors/{operation}", serve, methods=["POST"])]


def _answer(value: Any, status: int) -> Response:
    return Response(wire.pack(value), status, media_type=wire.CONTENT_TYPE)
