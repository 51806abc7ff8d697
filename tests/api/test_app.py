"""What stands around every route: ids, versions, limits, errors, health."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.api.support import ManualClock, Wallet, error_code

from choir.sending import Sender
from choir.testing import FakeRpc
from choir_api.app import create_app
from choir_api.db import Database
from choir_api.deps import Deps
from choir_api.rate import Limiter
from choir_api.settings import Settings


async def _client(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://api.test")


async def test_health_says_whether_the_database_answers(
    http: httpx.AsyncClient, settings: Settings, clock: ManualClock
) -> None:
    assert (await http.get("/health")).json() == {"status": "ok", "database": "ok"}
    nowhere = Database("postgresql://choir:choir@127.0.0.1:1/choir")
    deps = Deps(
        settings=settings,
        database=nowhere,
        limiter=Limiter({}),
        sender=Sender(FakeRpc()),
        clock=clock,
    )
    async with await _client(create_app(deps)) as broken:
        answer = await broken.get("/health")
    await nowhere.close()
    assert (answer.status_code, answer.json()["database"]) == (503, "failing")


async def test_metrics_count_by_route(http: httpx.AsyncClient) -> None:
    await http.get("/health")
    text = (await http.get("/metrics")).text
    assert 'choir_api_requests_total{method="GET",route="/health",status="200"} 1.0' in text


async def test_latest_is_the_newest_version(http: httpx.AsyncClient) -> None:
    answer = await http.get("/latest/auth/sessions")
    assert (answer.status_code, error_code(answer)) == (401, "unauthenticated")


@pytest.mark.parametrize("path", ["/v2/threads", "/v0/threads", "/v99"])
async def test_another_version_says_how_to_migrate(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert (answer.status_code, error_code(answer)) == (404, "unsupported_version")
    assert answer.json()["error"]["details"]["supported"] == ["v1"]
    assert "/v1" in answer.json()["error"]["message"]


async def test_a_request_keeps_its_id(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/auth/sessions", headers={"X-Request-Id": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"
    assert answer.json()["metadata"]["request_id"] == "mine-1"
    odd = await http.get("/v1/auth/sessions", headers={"X-Request-Id": "a b\tc"})
    assert odd.headers["x-request-id"] != "a b\tc"


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_refused(
    http: httpx.AsyncClient, settings: Settings, announced: bool
) -> None:
    async def chunks() -> Any:
        for _ in range(settings.body_limit_bytes // 1000 + 1):
            yield b" " * 1000

    body: Any = b" " * (settings.body_limit_bytes + 1) if announced else chunks()
    answer = await http.post(
        "/v1/auth/nonce", content=body, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, error_code(answer)) == (413, "too_large")


async def test_unknown_routes_and_methods_answer_in_the_envelope(http: httpx.AsyncClient) -> None:
    assert error_code(await http.get("/v1/nothing")) == "not_found"
    wrong = await http.put("/v1/auth/nonce")
    assert (wrong.status_code, error_code(wrong)) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "POST"


async def test_routes_of_spaces_answer_problem_documents(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/spaces/none/such/route")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


async def test_a_failure_shows_an_id_and_nothing_else(app: FastAPI) -> None:
    @app.get("/v1/broken")
    async def broken() -> None:
        raise RuntimeError("password=hunter2")

    async with await _client(app) as client:
        answer = await client.get("/v1/broken")
    assert (answer.status_code, error_code(answer)) == (500, "internal")
    assert "hunter2" not in answer.text


async def test_an_allowance_runs_out_and_says_when_it_returns(
    settings: Settings, database: Database, clock: ManualClock
) -> None:
    limiter = Limiter({"threads": 1, "messages": 1, "searches": 1, "sign_ins": 2})
    deps = Deps(
        settings=settings, database=database, limiter=limiter, sender=Sender(FakeRpc()), clock=clock
    )
    from solders.keypair import Keypair

    body = {"address": Wallet(Keypair()).address}
    async with await _client(create_app(deps)) as client:
        first = await client.post("/v1/auth/nonce", json=body)
        assert first.headers["ratelimit-policy"] == '"sign_ins";q=2;w=3600'
        assert first.headers["ratelimit"].startswith('"sign_ins";r=1;t=')
        assert first.headers["x-ratelimit-remaining"] == "1"
        await client.post("/v1/auth/nonce", json=body)
        refused = await client.post("/v1/auth/nonce", json=body)
    assert (refused.status_code, error_code(refused)) == (429, "rate_limited")
    assert 1 <= int(refused.headers["retry-after"]) <= 3600
    assert refused.headers["x-ratelimit-remaining"] == "0"


@pytest.mark.parametrize(
    "path", ["/v1/threads", "/v1/auth/sessions", "/latest/search?q=x", "/v1/x"]
)
async def test_what_depends_on_the_viewer_is_kept_out_of_caches(
    http: httpx.AsyncClient, path: str
) -> None:
    answer = await http.get(path)
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert {"Authorization", "X-Api-Key"} <= set(answer.headers["Vary"].split(", "))
