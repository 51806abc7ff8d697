"""Contents without a transaction: how much of them there may be, and for how long."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from tests.api.support import ManualClock, error_code
from tests.api.world import MIN_BALANCE, World

from choir_api.content.collecting import collect_all
from choir_api.settings import Settings
from choir_api.tables import contents


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"unlanded_content_bytes": 100})


async def _kept(world: World) -> set[str]:
    async with world.deps.database.read() as session:
        return set((await session.execute(sa.select(contents.c.text))).scalars())


async def test_a_wallet_waits_for_the_chain_with_so_many_bytes_only(world: World) -> None:
    alice, bob = await world.wallet(), await world.wallet()
    await world.do(alice, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
    for number in range(3):  # what has landed counts no longer
        await world.do(alice, "/message/submit", thread_id="room", content=f"{number}" * 60)
    one = {"thread_id": "room", "content": "a" * 60}
    two = {"thread_id": "room", "content": "é" * 30}  # bytes are counted
    assert (await world.post(alice, "/content", **one)).status_code == 200
    for path in ("/content", "/message/submit"):
        refused = await world.post(alice, path, **two)
        assert (refused.status_code, error_code(refused)) == (409, "content_quota")
    assert two["content"] not in await _kept(world)
    assert (await world.post(alice, "/content", **one)).status_code == 200  # again is not more
    assert (await world.post(bob, "/content", **two)).status_code == 200


async def test_what_never_landed_is_removed_and_nothing_else(
    world: World, clock: ManualClock
) -> None:
    alice = await world.wallet()
    await world.do(alice, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
    await world.do(alice, "/message/submit", thread_id="room", content="landed")
    for content in ("forgotten", "brought again"):
        await world.post(alice, "/content", thread_id="room", content=content)
    ttl = world.deps.settings.unlanded_content_ttl_s
    clock.advance(ttl - 100)
    alice = await alice.sign_in(world.http)
    await world.post(alice, "/content", thread_id="room", content="brought again")
    assert await collect_all(world.deps) == 0
    clock.advance(200)
    assert await collect_all(world.deps) == 1
    assert await _kept(world) == {"landed", "brought again"}
    async with world.deps.database.write() as session:  # a mirror that is made anew
        await session.execute(sa.text("DELETE FROM chain.messages"))
    clock.advance(ttl)
    assert await collect_all(world.deps) == 1
    assert await _kept(world) == {"landed"}


async def test_a_mirror_that_is_behind_removes_nothing(world: World, clock: ManualClock) -> None:
    alice = await world.wallet()
    await world.do(alice, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
    await world.post(alice, "/content", thread_id="room", content="who knows")
    clock.advance(world.deps.settings.unlanded_content_ttl_s + 1)
    async with world.deps.database.write() as session:
        await session.execute(sa.text("DELETE FROM chain.watermark"))
    assert await collect_all(world.deps) == 0
    assert await _kept(world) == {"who knows"}
