"""An effect happens once for each key, whatever is sent how often."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import sqlalchemy as sa
from tests.api.support import Wallet, error_code
from tests.api.world import MIN_BALANCE, World

from choir_api.idempotency import _lock_number
from choir_api.tables import contents


async def _post(world: World, who: Wallet, key: str, **body: Any) -> httpx.Response:
    return await world.http.post(
        "/v1/thread/create", json=body, headers={**who.headers, "Idempotency-Key": key}
    )


async def test_the_same_request_again_gets_the_same_answer(world: World) -> None:
    alice, bob = await world.wallet(), await world.wallet()
    body = {"thread_id": "room", "deposit": MIN_BALANCE, "initial_message": "Hello."}
    first = await _post(world, alice, "k", **body)
    await world.localnet.advance(3)  # another blockhash, had it been built again
    again = await _post(world, alice, "k", **body)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json()["data"] == first.json()["data"]
    assert again.headers["idempotency-replayed"] == "true"
    other = await _post(world, alice, "k", **{**body, "thread_id": "other"})
    assert (other.status_code, error_code(other)) == (422, "idempotency_reuse")
    # a key is its owner's alone
    theirs = await _post(world, bob, "k", **body)
    assert theirs.json()["data"]["fee_payer"] == bob.address


async def test_a_refusal_is_not_remembered(world: World) -> None:
    alice = await world.wallet()
    small = await _post(world, alice, "k", thread_id="room", deposit=1)
    assert small.status_code == 400
    right = await _post(world, alice, "k", thread_id="room", deposit=MIN_BALANCE)
    assert right.status_code == 200


async def test_one_that_is_being_worked_on_is_a_conflict(world: World) -> None:
    alice = await world.wallet()
    lock = _lock_number(f"wallet:{alice.address}", "k")
    async with world.deps.database.write() as session:
        await session.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))
        answer = await _post(world, alice, "k", thread_id="room", deposit=MIN_BALANCE)
        assert (answer.status_code, error_code(answer)) == (409, "in_flight")
    answer = await _post(world, alice, "k", thread_id="room", deposit=MIN_BALANCE)
    assert answer.status_code == 200


async def test_many_at_once_have_one_effect(world: World) -> None:
    alice = await world.wallet()
    body = {"thread_id": "room", "deposit": MIN_BALANCE, "initial_message": "Hello."}
    answers = await asyncio.gather(*(_post(world, alice, "k", **body) for _ in range(5)))
    built = {a.json()["data"]["transaction"] for a in answers if a.status_code == 200}
    assert len(built) == 1
    assert {a.status_code for a in answers} <= {200, 409}
    async with world.deps.database.read() as session:
        assert len((await session.execute(sa.select(contents))).all()) == 1


async def test_pages_are_stable_and_cursors_belong_to_their_list(world: World) -> None:
    alice = await world.wallet()
    for number in range(3):
        await world.do(alice, "/thread/create", thread_id=f"room-{number}", deposit=MIN_BALANCE)
    first = await world.read("/threads", limit=2)
    await world.do(alice, "/thread/create", thread_id="newer", deposit=MIN_BALANCE)
    rest = await world.read("/threads", limit=10, cursor=first["next_cursor"])
    names = [thread["thread_id"] for thread in first["items"] + rest["items"]]
    # of the same second, the newer one may sort behind the cursor or before it
    assert sorted(set(names) - {"newer"}) == ["room-0", "room-1", "room-2"]
    assert len(names) == len(set(names))
    assert rest["next_cursor"] is None
    for query in (
        {"cursor": first["next_cursor"], "co_author": alice.address},
        {"cursor": "A" + first["next_cursor"][1:]},
        {"cursor": "nonsense"},
    ):
        answer = await world.get("/threads", None, **query)
        assert (answer.status_code, error_code(answer)) == (400, "bad_cursor")
