"""The hosted engine's routes: who gets in, and what happens to what does not fit."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest
from starlette.applications import Starlette

from choir.privacy import AccessFilter
from choir.vectors import (
    ModelMismatch,
    Query,
    VectorsError,
    VectorsRefused,
    VectorsUnavailable,
    wire,
)
from choir.vectors.edge import EdgeStore
from choir.vectors.remote import RemoteStore
from choir_indexer.vectors import vector_routes

TOKEN = "a token of this machine"


@pytest.fixture
async def http(store: EdgeStore) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=vector_routes(store, TOKEN)))
    async with httpx.AsyncClient(transport=transport, base_url="http://indexer") as client:
        yield client


def remote(http: httpx.AsyncClient, token: str = TOKEN) -> RemoteStore:
    http.headers["Authorization"] = f"Bearer {token}"
    return RemoteStore(http)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN])
async def test_without_the_token_nothing_is_said(
    header: str | None, http: httpx.AsyncClient
) -> None:
    headers = {} if header is None else {"Authorization": header}
    for operation in ("search", "count", "no-such"):
        answer = await http.post(f"/vectors/{operation}", headers=headers, content=wire.pack(None))
        assert answer.status_code == 401
        assert wire.unpack(answer.content)["error"] == "VectorsRefused"


async def test_the_client_says_that_it_was_refused(http: httpx.AsyncClient) -> None:
    with pytest.raises(VectorsRefused, match="CHOIR_VECTORS_TOKEN"):
        await remote(http, "wrong").count()


def test_no_token_no_hosting(store: EdgeStore) -> None:
    with pytest.raises(ValueError, match="CHOIR_VECTORS_TOKEN"):
        vector_routes(store, "")


async def test_errors_cross_with_their_kind(http: httpx.AsyncClient) -> None:
    store = remote(http)
    query = Query(AccessFilter(frozenset({"public"})), words="x")
    with pytest.raises(VectorsUnavailable, match="not been opened"):
        await store.search(query)
    assert await store.ensure_collection(model="m@1", dimension=4)
    with pytest.raises(ModelMismatch):
        await store.ensure_collection(model="m@2", dimension=4)
    with pytest.raises(VectorsError) as refused:
        await store.search(
            Query(AccessFilter(frozenset({"public"})), vector=np.ones(3, np.float32))
        )
    assert not isinstance(refused.value, VectorsUnavailable)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("search", b"\xc1"),
        ("search", wire.pack(None)),
        ("search", wire.pack({"vector": None, "words": "x", "where": {}, "limit": 1})),
        ("upsert", wire.pack([{"message": "m"}])),
        ("upsert", wire.pack(7)),
        ("relevel", wire.pack({"thread": "T", "level": 9})),
        ("ensure", wire.pack({"model": "m"})),
        ("scroll", wire.pack({"limit": "many", "after": None})),
        ("scroll", wire.pack({"limit": 1, "after": "not a uuid"})),
    ],
)
async def test_what_does_not_fit_is_refused_and_changes_nothing(
    operation: str, body: bytes, http: httpx.AsyncClient, store: EdgeStore
) -> None:
    await store.ensure_collection(model="m@1", dimension=4)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = await http.post(f"/vectors/{operation}", headers=headers, content=body)
    assert answer.status_code == 400
    assert wire.unpack(answer.content)["error"] == "VectorsError"
    assert await store.count() == 0


async def test_hidden_text_cannot_be_smuggled_in(http: httpx.AsyncClient, store: EdgeStore) -> None:
    await store.ensure_collection(model="m@1", dimension=4)
    point = {
        "message": "m", "thread": "T", "author": "a", "level": 2, "created_at": 0,
        "content_hash": "00", "vector": wire.vector_to(np.ones(4, np.float32)), "text": "secret",
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = await http.post("/vectors/upsert", headers=headers, content=wire.pack([point]))
    assert answer.status_code == 400
    assert await store.count() == 0


async def test_an_unknown_operation_is_404(http: httpx.AsyncClient) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = await http.post("/vectors/drop", headers=headers, content=wire.pack(None))
    assert answer.status_code == 404


async def test_nobody_there() -> None:
    store = RemoteStore.at("http://127.0.0.1:1", TOKEN)
    with pytest.raises(VectorsUnavailable, match="is the indexer running"):
        await store.count()
    await store.aclose()
