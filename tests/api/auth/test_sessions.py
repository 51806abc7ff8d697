"""Sessions: short access, rotating refresh, revocation."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from solders.keypair import Keypair
from tests.api.support import ManualClock, Wallet, error_code

from choir_api.settings import Settings


async def _refresh(http: httpx.AsyncClient, token: str) -> httpx.Response:
    return await http.post("/v1/auth/refresh", json={"refresh_token": token})


async def _status(http: httpx.AsyncClient, wallet: Wallet) -> int:
    return (await http.get("/v1/auth/sessions", headers=wallet.headers)).status_code


async def test_an_access_token_expires_and_a_refresh_token_renews_it(
    http: httpx.AsyncClient, alice: Wallet, clock: ManualClock, settings: Settings
) -> None:
    clock.advance(settings.access_ttl_s)
    assert await _status(http, alice) == 401
    answer = await _refresh(http, alice.tokens["refresh_token"])
    assert answer.status_code == 200
    alice.tokens = answer.json()["data"]
    assert await _status(http, alice) == 200


async def test_a_refresh_token_that_comes_back_ends_the_session(
    http: httpx.AsyncClient, alice: Wallet
) -> None:
    stolen = alice.tokens["refresh_token"]
    alice.tokens = (await _refresh(http, stolen)).json()["data"]
    assert await _status(http, alice) == 200
    again = await _refresh(http, stolen)
    assert (again.status_code, error_code(again)) == (401, "token_reused")
    assert await _status(http, alice) == 401
    newest = await _refresh(http, alice.tokens["refresh_token"])
    assert (newest.status_code, error_code(newest)) == (401, "session_ended")


async def test_of_two_refreshes_at_once_one_wins(http: httpx.AsyncClient, alice: Wallet) -> None:
    token = alice.tokens["refresh_token"]
    answers = await asyncio.gather(*(_refresh(http, token) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_a_refresh_token_dies_with_its_session(
    http: httpx.AsyncClient, alice: Wallet, clock: ManualClock, settings: Settings
) -> None:
    clock.advance(settings.refresh_ttl_s)
    answer = await _refresh(http, alice.tokens["refresh_token"])
    assert (answer.status_code, error_code(answer)) == (401, "session_ended")


async def test_revoking_counts_at_once(http: httpx.AsyncClient, alice: Wallet) -> None:
    url = f"/v1/auth/sessions/{alice.tokens['session_id']}"
    assert (await http.delete(url, headers=alice.headers)).status_code == 200
    assert await _status(http, alice) == 401


async def test_nobody_sees_or_ends_anothers_session(
    http: httpx.AsyncClient, alice: Wallet, bob: Wallet
) -> None:
    seen = (await http.get("/v1/auth/sessions", headers=bob.headers)).json()["data"]["items"]
    assert [each["session_id"] for each in seen] == [bob.tokens["session_id"]]
    url = f"/v1/auth/sessions/{alice.tokens['session_id']}"
    answer = await http.delete(url, headers=bob.headers)
    assert (answer.status_code, error_code(answer)) == (404, "unknown_session")
    assert await _status(http, alice) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic YTpi"},
        {"X-Api-Key": "choir_nonsense"},
        # alg none
        {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."},
    ],
)
async def test_without_credentials_that_count_nothing_is_told(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await http.get("/v1/auth/sessions", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_another_servers_token_is_refused(
    http: httpx.AsyncClient, alice: Wallet, clock: ManualClock
) -> None:
    from datetime import UTC, datetime
    from uuid import UUID

    from choir_api.auth.tokens import issue_access

    session = UUID(alice.tokens["session_id"])
    now = datetime.fromtimestamp(clock.now(), UTC)
    forged, _ = issue_access("x" * 32, alice.keypair.pubkey(), session, now, 60)
    answer = await http.get("/v1/auth/sessions", headers={"Authorization": f"Bearer {forged}"})
    assert answer.status_code == 401


async def test_a_token_for_one_wallet_does_not_speak_for_another(
    http: httpx.AsyncClient, alice: Wallet, settings: Settings, clock: ManualClock
) -> None:
    from datetime import UTC, datetime
    from uuid import UUID

    from choir_api.auth.tokens import issue_access

    now = datetime.fromtimestamp(clock.now(), UTC)
    session = UUID(alice.tokens["session_id"])
    mixed, _ = issue_access(settings.signing_secret(), Keypair().pubkey(), session, now, 60)
    answer = await http.get("/v1/auth/sessions", headers={"Authorization": f"Bearer {mixed}"})
    assert answer.status_code == 401
