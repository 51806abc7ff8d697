"""Who sees what of a content, over the whole matrix of levels and viewers, by REST."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from tests.api.world import MIN_BALANCE, World

from choir.ids import content_hash
from choir_api.auth.service import grant_premium

SECRET = (
    "The treasure of Captain Flint lies under the third palm of Skeleton Island, 400 paces "
    "north of the old stockade, and only Ben Gunn knows where the silver bars were moved."
)
VIEWS = {
    "public": {"author": "full", "premium": "full", "anyone": "full"},
    "premium": {"author": "full", "premium": "full", "anyone": "summary"},
    "thread-only": {"author": "full", "premium": "summary", "anyone": "summary"},
    "encrypted": {"author": "ciphertext", "premium": "existence", "anyone": "existence"},
}


@pytest.mark.parametrize("level", VIEWS)
async def test_the_matrix(world: World, level: str) -> None:
    alice, rich, bob = await world.wallet(), await world.wallet(), await world.wallet()
    sealed = b"\x01\x02sealed bytes"
    material = {"ciphertext": base64.b64encode(sealed).decode()} if level == "encrypted" else SECRET
    await world.do(
        alice,
        "/thread/create",
        thread_id="room",
        deposit=MIN_BALANCE,
        privacy=level,
        initial_message=material,
    )
    async with world.deps.database.write() as session:
        now = datetime.fromtimestamp(world.deps.clock.now(), UTC)
        await grant_premium(session, rich.keypair.pubkey(), now + timedelta(days=1), now)
    viewers = {"author": [alice], "premium": [rich], "anyone": [bob, None]}
    for role, wallets in viewers.items():
        for wallet in wallets:
            answer = await world.get("/thread/room/messages", wallet)
            content = answer.json()["data"]["items"][0]["content"]
            assert content["view"] == VIEWS[level][role], (role, content)
            if content["view"] != "full":
                assert SECRET not in answer.text
                assert content["text"] is None
            if content["view"] == "ciphertext":
                assert base64.b64decode(content["ciphertext"]) == sealed


async def test_a_change_of_level_counts_for_everything_said_before(world: World) -> None:
    alice = await world.wallet()
    await world.do(
        alice, "/thread/create", thread_id="room", deposit=MIN_BALANCE, initial_message=SECRET
    )
    assert SECRET in (await world.get("/thread/room/messages")).text
    await world.do(alice, "/thread/privacy", thread_id="room", privacy="thread-only")
    assert SECRET not in (await world.get("/thread/room/messages")).text
    assert SECRET in (await world.get("/thread/room/messages", alice)).text


async def test_state_may_be_cached_and_contents_may_not(world: World) -> None:
    alice = await world.wallet()
    await world.do(alice, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
    state = await world.get("/thread/room")
    assert state.headers["Cache-Control"] == "no-cache"
    assert "Authorization" not in state.headers.get("Vary", "")
    same = await world.http.get("/v1/thread/room", headers={"If-None-Match": state.headers["ETag"]})
    assert (same.status_code, same.headers["Cache-Control"]) == (304, "no-cache")
    for viewer in (None, alice):
        answer = await world.get("/thread/room/messages", viewer)
        assert answer.headers["Cache-Control"] == "private, no-store"


async def test_content_is_shown_only_where_the_chain_has_its_hash(world: World) -> None:
    alice, bob = await world.wallet(), await world.wallet()
    await world.do(alice, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
    kept = await world.post(bob, "/content", thread_id="room", content="never posted")
    assert kept.json()["data"]["content_hash"] == content_hash("never posted").hex()
    for path in ("/thread/room/messages", "/thread/room/specs"):
        assert (await world.read(path))["items"] == []


async def test_an_encrypted_thread_takes_no_plain_text_and_others_no_sealed(world: World) -> None:
    alice = await world.wallet()
    plain = await world.post(
        alice,
        "/thread/create",
        thread_id="room",
        deposit=MIN_BALANCE,
        privacy="encrypted",
        initial_message=SECRET,
    )
    assert (plain.status_code, plain.json()["error"]["code"]) == (400, "content_not_sealed")
    sealed = await world.post(
        alice,
        "/thread/create",
        thread_id="room",
        deposit=MIN_BALANCE,
        initial_message={"ciphertext": "AAAA"},
    )
    assert (sealed.status_code, sealed.json()["error"]["code"]) == (400, "content_not_plain")
