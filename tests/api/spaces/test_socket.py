"""The socket of a space: greetings, deltas without gap or repeat, conflicts, rights."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from tests.api.spaces.support import Process, TurnedClock, process, put, shift, until
from tests.api.support import Wallet
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from choir.spaces.engine import turns
from choir.spaces.replica import Replica
from choir.wire import CBOR, JSON, MSGPACK, Codec
from choir_api.realtime import Close
from choir_api.spaces.listener import SWEEP_S
from choir_api.spaces.tables import members
from choir_api.tables import sessions as sign_ins

Space = dict[str, Any]


async def _follow(peer: Any, replica: Replica, version: int) -> None:
    """Reads until the replica has come to `version`; every delta must be the next one."""
    while replica.version < version:
        frame = await peer.receive()
        if frame["type"] == "snapshot":
            replica.reset(frame["snapshot"])
        else:
            assert frame["type"] == "delta", frame
            assert replica.advance(frame), "a version came twice"


async def test_hello_subscribe_propose(api: Process, alice: Wallet, space: Space) -> None:
    made = await api.session(alice, space["id"])
    async with api.socket(made["token"], space["id"]) as peer:
        await peer.send(type="hello", version=1, sessionId=made["sessionId"])
        assert await peer.receive() == {
            "type": "welcome",
            "spaceId": space["id"],
            "epoch": 0,
            "version": 0,
            "sessionId": made["sessionId"],
            "role": "owner",
            "counter": 0,
        }
        await peer.send(type="subscribe", kinds=["deltas"])
        snapshot = (await peer.receive("snapshot"))["snapshot"]
        assert (snapshot["spaceId"], snapshot["version"]) == (space["id"], 0)
        assert snapshot["state"]["phases"] == pytest.approx([0.0, 1.0, 2.0])
        await peer.propose(shift(2, 0.0123), at=0, counter=1, cv=[0])
        delta = await peer.receive("delta")
        assert (delta["fromVersion"], delta["toVersion"]) == (0, 1)
        assert (delta["sessionId"], delta["counter"], delta["cv"]) == (made["sessionId"], 1, [0])
        (op,) = delta["ops"]
        assert (op["op"], op["path"], op["value"]) == ("shift_phase", "/state/phases/2", 0.0123)
        assert op["meta"]["turns"] == str(turns.to_turns(0.0123))
        await peer.send(type="ping", ts=1737000123)
        assert await peer.receive() == {"type": "pong", "ts": 1737000123}


@pytest.mark.parametrize("codec", [JSON, MSGPACK, CBOR], ids=lambda codec: codec.name)
@pytest.mark.parametrize("subprotocol", [True, False], ids=["subprotocol", "first frame"])
async def test_three_encodings_two_ways(
    api: Process, alice: Wallet, space: Space, codec: Codec, subprotocol: bool
) -> None:
    made = await api.session(alice, space["id"])
    async with api.socket(made["token"], space["id"], codec, subprotocol=subprotocol) as peer:
        await peer.send(type="hello")
        await peer.receive("welcome")
        await peer.send(type="subscribe", kinds=["deltas"])
        replica = Replica()
        await peer.propose(shift(0, 0.5), at=0)
        await _follow(peer, replica, 1)
        assert replica.state is not None
        assert replica.state.phases[0] == turns.to_turns(0.5)


async def test_two_members_nudge_one_space(
    api: Process, alice: Wallet, writer: Wallet, space: Space
) -> None:
    async with (
        api.joined(alice, space["id"], "deltas") as one,
        api.joined(writer, space["id"], "deltas", codec=MSGPACK) as two,
    ):
        for _ in range(20):
            await one.propose(shift(0, 0.25), at=0)
            await two.propose(shift(0, -0.125), at=0)
        replicas = Replica(), Replica()
        await _follow(one, replicas[0], 40)
        await _follow(two, replicas[1], 40)
        assert replicas[0].digest() == replicas[1].digest()
        state = replicas[0].state
        assert state is not None
        exact = 20 * turns.to_turns(0.25) + 20 * turns.to_turns(-0.125)
        assert state.phases[0] == exact % turns.REVOLUTION


async def test_a_late_set_gets_a_conflict(
    api: Process, alice: Wallet, writer: Wallet, space: Space
) -> None:
    async with (
        api.joined(alice, space["id"]) as one,
        api.joined(writer, space["id"]) as two,
    ):
        await one.propose(put(1, 3.0), at=0, counter=1)
        assert (await one.receive("delta"))["toVersion"] == 1  # told though not subscribed
        await two.send(
            type="propose_delta",
            id="x7",
            delta={"fromVersion": 0, "counter": 1, "ops": [put(1, 4.0)]},
        )
        conflict = await two.receive("conflict")
        assert (conflict["expectedFrom"], conflict["actual"]) == (0, 1)
        assert (conflict["code"], conflict["paths"]) == ("path_changed", ["/state/phases/1"])
        assert (conflict["re"], conflict["counter"]) == ("x7", 1)
        await two.propose(put(1, 4.0), at=1, counter=1)  # the counter was not used up
        assert (await two.receive("delta"))["toVersion"] == 2


async def test_repeats_and_gaps(api: Process, alice: Wallet, space: Space) -> None:
    async with api.joined(alice, space["id"]) as peer:
        await peer.propose(shift(0, 0.5), at=0, counter=1)
        first = await peer.receive("delta")
        await peer.propose(shift(0, 0.5), at=0, counter=1)
        assert await peer.receive("delta") == first
        await peer.propose(shift(0, 0.5), at=0, counter=3)
        gap = await peer.receive("error")
        assert (gap["code"], gap["expected"], gap["actual"]) == ("counter_gap", 2, 3)
        await peer.propose(shift(1, 0.5), at=0, counter=1)
        assert (await peer.receive("error"))["code"] == "counter_reused"


async def test_resuming_gets_what_was_missed_or_a_snapshot(
    api: Process, alice: Wallet, space: Space
) -> None:
    async with api.joined(alice, space["id"]) as peer:
        for version in range(3):
            await peer.propose(shift(0, 0.5), at=version)
            await peer.receive("delta")
        await peer.send(type="subscribe", kinds=["deltas"], fromVersion=1, epoch=0)
        assert (await peer.receive("delta"))["toVersion"] == 2
        assert (await peer.receive("delta"))["toVersion"] == 3
        for position in ({"fromVersion": 9, "epoch": 0}, {"fromVersion": 1, "epoch": 4}, {}):
            await peer.send(type="subscribe", kinds=["deltas"], **position)
            assert (await peer.receive("snapshot"))["snapshot"]["version"] == 3
        await peer.send(type="subscribe", kinds=["deltas"], fromVersion=3, epoch=0)
        await peer.send(type="ping", ts=1)
        await peer.receive("pong")  # nothing was missed, nothing is sent


async def test_snapshot_then_every_delta_while_others_write(
    api: Process, alice: Wallet, writer: Wallet, space: Space
) -> None:
    """Subscribers that come in the middle of writing miss nothing and get nothing twice."""
    async with api.joined(alice, space["id"]) as author:

        async def write() -> None:
            for version in range(60):
                await author.propose(shift(version % 3, 0.1), at=0)
                await author.receive("delta")

        async def watch() -> str:
            async with api.joined(writer, space["id"], "deltas") as peer:
                replica = Replica()
                await _follow(peer, replica, 60)
                return replica.digest()

        *digests, _ = await asyncio.gather(*(watch() for _ in range(5)), write())
    assert len(set(digests)) == 1


async def test_a_new_basis_tells_everybody(
    api: Process, alice: Wallet, writer: Wallet, space: Space
) -> None:
    async with api.joined(writer, space["id"], "deltas") as peer:
        await peer.receive("snapshot")
        await api.http.post(
            f"/v1/spaces/{space['id']}/basis", json={"primes": [2, 3]}, headers=alice.headers
        )
        event = await peer.receive("event")
        assert (event["name"], event["epoch"], event["version"]) == ("basis.changed", 1, 1)
        assert event["at"] == "2027-01-15T08:00:01Z"
        snapshot = (await peer.receive("snapshot"))["snapshot"]
        assert (snapshot["epoch"], len(snapshot["state"]["phases"])) == (1, 2)
        await peer.propose(shift(0, 1.0), at=0)
        conflict = await peer.receive("conflict")
        assert (conflict["code"], conflict["epoch"]) == ("epoch_changed", 1)


async def test_patches_reach_replicas_as_deltas(api: Process, alice: Wallet, space: Space) -> None:
    async with api.joined(alice, space["id"], "deltas") as peer:
        await peer.receive("snapshot")
        await api.http.patch(
            f"/v1/spaces/{space['id']}",
            json={"operators": {"mixer": {"beta": 0.5}}},
            headers=alice.headers,
        )
        delta = await peer.receive("delta")
        assert delta["ops"] == [
            {"op": "set_operator", "path": "/state/operators/mixer/beta", "value": 0.5}
        ]


# who may be there


@pytest.mark.parametrize(
    ("token", "status"), [(None, 401), ("nonsense", 401), ("other", 401), ("gone", 404)]
)
async def test_the_door(
    api: Process, alice: Wallet, writer: Wallet, space: Space, token: str | None, status: int
) -> None:
    url = f"{api.realtime.url}/spaces/{space['id']}"
    if token == "other":
        made = (await api.http.post("/v1/spaces", json={}, headers=alice.headers)).json()
        token = (await api.session(alice, made["id"]))["token"]
    elif token == "gone":
        token = (await api.session(writer, space["id"]))["token"]
        await api.http.delete(
            f"/v1/spaces/{space['id']}/members/{writer.address}", headers=alice.headers
        )
    with pytest.raises(InvalidStatus) as refused:
        await connect(url if token is None else f"{url}?token={token}")
    response = refused.value.response
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


async def test_the_token_may_come_in_the_query(api: Process, alice: Wallet, space: Space) -> None:
    made = await api.session(alice, space["id"])
    async with connect(f"{api.realtime.url}/spaces/{space['id']}?token={made['token']}") as raw:
        await raw.send('{"type": "hello"}')
        assert '"welcome"' in str(await raw.recv())


async def test_an_expired_token_is_refused(
    api: Process, alice: Wallet, space: Space, clock: TurnedClock
) -> None:
    made = await api.session(alice, space["id"])
    clock.advance(3601)
    with pytest.raises(InvalidStatus) as refused:
        async with api.socket(made["token"], space["id"]):
            pass
    assert refused.value.response.status_code == 401


async def test_a_reader_hears_but_does_not_write(
    api: Process, alice: Wallet, writer: Wallet, space: Space
) -> None:
    async with api.joined(writer, space["id"], "deltas", role="reader") as peer:
        await peer.receive("snapshot")
        await peer.propose(shift(0, 1.0), at=0)
        error = await peer.receive("error")
        assert (error["code"], "reader" in error["message"]) == ("role_too_low", True)


async def test_demotion_reaches_open_sockets(
    api: Process, other: Process, alice: Wallet, writer: Wallet, space: Space
) -> None:
    async with other.joined(writer, space["id"], "deltas") as peer:
        await peer.receive("snapshot")
        await api.http.put(
            f"/v1/spaces/{space['id']}/members/{writer.address}",
            json={"role": "reader"},
            headers=alice.headers,
        )
        await peer.propose(shift(0, 1.0), at=0)
        assert (await peer.receive("error"))["code"] == "role_too_low"
        await api.http.delete(
            f"/v1/spaces/{space['id']}/members/{writer.address}", headers=alice.headers
        )
        assert await peer.closed() == Close.FORBIDDEN


async def test_ending_the_sign_in_session_closes_its_sockets(
    api: Process, alice: Wallet, space: Space
) -> None:
    made = await api.session(alice, space["id"])
    async with api.socket(made["token"], space["id"]) as peer:
        await peer.send(type="hello")
        await peer.receive("welcome")
        ended = await api.http.delete(
            f"/v1/auth/sessions/{alice.tokens['session_id']}", headers=alice.headers
        )
        assert ended.status_code == 200, ended.text
        assert await peer.closed() == Close.UNAUTHENTICATED
    with pytest.raises(InvalidStatus):
        async with api.socket(made["token"], space["id"]):
            pass


async def test_revoking_a_key_ends_the_sessions_it_opened(
    api: Process, alice: Wallet, space: Space
) -> None:
    key = await api.http.post(
        "/v1/api-keys", json={"name": "k", "scopes": ["spaces"]}, headers=alice.headers
    )
    by_key = {"X-Api-Key": key.json()["data"]["secret"]}
    made = await api.http.post(f"/v1/spaces/{space['id']}/sessions", json={}, headers=by_key)
    token = made.json()["token"]
    async with (
        api.socket(token, space["id"]) as peer,
        api.joined(alice, space["id"]) as other,
    ):
        await peer.send(type="hello")
        await peer.receive("welcome")
        path = f"/v1/api-keys/{key.json()['data']['key_id']}"
        assert (await api.http.delete(path, headers=alice.headers)).status_code == 200
        assert await peer.closed() == Close.UNAUTHENTICATED
        await other.send(type="ping")
        await other.receive("pong")
    with pytest.raises(InvalidStatus):
        async with api.socket(token, space["id"]):
            pass


async def test_what_nobody_was_told_is_found_by_the_sweep(
    api: Process, alice: Wallet, writer: Wallet, space: Space, clock: TurnedClock
) -> None:
    async with (
        api.joined(writer, space["id"], "deltas") as ended,
        api.joined(alice, space["id"], "deltas") as dropped,
    ):
        await ended.receive("snapshot")
        await dropped.receive("snapshot")
        async with api.deps.database.write() as session:
            await session.execute(
                sa.update(sign_ins)
                .where(sign_ins.c.wallet == bytes(writer.keypair.pubkey()))
                .values(revoked_at=api.deps.now())
            )
            await session.execute(
                sa.delete(members).where(members.c.wallet == bytes(alice.keypair.pubkey()))
            )
        clock.advance(SWEEP_S)
        assert await ended.closed() == Close.UNAUTHENTICATED
        assert await dropped.closed() == Close.FORBIDDEN


# what is sent wrongly


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "subscribe", "kinds": ["weather"]}, "invalid_frame"),
        ({"type": "subscribe"}, "invalid_frame"),
        ({"type": "propose_delta"}, "invalid_frame"),
        ({"type": "propose_delta", "delta": {"fromVersion": 0, "ops": []}}, "invalid_frame"),
        (
            {"type": "propose_delta", "delta": {"fromVersion": 0, "ops": [shift(3, 1.0)]}},
            "invalid_op",
        ),
        ({"type": "dance"}, "unknown_type"),
        ({"kind": "ping"}, "no_type"),
        ({"type": "hello", "version": 2}, "unsupported_version"),
        ({"type": "hello", "sessionId": "another"}, "wrong_session"),
    ],
)
async def test_a_wrong_frame_is_answered_and_the_socket_lives(
    api: Process, alice: Wallet, space: Space, frame: dict[str, Any], code: str
) -> None:
    async with api.joined(alice, space["id"]) as peer:
        await peer.send(**frame, id="f1")
        error = await peer.receive("error")
        assert (error["code"], error["re"]) == (code, "f1")
        assert error["message"]
        await peer.send(type="ping", ts=1)
        await peer.receive("pong")


async def test_hello_comes_first(api: Process, alice: Wallet, space: Space) -> None:
    made = await api.session(alice, space["id"])
    async with api.socket(made["token"], space["id"]) as peer:
        await peer.send(type="subscribe", kinds=["deltas"])
        assert (await peer.receive("error"))["code"] == "hello_first"


# several processes


async def test_two_writers_through_two_processes(
    api: Process, other: Process, alice: Wallet, writer: Wallet, space: Space
) -> None:
    """Every delta gets its own version, both see all of them in the same order."""
    count = 25
    async with (
        api.joined(alice, space["id"], "deltas") as one,
        other.joined(writer, space["id"], "deltas") as two,
    ):

        async def write(peer: Any, value: float) -> None:
            for counter in range(1, count + 1):
                await peer.propose(shift(0, value), at=0, counter=counter)

        replicas = Replica(), Replica()
        await asyncio.gather(
            write(one, 0.25),
            write(two, 0.5),
            _follow(one, replicas[0], 2 * count),
            _follow(two, replicas[1], 2 * count),
        )
    assert replicas[0].digest() == replicas[1].digest()
    assert replicas[0].state is not None
    exact = count * (turns.to_turns(0.25) + turns.to_turns(0.5))
    assert replicas[0].state.phases[0] == exact % turns.REVOLUTION


async def test_of_two_sets_in_two_processes_one_wins(
    api: Process, other: Process, alice: Wallet, writer: Wallet, space: Space
) -> None:
    async with api.joined(alice, space["id"]) as one, other.joined(writer, space["id"]) as two:
        for version in range(10):
            await asyncio.gather(
                one.propose(put(0, 1.0), at=version), two.propose(put(0, 2.0), at=version)
            )
            kinds = {(await one.receive())["type"], (await two.receive())["type"]}
            assert kinds == {"delta", "conflict"}


async def test_a_lost_hint_costs_time_and_nothing_else(
    api: Process, other: Process, alice: Wallet, writer: Wallet, space: Space, clock: TurnedClock
) -> None:
    """The listener's connection is killed; what was committed meanwhile arrives all the same."""
    async with other.joined(writer, space["id"], "deltas") as peer:
        await peer.receive("snapshot")
        async with api.deps.database.write() as session:
            await session.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'choir-spaces' AND datname = current_database()"
                )
            )
        await until(lambda: not other.listener.listening.is_set())
        async with api.joined(alice, space["id"]) as author:
            await author.propose(shift(0, 1.0), at=0)
            await author.receive("delta")
        clock.advance(10)  # past the wait before it connects again
        replica_version = (await peer.receive("delta"))["toVersion"]
        assert replica_version == 1


