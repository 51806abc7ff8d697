"""No answer grows without bound, and what does not fit is to be had by the next."""

from __future__ import annotations

import pytest
from tests.api.stream.peer import peer
from tests.api.world import MIN_BALANCE, Live, World

from choir_api.settings import Settings

TEXTS = [f"treasure {number} " + "é" * 400 for number in range(4)]  # 800 bytes and some each


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"page_content_bytes": 2_000})


async def _room(world: World) -> None:
    alice = await world.wallet()
    await world.do(alice, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
    for text in TEXTS:
        await world.do(alice, "/message/submit", thread_id="room", content=text)
    await world.do(alice, "/message/submit", thread_id="room", content="treasure " + "x" * 5_000)


async def test_pages_end_early_and_together_hold_everything(world: World) -> None:
    await _room(world)
    for path, asked in (("/thread/room/messages", {}), ("/search", {"q": "treasure"})):
        sizes, seen, cursor = [], [], None
        while True:
            more = {"cursor": cursor} if cursor else {}
            page = await world.read(path, **asked, **more)
            got = [item["content"]["text"] for item in page["items"]]
            sizes.append(len(got))
            seen += got
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == 5
        assert max(sizes) == 2
        assert sum(map(len, seen)) > 5_000


async def test_a_snapshot_keeps_the_newest_that_fit_and_deltas_come_all_the_same(
    live: Live,
) -> None:
    world = live.world
    alice = await world.wallet()
    await world.do(alice, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
    async with peer(live) as viewer:
        first = await viewer.watch("room")
        assert first["payload"]["truncated"] == []
        place = {"epoch": first["payload"]["epoch"], "seq": first["seq"]}
    for text in TEXTS:
        await world.do(alice, "/message/submit", thread_id="room", content=text)
    async with peer(live) as viewer:
        snapshot = (await viewer.watch("room"))["payload"]
        assert [each["content"]["text"] for each in snapshot["messages"]] == TEXTS[2:]
        assert snapshot["truncated"] == ["messages"]
    async with peer(live) as viewer:
        await viewer.watch("room", resume=place)
        got = [(await viewer.take("delta"))["payload"]["content"]["text"] for _ in TEXTS]
        assert got == TEXTS
