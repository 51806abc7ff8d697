"""A change of level counts from its acknowledgement, and a mirror that stands shows nothing."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from solders.keypair import Keypair
from solders.transaction import VersionedTransaction
from tests.api.stream.peer import peer
from tests.api.support import Wallet
from tests.api.world import MIN_BALANCE, Live, World, signed

from choir.ids import content_hash, thread_pda
from choir.privacy import Level
from choir_api.auth.service import grant_premium
from choir_api.errors import Conflict, Unavailable
from choir_api.floors import Change, changes_of, floors, held
from choir_api.tables import privacy_floors

SECRET = "The treasure of Captain Flint lies under the third palm of Skeleton Island."
PATHS = ("/thread/room/messages", "/search")


async def _room(world: World, owner: Wallet, **more: Any) -> None:
    await world.do(
        owner,
        "/thread/create",
        thread_id="room",
        deposit=MIN_BALANCE,
        initial_message=SECRET,
        **more,
    )


async def _look(world: World, path: str, viewer: Wallet | None = None) -> httpx.Response:
    asked = {"q": "treasure"} if path == "/search" else {}
    answer = await world.get(path, viewer, **asked)
    assert answer.status_code == 200, answer.text
    return answer


async def _set_level(world: World, owner: Wallet, level: str) -> None:
    """Acknowledged by the API; the mirror has not heard of it."""
    built = await world.post(owner, "/thread/privacy", thread_id="room", privacy=level)
    assert built.status_code == 200, built.text
    answer = await world.send(owner, built.json()["data"])
    assert answer.status_code == 200, answer.text


async def _age(world: World, seconds: int) -> None:
    async with world.deps.database.write() as session:
        await session.execute(
            sa.text(
                "UPDATE chain.watermark SET updated_at = now() - make_interval(secs => :seconds)"
            ),
            {"seconds": seconds},
        )


async def _laid(world: World) -> dict[bytes, Level]:
    async with world.deps.database.read() as session:
        return await floors(session, [bytes(thread_pda("room"))])


async def _rows(world: World) -> list[Any]:
    async with world.deps.database.read() as session:
        return list((await session.execute(sa.select(privacy_floors))).all())


async def _change(world: World, author: Wallet, level: str = "encrypted") -> VersionedTransaction:
    built = await world.post(author, "/thread/privacy", thread_id="room", privacy=level)
    text = signed(author, built.json()["data"]["transaction"])
    return VersionedTransaction.from_bytes(base64.b64decode(text))


async def test_nobody_gets_the_old_view_once_a_change_is_acknowledged(live: Live) -> None:
    world = live.world
    alice, bob = await world.wallet(), await world.wallet()
    await _room(world, alice)
    for path in PATHS:
        assert SECRET in (await _look(world, path)).text
    await _set_level(world, alice, "thread-only")
    for path in PATHS:
        for viewer in (None, bob):
            assert SECRET not in (await _look(world, path, viewer)).text, path
    assert (await world.read("/thread/room"))["privacy"] == "thread-only"
    [listed] = (await world.read("/threads"))["items"]
    assert listed["privacy"] == "thread-only"
    for path in PATHS:
        assert SECRET in (await _look(world, path, alice)).text
    async with peer(live) as nobody, peer(live, bob) as other, peer(live, alice) as owner:
        assert await nobody.refused("subscribe", thread_id="room") == "forbidden"
        assert SECRET not in str(await other.watch("room"))
        assert SECRET in str(await owner.watch("room"))
    await world.mirror.catch_up()
    assert await _laid(world) == {}
    assert SECRET not in (await _look(world, PATHS[0])).text


async def test_a_change_that_may_go_with_a_fork_keeps_its_floor(live: Live) -> None:
    """What was acknowledged holds when the mirror goes back before it, whatever came after."""
    world = live.world
    alice = await world.wallet()
    await _room(world, alice)
    await _set_level(world, alice, "encrypted")
    await world.mirror.catch_up()
    await _set_level(world, alice, "thread-only")
    await world.mirror.catch_up()
    assert await _laid(world) == {}
    [final, now] = [
        await world.rpc.get_slot(commitment=each) for each in ("finalized", "confirmed")
    ]
    assert final < now - 2
    await world.rpc.request("localnet_fork", [2])
    await world.rpc.request("localnet_advance", [1])
    await world.mirror.catch_up()
    async with world.deps.database.write() as session:  # before the new branch has reached them
        await session.execute(sa.text("UPDATE chain.watermark SET slot = :slot"), {"slot": now - 2})
    assert await _laid(world) == {bytes(thread_pda("room")): Level.ENCRYPTED}


async def test_deltas_obey_a_floor_too(live: Live) -> None:
    world = live.world
    alice, bob = await world.wallet(), await world.wallet()
    await _room(world, alice)
    async with peer(live, bob) as other:
        await other.watch("room")
        said = await world.post(alice, "/message/submit", thread_id="room", content=SECRET + " 2")
        await world.send(alice, said.json()["data"])
        async with world.deps.database.write() as session:
            await session.execute(
                sa.insert(privacy_floors).values(
                    thread=bytes(thread_pda("room")),
                    signature=bytes(64),
                    genesis_hash=str(await world.rpc.get_genesis_hash()),
                    level=int(Level.THREAD_ONLY),
                    slot=10_000,
                )
            )
        await world.mirror.catch_up()
        delta = await other.take("delta")
        assert delta["payload"]["content"]["view"] == "summary"


async def test_a_loosened_level_waits_for_the_mirror(world: World) -> None:
    alice = await world.wallet()
    await _room(world, alice)
    await _set_level(world, alice, "thread-only")
    await world.mirror.catch_up()
    await _set_level(world, alice, "public")
    assert SECRET not in (await _look(world, PATHS[0])).text
    await world.mirror.catch_up()
    assert SECRET in (await _look(world, PATHS[0])).text


async def test_a_loosened_level_does_not_publish_what_was_said_before(world: World) -> None:
    alice = await world.wallet()
    await _room(world, alice, privacy="thread-only")
    await _set_level(world, alice, "public")
    await world.mirror.catch_up()
    for path in PATHS:
        assert SECRET not in (await _look(world, path)).text


async def test_a_floor_of_another_chain_says_nothing(world: World) -> None:
    alice = await world.wallet()
    await _room(world, alice)
    await _set_level(world, alice, "thread-only")
    assert await _laid(world)
    async with world.deps.database.write() as session:
        await session.execute(sa.update(privacy_floors).values(genesis_hash="another"))
    assert await _laid(world) == {}


@dataclass
class Ran:
    slot: int


async def test_a_floor_stands_while_the_change_is_under_way(world: World) -> None:
    alice = await world.wallet()
    await _room(world, alice)
    change = await _change(world, alice)
    assert changes_of(change) == [
        Change(bytes(alice.keypair.pubkey()), bytes(thread_pda("room")), Level.ENCRYPTED)
    ]
    seen: list[Any] = []

    async def send() -> Ran:
        seen.append(await _laid(world))
        return Ran(slot=5_000)

    await held(world.deps, change, send)
    assert seen == [{bytes(thread_pda("room")): Level.ENCRYPTED}]
    [row] = await _rows(world)
    assert row.slot == 5_000


@pytest.mark.parametrize(
    ("refusal", "kept"),
    [
        (Conflict("no", code="not_co_author"), 0),
        (Conflict("it ran", code="already_processed"), 1),
        (Conflict("too late", code="blockhash_expired"), 1),
        (Unavailable("nobody knows"), 1),
    ],
    ids=["refused", "ran before", "may yet run", "unknown"],
)
async def test_a_floor_goes_only_when_its_change_cannot_have_run(
    world: World, refusal: Exception, kept: int
) -> None:
    alice = await world.wallet()
    await _room(world, alice)

    async def send() -> Ran:
        raise refusal

    with pytest.raises(type(refusal)):
        await held(world.deps, await _change(world, alice), send)
    assert len(await _laid(world)) == kept


async def test_a_failed_try_does_not_lift_the_floor_of_the_one_that_ran(world: World) -> None:
    alice = await world.wallet()
    await _room(world, alice)
    change = await _change(world, alice)

    async def ran() -> Ran:
        return Ran(slot=5_000)

    async def refused() -> Ran:
        raise Conflict("no", code="transaction_failed")

    await held(world.deps, change, ran)
    with pytest.raises(Conflict):
        await held(world.deps, change, refused)
    assert await _laid(world) == {bytes(thread_pda("room")): Level.ENCRYPTED}


async def test_others_hide_no_thread_by_trying(world: World) -> None:
    alice = await world.wallet()
    await _room(world, alice)
    change = await _change(world, alice)
    async with world.deps.database.write() as session:
        await session.execute(
            sa.text("UPDATE chain.threads SET co_authors = ARRAY[CAST(:one AS bytea)]"),
            {"one": bytes(Keypair().pubkey())},
        )

    async def send() -> Ran:
        assert await _laid(world) == {}
        raise Conflict("not yours", code="not_co_author")

    with pytest.raises(Conflict):
        await held(world.deps, change, send)


@pytest.mark.parametrize("level", ["premium", "thread-only", "encrypted"])
async def test_a_mirror_that_stands_shows_nothing_but_public_content(
    live: Live, level: str
) -> None:
    world = live.world
    alice, rich = await world.wallet(), await world.wallet()
    await world.do(alice, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
    await world.do(alice, "/message/submit", thread_id="room", content=SECRET)
    await world.do(alice, "/thread/privacy", thread_id="room", privacy=level)
    now = datetime.fromtimestamp(world.deps.clock.now(), UTC)
    async with world.deps.database.write() as session:
        await grant_premium(session, rich.keypair.pubkey(), now + timedelta(days=1), now)
    fine = await _look(world, PATHS[0], alice)
    assert SECRET in fine.text
    assert fine.json()["metadata"]["stale"] is False
    await _age(world, world.deps.settings.mirror_stale_after_s + 30)
    for viewer in (None, rich, alice):
        answer = await _look(world, PATHS[0], viewer)
        assert answer.json()["metadata"]["stale"] is True
        [item] = answer.json()["data"]["items"]
        assert item["content"] == {
            "content_hash": content_hash(SECRET).hex(),
            "view": "existence",
            "text": None,
            "summary": None,
            "ciphertext": None,
        }
        found = await world.get("/search", viewer, q="treasure")
        assert found.json()["data"]["items"] == []
        assert found.json()["metadata"]["stale"] is True
    async with peer(live, alice) as owner:
        snapshot = (await owner.watch("room"))["payload"]
        assert snapshot["stale"] is True
        assert SECRET not in str(snapshot)


async def test_public_content_is_shown_by_a_mirror_that_stands(world: World) -> None:
    alice = await world.wallet()
    await _room(world, alice)
    await _age(world, 3600)
    answer = await _look(world, PATHS[0])
    assert SECRET in answer.text
    assert answer.json()["metadata"]["stale"] is True
    assert SECRET in (await _look(world, PATHS[1])).text
