"""The thread socket: who gets in, what they get, nothing missed, nothing twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from tests.api.stream.peer import peer, raw_peer
from tests.api.support import Wallet
from tests.api.world import MIN_BALANCE, MIN_STAKE, Live

from choir.testing import ManualClock
from choir_api.auth.service import grant_premium
from choir_api.realtime import Close
from choir_api.stream.listener import Listener
from choir_api.tables import api_keys, sessions
from choir_indexer.retiring import Policy, Retirer


async def _thread(live: Live, owner: Wallet, **more: Any) -> None:
    await live.world.do(owner, "/thread/create", thread_id="room", deposit=MIN_BALANCE, **more)


async def _say(live: Live, who: Wallet, text: str) -> dict[str, Any]:
    return await live.world.do(who, "/message/submit", thread_id="room", content=text)


async def test_a_subscriber_gets_the_state_and_then_every_event(live: Live) -> None:
    world = live.world
    alice, bob = await world.wallet(), await world.wallet()
    await _thread(live, alice, initial_message="Hello.")
    async with peer(live, alice) as owner, peer(live) as nobody:
        for viewer in (owner, nobody):
            snapshot = await viewer.watch("room")
            assert snapshot["type"] == "snapshot"
            assert snapshot["payload"]["thread"]["message_count"] == 1
            assert [m["content"]["text"] for m in snapshot["payload"]["messages"]] == ["Hello."]
        start = snapshot["seq"]
        spec = await world.do(
            bob, "/message/submit", thread_id="room", content="Let me in.", stake=MIN_STAKE
        )
        await world.do(
            alice,
            "/spec/approve",
            thread_id="room",
            author=bob.address,
            content_hash=spec["content_hash"],
            decision="approve",
        )
        await _say(live, bob, "Thanks.")
        seen: dict[str, list[tuple[str, str]]] = {}
        for name, viewer in (("owner", owner), ("nobody", nobody)):
            last, events = start, []
            while not events or events[-1] != ("NewMessage", "Thanks."):
                delta = await viewer.take("delta")
                assert (delta["payload"]["after"], delta["seq"]) == (last, last + 1)
                last = delta["seq"]
                text = delta["payload"].get("content", {}).get("text", "")
                events.append((delta["payload"]["event"], text))
            seen[name] = events
    assert ("ApprovalRequest", "Let me in.") in seen["owner"]
    assert ("StateChange", "Let me in.") in seen["nobody"]
    assert any(event == "NewApproval" for event, _ in seen["owner"])
    assert len(seen["owner"]) == len(seen["nobody"])


async def test_a_position_is_resumed_and_one_out_of_reach_gets_a_snapshot(live: Live) -> None:
    alice = await live.world.wallet()
    await _thread(live, alice)
    async with peer(live) as viewer:
        first = await viewer.watch("room")
    epoch, seq = first["payload"]["epoch"], first["seq"]
    for number in range(3):
        await _say(live, alice, f"message {number}")
    async with peer(live) as viewer:
        resumed = await viewer.watch("room", resume={"epoch": epoch, "seq": seq})
        assert (resumed["type"], resumed["payload"]["to"]) == ("resumed", seq + 3)
        missed = [await viewer.take("delta") for _ in range(3)]
        assert [each["seq"] for each in missed] == [seq + 1, seq + 2, seq + 3]
        assert [each["payload"]["content"]["text"] for each in missed] == [
            f"message {number}" for number in range(3)
        ]
        for place in ({"epoch": epoch + 1, "seq": 1}, {"epoch": epoch, "seq": seq + 4}):
            fresh = await viewer.watch("room", resume=place)
            assert (fresh["type"], fresh["seq"]) == ("resync", seq + 3)


async def _forget(live: Live, who: Wallet) -> None:
    """Every event is old: only the newest final one of each thread stays, and what is newer."""
    await live.world.rpc.request("localnet_advance", [64])
    await _say(live, who, "newer than final")
    url = live.world.deps.settings.database_url
    await Retirer(url, Policy(1, 1, 0), clock=ManualClock(1 << 40)).retire()


async def test_a_position_before_what_is_kept_gets_a_snapshot(live: Live) -> None:
    alice = await live.world.wallet()
    await _thread(live, alice)
    async with peer(live) as viewer:
        first = await viewer.watch("room")
    epoch, seq = first["payload"]["epoch"], first["seq"]
    for number in range(3):
        await _say(live, alice, f"message {number}")
    await _forget(live, alice)
    async with peer(live) as viewer:
        for place, answer in ((seq, "resync"), (seq + 1, "resync"), (seq + 2, "resumed")):
            told = await viewer.watch("room", resume={"epoch": epoch, "seq": place})
            assert told["type"] == answer, place
        assert [(await viewer.take("delta"))["seq"] for _ in range(2)] == [seq + 3, seq + 4]


async def test_a_subscriber_who_fell_behind_what_is_kept_gets_a_snapshot(live: Live) -> None:
    alice = await live.world.wallet()
    await _thread(live, alice)
    async with peer(live) as viewer:
        start = (await viewer.watch("room"))["seq"]
        rooms, live.hub._rooms = live.hub._rooms, {}  # hints find nobody
        for number in range(3):
            await _say(live, alice, f"unheard {number}")
        await _forget(live, alice)
        live.hub._rooms = rooms
        live.hub._on_gap()
        back = await viewer.take("resync")
        assert back["seq"] == start + 4
        said = [message["content"]["text"] for message in back["payload"]["messages"]]
        assert said == ["unheard 0", "unheard 1", "unheard 2", "newer than final"]
        await _say(live, alice, "heard")
        assert (await viewer.take("delta"))["seq"] == start + 5


async def test_a_lost_hint_is_made_up_for_by_the_next(live: Live) -> None:
    alice = await live.world.wallet()
    await _thread(live, alice)
    async with peer(live) as viewer:
        start = (await viewer.watch("room"))["seq"]
        rooms, live.hub._rooms = live.hub._rooms, {}  # hints find nobody
        await _say(live, alice, "unheard")
        live.hub._rooms = rooms
        live.hub._on_gap()
        delta = await viewer.take("delta")
        assert (delta["seq"], delta["payload"]["content"]["text"]) == (start + 1, "unheard")


async def test_a_signed_challenge_opens_a_session(live: Live) -> None:
    alice = await live.world.wallet()
    async with raw_peer(live) as viewer:
        challenge = await viewer.ask("hello", {"address": alice.address})
        assert challenge["type"] == "challenge"
        signature = alice.sign(challenge["payload"]["message"])
        welcome = await viewer.ask("answer", {"signature": signature})
        assert (welcome["type"], welcome["payload"]["wallet"]) == ("welcome", alice.address)


async def test_another_wallets_answer_is_refused(live: Live) -> None:
    alice, mallory = await live.world.wallet(), await live.world.wallet()
    async with raw_peer(live) as viewer:
        challenge = await viewer.ask("hello", {"address": alice.address})
        signature = mallory.sign(challenge["payload"]["message"])
        assert await viewer.refused("answer", {"signature": signature}) == "wrong_signature"
        assert await viewer.refused("subscribe", thread_id="room") == "not_welcomed"


async def test_revoking_a_session_closes_its_sockets_only(live: Live) -> None:
    alice, bob = await live.world.wallet(), await live.world.wallet()
    async with peer(live, alice) as ended, peer(live, bob) as lasting:
        url = f"/v1/auth/sessions/{alice.tokens['session_id']}"
        assert (await live.world.http.delete(url, headers=alice.headers)).status_code == 200
        assert await ended.closed() == 4401
        assert (await lasting.ask("heartbeat"))["type"] == "heartbeat"


@pytest.mark.parametrize("level", ["premium", "thread-only"])
async def test_hidden_contents_reach_co_authors_only(live: Live, level: str) -> None:
    secret = "The treasure of Captain Flint lies under the third palm of Skeleton Island."
    alice, bob = await live.world.wallet(), await live.world.wallet()
    await _thread(live, alice, privacy=level, initial_message=secret)
    async with peer(live, alice) as owner, peer(live, bob) as other, peer(live) as nobody:
        assert await nobody.refused("subscribe", thread_id="room") == "forbidden"
        [shown] = (await owner.watch("room"))["payload"]["messages"]
        assert shown["content"]["text"] == secret
        [hidden] = (await other.watch("room"))["payload"]["messages"]
        assert (hidden["content"]["view"], hidden["content"]["text"]) == ("summary", None)
        await _say(live, alice, secret + " Again.")
        assert (await owner.take("delta"))["payload"]["content"]["text"] == secret + " Again."
        delta = await other.take("delta")
        assert delta["payload"]["content"]["view"] == "summary"
        assert "Skeleton Island" not in str(delta) or level == "premium"


async def test_a_thread_that_closes_itself_off_dismisses_who_may_not_stay(live: Live) -> None:
    alice = await live.world.wallet()
    await _thread(live, alice)
    async with peer(live, alice) as owner, peer(live) as nobody:
        await owner.watch("room")
        await nobody.watch("room")
        await live.world.do(alice, "/thread/privacy", thread_id="room", privacy="thread-only")
        assert (await nobody.take("unsubscribed"))["payload"]["code"] == "forbidden"
        delta = await owner.take("delta")
        assert delta["payload"]["event"] == "PrivacyChanged"
        assert delta["payload"]["data"]["to"] == "thread-only"
        await _say(live, alice, "Among ourselves.")
        await owner.take("delta")
        assert (await nobody.ask("heartbeat"))["type"] == "heartbeat"  # and nothing before it


async def test_acknowledgements_are_checked(live: Live) -> None:
    alice = await live.world.wallet()
    await _thread(live, alice)
    async with peer(live) as viewer:
        start = (await viewer.watch("room"))["seq"]
        await _say(live, alice, "one")
        seq = (await viewer.take("delta"))["seq"]
        await viewer.send("ack", thread_id="room", seq=seq)
        assert await viewer.refused("ack", thread_id="room", seq=seq + 1) == "bad_sequence"
        assert await viewer.refused("ack", thread_id="room", seq=start) == "bad_sequence"
        assert await viewer.refused("ack", thread_id="other", seq=seq) == "not_subscribed"


async def test_bad_frames_are_answered_and_the_socket_lives(live: Live) -> None:
    async with peer(live) as viewer:
        assert await viewer.refused("nonsense") == "unknown_type"
        assert await viewer.refused("subscribe", thread_id="no such thread") == "unknown_thread"
        assert await viewer.refused("subscribe") == "bad_frame"
        assert await viewer.refused("subscribe", {"channels": ["x"]}, thread_id="r") == "bad_frame"
        await viewer.raw.send("{")
        assert (await viewer.take("error"))["payload"]["code"] == "unreadable"
        assert (await viewer.ask("heartbeat"))["type"] == "heartbeat"


async def test_only_the_channels_asked_for_come_and_gaps_are_told(live: Live) -> None:
    world = live.world
    alice, bob = await world.wallet(), await world.wallet()
    await _thread(live, alice)
    async with peer(live) as viewer:
        start = (await viewer.watch("room", channels=["specs"]))["seq"]
        await _say(live, alice, "not a spec")
        await world.do(bob, "/message/submit", thread_id="room", content="A spec.", stake=MIN_STAKE)
        delta = await viewer.take("delta")
        assert delta["payload"]["kind"] == "SpecSubmitted"
        assert (delta["payload"]["after"], delta["seq"]) == (start, start + 2)


# what ends while a socket is open


async def _key(live: Live, owner: Wallet, **more: Any) -> dict[str, Any]:
    made = await live.world.post(owner, "/api-keys", name="k", scopes=["read"], **more)
    assert made.status_code == 201, made.text
    key: dict[str, Any] = made.json()["data"]
    return key


async def test_revoking_a_key_closes_its_sockets_only(live: Live) -> None:
    alice = await live.world.wallet()
    key = await _key(live, alice)
    async with peer(live, alice) as by_session, raw_peer(live) as by_key:
        assert (await by_key.ask("hello", {"api_key": key["secret"]}))["type"] == "welcome"
        path = f"/v1/api-keys/{key['key_id']}"
        assert (await live.world.http.delete(path, headers=alice.headers)).status_code == 200
        assert await by_key.closed() == Close.UNAUTHENTICATED
        assert (await by_session.ask("heartbeat"))["type"] == "heartbeat"


async def test_what_expires_or_was_revoked_unheard_is_found_by_looking_anew(live: Live) -> None:
    world = live.world
    alice, bob, carol = [await world.wallet() for _ in range(3)]
    key = await _key(live, alice, expires_in_s=60)
    async with (
        raw_peer(live) as by_key,
        peer(live, bob) as revoked,
        peer(live, carol) as stays,
        peer(live) as nobody,
    ):
        assert (await by_key.ask("hello", {"api_key": key["secret"]}))["type"] == "welcome"
        async with world.deps.database.write() as session:  # without a hint
            await session.execute(
                sa.update(sessions)
                .where(sessions.c.wallet == bytes(bob.keypair.pubkey()))
                .values(revoked_at=world.deps.now())
            )
            await session.execute(
                sa.update(api_keys).values(expires_at=world.deps.now() - timedelta(seconds=1))
            )
        live.hub._on_gap()  # as after each reconnection, and every few seconds
        assert await by_key.closed() == Close.UNAUTHENTICATED
        assert await revoked.closed() == Close.UNAUTHENTICATED
        for each in (stays, nobody):
            assert (await each.ask("heartbeat"))["type"] == "heartbeat"


async def test_premium_reaches_open_sockets_both_ways(live: Live) -> None:
    world = live.world
    alice, fan = await world.wallet(), await world.wallet()
    await _thread(live, alice, privacy="premium")

    async def grant(days: int | None) -> None:
        until = world.deps.now() + timedelta(days=days) if days else None
        async with world.deps.database.write() as session:
            await grant_premium(session, fan.keypair.pubkey(), until, world.deps.now())
        (client,) = live.hub._clients
        async with asyncio.timeout(20):
            while client.principal is None or client.principal.premium is not bool(days):  # noqa: ASYNC110
                await asyncio.sleep(0)

    async with peer(live, fan) as viewer:
        await viewer.watch("room")
        for days, view in ((30, "full"), (None, "summary")):
            await grant(days)
            await _say(live, alice, f"Words of {view} length, for whoever pays for reading them.")
            delta = await viewer.take("delta")
            assert delta["payload"]["content"]["view"] == view


async def test_a_session_that_ends_during_the_handshake_is_noticed(live: Live) -> None:
    alice = await live.world.wallet()
    join = live.hub.join

    def revoked_meanwhile(client: Any) -> None:
        client.principal = stale
        join(client)

    async with peer(live, alice):
        (client,) = live.hub._clients
        stale = client.principal
    async with live.world.deps.database.write() as session:
        await session.execute(sa.update(sessions).values(revoked_at=live.world.deps.now()))
    live.hub.join = revoked_meanwhile  # type: ignore[method-assign]
    async with raw_peer(live) as late:
        assert await late.closed() == Close.UNAUTHENTICATED


async def test_whatever_a_listener_dies_of_it_listens_again(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    gaps = asyncio.Event()
    listener = Listener(live.world.deps.settings.database_url, {}, on_gap=gaps.set)
    listen, failures = listener._listen, [asyncpg.InternalClientError("odd"), RuntimeError("odd")]

    async def failing() -> None:
        if failures:
            raise failures.pop()
        await listen()

    listener._listen = failing  # type: ignore[method-assign]
    task = asyncio.create_task(listener.run())
    async with asyncio.timeout(20):
        await gaps.wait()
    task.cancel()
    assert [record.message for record in caplog.records].count(
        "listening for changes failed, trying again"
    ) == 2


async def test_a_pump_survives_what_it_does_not_expect(live: Live) -> None:
    alice = await live.world.wallet()
    await _thread(live, alice)
    deliver, failures = live.hub._deliver, [RuntimeError("odd")]

    async def failing(room: Any) -> bool:
        if failures:
            raise failures.pop()
        return await deliver(room)

    async with peer(live) as viewer:
        await viewer.watch("room")
        live.hub._deliver = failing  # type: ignore[method-assign]
        await _say(live, alice, "Still here?")
        assert (await viewer.take("delta"))["payload"]["content"]["text"] == "Still here?"


async def test_a_pump_that_ended_is_started_anew(live: Live) -> None:
    alice = await live.world.wallet()
    await _thread(live, alice)
    async with peer(live) as first, peer(live) as second:
        await first.watch("room")
        (room,) = live.hub._rooms.values()
        assert room.pump is not None
        room.pump.cancel()
        await asyncio.gather(room.pump, return_exceptions=True)
        await second.watch("room")
        await _say(live, alice, "Anybody?")
        for each in (first, second):
            assert (await each.take("delta"))["payload"]["content"]["text"] == "Anybody?"


async def test_what_went_with_a_fork_is_taken_back_from_its_subscribers(live: Live) -> None:
    world = live.world
    alice = await world.wallet()
    await _thread(live, alice)
    await world.do(alice, "/thread/create", thread_id="hall", deposit=MIN_BALANCE)
    async with peer(live) as viewer:
        first = await viewer.watch("room")
        other = await viewer.watch("hall")
        await _say(live, alice, "gone tomorrow")
        gone = await viewer.take("delta")
        await world.rpc.request("localnet_fork", [1])
        await world.rpc.request("localnet_advance", [1])
        await _say(live, alice, "instead")
        back = await viewer.take("resync")
        assert back["payload"]["epoch"] == first["payload"]["epoch"] + 1
        said = [message["content"]["text"] for message in back["payload"]["messages"]]
        assert said in ([], ["instead"])
        if back["seq"] == first["seq"]:  # before the new branch's events; they repeat the state
            delta = await viewer.take("delta")
            assert delta["payload"]["epoch"] == back["payload"]["epoch"]
            said = [delta["payload"]["content"]["text"]]
        assert said == ["instead"]
        place = {"epoch": first["payload"]["epoch"], "seq": gone["seq"]}
        assert (await viewer.watch("room", resume=place))["type"] == "resync"
        place = {"epoch": other["payload"]["epoch"], "seq": other["seq"]}
        assert (await viewer.watch("hall", resume=place))["type"] == "resumed"
