"""An effect happens once for each key, whatever is sent how often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.pool import QueuePool
from tests.api.support import ManualClock, Wallet, error_code
from tests.api.world import MIN_BALANCE, MIN_STAKE, World

from choir.rpc import HttpRpc
from choir_api.db import Database
from choir_api.idempotency import purge
from choir_api.tables import contents, idempotency_keys


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


class _Watched(HttpRpc):
    """A node that notes what the database holds while it is asked, and can be made to wait."""

    def __init__(self, url: str, database: Database) -> None:
        super().__init__(url)
        self._database = database
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.held: list[int] = []

    async def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        self.asked.set()
        await self.may_answer.wait()
        pool = self._database._engine.pool
        assert isinstance(pool, QueuePool)
        self.held.append(pool.checkedout())
        return await super().request(method, params)


@pytest.fixture
async def node(world: World) -> AsyncIterator[_Watched]:
    async with _Watched(world.localnet.rpc_url, world.deps.database) as node:
        world.deps.sender.rpc = node
        yield node
        world.deps.sender.rpc = world.rpc


async def test_one_that_is_being_worked_on_is_a_conflict(world: World, node: _Watched) -> None:
    alice = await world.wallet()
    node.may_answer.clear()
    first = asyncio.create_task(_post(world, alice, "k", thread_id="room", deposit=MIN_BALANCE))
    await node.asked.wait()
    second = await _post(world, alice, "k", thread_id="room", deposit=MIN_BALANCE)
    assert (second.status_code, error_code(second)) == (409, "in_flight")
    other = await _post(world, alice, "k", thread_id="other", deposit=MIN_BALANCE)
    assert (other.status_code, error_code(other)) == (422, "idempotency_reuse")
    node.may_answer.set()
    assert (await first).status_code == 200
    answer = await _post(world, alice, "k", thread_id="room", deposit=MIN_BALANCE)
    assert answer.json()["data"] == (await first).json()["data"]


async def test_no_connection_is_held_while_the_node_is_asked(world: World, node: _Watched) -> None:
    alice, bob = await world.wallet(), await world.wallet()
    body = {"thread_id": "room", "deposit": MIN_BALANCE, "initial_message": "Hello."}
    made = await _post(world, alice, "k", **body)
    assert (await world.send(alice, made.json()["data"])).status_code == 200
    for who, path, asked in (
        (alice, "/message/submit", {"content": "One."}),
        (bob, "/message/submit", {"content": "Two.", "stake": MIN_STAKE}),
        (alice, "/thread/privacy", {"privacy": "premium"}),
        (alice, "/token/deposit", {"amount": 5}),
        (alice, "/content", {"content": "Three."}),
    ):
        for extra in ({}, {"Idempotency-Key": path}):
            answer = await world.http.post(
                f"/v1{path}",
                json={"thread_id": "room", **asked},
                headers={**who.headers, **extra},
            )
            assert answer.status_code == 200, answer.text
    assert node.held
    assert set(node.held) == {0}


async def test_a_crash_frees_its_key_after_the_lease(
    world: World, node: _Watched, clock: ManualClock
) -> None:
    alice = await world.wallet()
    async with world.deps.database.write() as session:
        await session.execute(
            sa.insert(idempotency_keys).values(
                owner=f"wallet:{alice.address}",
                key="k",
                fingerprint=bytes(32),
                status=0,
                reservation=b"whoever crashed",
                created_at=world.deps.now(),
                expires_at=world.deps.now() + timedelta(seconds=300),
            )
        )
    early = await _post(world, alice, "k", thread_id="room", deposit=MIN_BALANCE)
    assert early.status_code == 422
    clock.advance(300)
    answer = await _post(world, alice, "k", thread_id="room", deposit=MIN_BALANCE)
    assert answer.status_code == 200


async def test_an_effect_that_outlived_its_lease_is_undone(
    world: World, node: _Watched, clock: ManualClock
) -> None:
    alice = await world.wallet()
    body = {"thread_id": "room", "deposit": MIN_BALANCE, "initial_message": "Hello."}
    node.may_answer.clear()
    slow = asyncio.create_task(_post(world, alice, "k", **body))
    await node.asked.wait()
    clock.advance(300)
    world.deps.sender.rpc = world.rpc
    other = await _post(world, alice, "k", **{**body, "initial_message": "Goodbye."})
    assert other.status_code == 200
    world.deps.sender.rpc = node
    node.may_answer.set()
    assert ((await slow).status_code, error_code(await slow)) == (409, "in_flight")
    async with world.deps.database.read() as session:
        texts = (await session.execute(sa.select(contents.c.text))).scalars().all()
    assert texts == ["Goodbye."]
    replayed = await _post(world, alice, "k", **{**body, "initial_message": "Goodbye."})
    assert replayed.json()["data"] == other.json()["data"]


async def test_purging_waits_for_no_lock(world: World, clock: ManualClock) -> None:
    alice = await world.wallet()
    for key in ("k", "l"):
        assert (
            await _post(world, alice, key, thread_id=key, deposit=MIN_BALANCE)
        ).status_code == 200
    clock.advance(world.deps.settings.idempotency_ttl_s + 1)
    alice = await alice.sign_in(world.http)
    table = idempotency_keys
    async with world.deps.database.write() as session:
        locked = sa.select(table).where(table.c.key == "k").with_for_update()
        await session.execute(locked)
        await purge(world.deps)
    async with world.deps.database.read() as session:
        assert (await session.execute(sa.select(table.c.key))).scalars().all() == ["k"]


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