async def test_what_was_acknowledged_outlives_the_process(
    api: Process, settings: Any, clock: TurnedClock, alice: Wallet, space: Space
) -> None:
    """A process that goes without a word leaves everything it acknowledged to the next one."""
    made = await api.session(alice, space["id"])
    acknowledged = 0
    async with (
        process(settings, clock) as doomed,
        doomed.socket(made["token"], space["id"]) as peer,
    ):
        await peer.send(type="hello")
        await peer.receive("welcome")
        for counter in range(1, 31):
            await peer.propose(shift(0, 0.25), at=0, counter=counter)
        for _ in range(12):
            acknowledged = (await peer.receive("delta"))["counter"]
        # from here nobody hears an answer any more
        for socket in list(doomed.realtime.sockets):
            socket._connection.transport.abort()
    async with api.socket(made["token"], space["id"]) as peer:
        await peer.send(type="hello")
        last = (await peer.receive("welcome"))["counter"]
        assert acknowledged <= last <= 30
        for counter in range(acknowledged + 1, 31):  # the client cannot know: it sends them again
            await peer.propose(shift(0, 0.25), at=0, counter=counter)
        for counter in range(acknowledged + 1, 31):
            assert (await peer.receive("delta"))["counter"] == counter
        await peer.send(type="subscribe", kinds=["deltas"])
        snapshot = (await peer.receive("snapshot"))["snapshot"]
        assert snapshot["version"] == 30
        exact = 30 * turns.to_turns(0.25) % turns.REVOLUTION
        assert turns.from_base64(snapshot["state"]["turns"])[0] == exact
