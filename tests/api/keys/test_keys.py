"""API keys: shown once, kept as a hash, limited to their scopes, ended by time or by hand."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from solders.signature import Signature
from tests.api.support import ManualClock, Wallet, error_code

from choir_api.db import Database
from choir_api.settings import Settings
from choir_api.tables import api_keys


async def _make(http: httpx.AsyncClient, wallet: Wallet, **more: Any) -> dict[str, Any]:
    body = {"name": "script", "scopes": ["read"], **more}
    answer = await http.post("/v1/api-keys", json=body, headers=wallet.headers)
    assert answer.status_code == 201, answer.text
    key: dict[str, Any] = answer.json()["data"]
    return key


async def test_the_secret_is_shown_once_and_not_kept(
    http: httpx.AsyncClient, alice: Wallet, database: Database
) -> None:
    key = await _make(http, alice)
    listed = (await http.get("/v1/api-keys", headers=alice.headers)).json()["data"]["items"]
    assert [each["key_id"] for each in listed] == [key["key_id"]]
    assert "secret" not in listed[0]
    async with database.read() as session:
        row = (await session.execute(sa.select(api_keys))).one()
    assert key["secret"].encode() not in b"".join(
        value if isinstance(value, bytes) else str(value).encode() for value in row
    )


async def test_a_key_cannot_manage_the_account(http: httpx.AsyncClient, alice: Wallet) -> None:
    key = await _make(http, alice, scopes=["read", "write", "search", "spaces"])
    for method, path in (("GET", "/v1/api-keys"), ("GET", "/v1/auth/sessions")):
        answer = await http.request(method, path, headers={"X-Api-Key": key["secret"]})
        assert (answer.status_code, error_code(answer)) == (403, "missing_scope")


async def test_a_key_ends_by_time_and_by_hand(
    http: httpx.AsyncClient, alice: Wallet, clock: ManualClock
) -> None:
    async def tried(secret: str) -> str:
        answer = await http.get("/v1/auth/sessions", headers={"X-Api-Key": secret})
        return error_code(answer)

    brief = await _make(http, alice, expires_in_s=60)
    lasting = await _make(http, alice)
    assert await tried(brief["secret"]) == "missing_scope"  # known, but only for reading
    clock.advance(60)
    assert await tried(brief["secret"]) == "key_expired"
    assert await tried(lasting["secret"]) == "missing_scope"
    url = f"/v1/api-keys/{lasting['key_id']}"
    assert (await http.delete(url, headers=alice.headers)).status_code == 200
    assert await tried(lasting["secret"]) == "unknown_key"
    assert (await http.delete(url, headers=alice.headers)).status_code == 404


async def test_nobody_sees_or_ends_anothers_key(
    http: httpx.AsyncClient, alice: Wallet, bob: Wallet
) -> None:
    key = await _make(http, alice)
    listed = await http.get("/v1/api-keys", headers=bob.headers)
    assert listed.json()["data"]["items"] == []
    answer = await http.delete(f"/v1/api-keys/{key['key_id']}", headers=bob.headers)
    assert answer.status_code == 404


class TestLimits:
    """More keys are not more allowance."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"api_keys_of_wallet": 2, "lookups_per_hour": 2})

    async def test_a_wallet_has_only_so_many_keys(
        self, http: httpx.AsyncClient, alice: Wallet, bob: Wallet
    ) -> None:
        first, _ = await _make(http, alice), await _make(http, alice)
        body = {"name": "third", "scopes": ["read"]}
        refused = await http.post("/v1/api-keys", json=body, headers=alice.headers)
        assert (refused.status_code, error_code(refused)) == (409, "too_many_keys")
        await _make(http, bob)
        await http.delete(f"/v1/api-keys/{first['key_id']}", headers=alice.headers)
        await _make(http, alice, expires_in_s=60)

    async def test_keys_share_their_wallets_allowance(
        self, http: httpx.AsyncClient, alice: Wallet
    ) -> None:
        keys = [await _make(http, alice) for _ in range(2)]
        path = f"/v1/transaction/{Signature.new_unique()}"
        left = []
        for headers in (alice.headers, *({"X-Api-Key": key["secret"]} for key in keys)):
            answer = await http.get(path, headers=headers)
            left.append(answer.headers["X-RateLimit-Remaining"])
        assert left == ["1", "0", "0"]
        assert (answer.status_code, error_code(answer)) == (429, "rate_limited")
