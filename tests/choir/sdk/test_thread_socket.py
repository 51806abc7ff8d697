"""`ThreadSocket` against the real server: every update once, whatever happens to connections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.api.world import MIN_BALANCE, Live, World

from choir.sdk import ChoirApi, Delta, Dismissed, SocketClosed, SocketRefused, ThreadSocket, Update
from choir.testing import ManualClock
from choir.wallet import KeypairSigner

Make = Callable[[], Awaitable[ChoirApi]]
SOON = 60.0


async def _opened(open_api: Make, world: World) -> ChoirApi:
    alice = await open_api()
    await alice.sign_in()
    await alice.submit(await alice.create_thread("room", deposit=MIN_BALANCE))
    await world.mirror.catch_up()
    return alice


async def _say(alice: ChoirApi, world: World, text: str) -> None:
    await alice.submit(await alice.submit_message("room", text))
    await world.mirror.catch_up()


async def _next(socket: ThreadSocket) -> Update:
    async with asyncio.timeout(SOON):
        async for update in socket:
            return update
    raise AssertionError


def _socket(live: Live, **more: object) -> ThreadSocket:
    return ThreadSocket(live.url, clock=ManualClock(), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["choir.v1.json", "choir.v1.msgpack"])
async def test_a_snapshot_and_then_what_happens(open_api: Make, live: Live, encoding: str) -> None:
    alice = await _opened(open_api, live.world)
    async with _socket(live, encoding=encoding, token=alice.access_token) as socket:
        assert socket.welcome["wallet"] == str(alice.wallet.pubkey)
        snapshot = await socket.subscribe("room")
        assert snapshot.thread.balance == MIN_BALANCE
        await _say(alice, live.world, "one")
        update = await _next(socket)
        assert isinstance(update, Delta)
        assert (update.event, update.seq) == ("NewMessage", snapshot.seq + 1)
        assert update.content is not None
        assert update.content.text == "one"


async def test_a_wallet_signs_its_way_in(live: Live) -> None:
    wallet = KeypairSigner.generate()
    async with _socket(live, wallet=wallet) as socket:
        assert socket.welcome["wallet"] == str(wallet.pubkey)


async def test_lost_connections_lose_and_repeat_nothing(open_api: Make, live: Live) -> None:
    alice = await _opened(open_api, live.world)
    async with _socket(live) as socket:
        start = (await socket.subscribe("room")).seq
        got: list[Delta] = []
        for number in range(6):
            if number % 2 == 0:
                await socket.drop()
            await _say(alice, live.world, f"message {number}")
            update = await _next(socket)
            assert isinstance(update, Delta)
            got.append(update)
        assert [each.seq for each in got] == list(range(start + 1, start + 7))
        assert [each.content.text for each in got if each.content] == [
            f"message {number}" for number in range(6)
        ]
        assert socket.connections >= 4
        assert socket.position("room") == (got[-1].epoch, got[-1].seq)


async def test_a_thread_that_closes_itself_off_dismisses(open_api: Make, live: Live) -> None:
    alice = await _opened(open_api, live.world)
    async with _socket(live) as socket:
        await socket.subscribe("room")
        await alice.submit(await alice.set_privacy("room", "thread-only"))
        await live.world.mirror.catch_up()
        assert await _next(socket) == Dismissed(
            "room", "forbidden", "the thread is no longer public; sign in"
        )
        assert socket.position("room") is None


async def test_a_revoked_session_ends_it(open_api: Make, live: Live) -> None:
    alice = await open_api()
    await alice.sign_in()
    async with _socket(live, token=alice.access_token) as socket:
        await alice.sign_out()
        with pytest.raises(SocketClosed) as caught:
            await _next(socket)
        assert caught.value.code == 4401


async def test_an_unknown_thread_is_refused(live: Live) -> None:
    async with _socket(live) as socket:
        with pytest.raises(SocketRefused) as caught:
            await socket.subscribe("no such thread")
        assert caught.value.code == "unknown_thread"
