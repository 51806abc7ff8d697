"""The Python client against the real server: replica, conflicts, losing and finding the way."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.api.spaces.support import SOON, Process, TurnedClock, listening, process, until
from tests.api.support import Wallet

from choir.errors import InvalidInput
from choir.spaces.client import ResonanceClient
from choir.spaces.engine import turns
from choir.spaces.errors import SpaceClosed, SpaceConflict, SpaceError, SpaceUnreachable
from choir.spaces.session import Session
from choir_api.settings import Settings

Space = dict[str, Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    # the client connects where the process really listens: see `api`
    return settings


@pytest.fixture
async def api(settings: Settings, clock: TurnedClock) -> AsyncIterator[Process]:
    async with reachable(settings, clock) as made:
        yield made


@asynccontextmanager
async def reachable(settings: Settings, clock: TurnedClock) -> AsyncIterator[Process]:
    """A process whose sessions name the address it listens at."""
    async with process(settings, clock) as made:
        found = settings.model_copy(update={"realtime_url": made.realtime.url})
        object.__setattr__(made.deps, "settings", found)
        yield made


def client(api: Process, who: Wallet, clock: Any = None) -> ResonanceClient:
    return ResonanceClient(
        token=who.tokens["access_token"], http=api.http, clock=clock, jitter=lambda: 0.0
    )


@asynccontextmanager
async def opened(
    api: Process, who: Wallet, space: Space, clock: Any = None, **how: Any
) -> AsyncIterator[Session]:
    async with asyncio.timeout(SOON):
        session = await client(api, who, clock).sessions.open(space["id"], **how)
    async with session:
        yield session


async def cut(api: Process) -> None:
    """Cuts every socket without a word."""
    for socket in list(api.realtime.sockets):
        socket._connection.transport.abort()


async def woken(session: Session, clock: TurnedClock) -> None:
    """Lets the session's wait before it connects again pass."""
    await until(lambda: not session.connected and clock.sleeping >= 2)
    clock.advance(20.0)
    await until(lambda: session.connected)


async def test_the_specifications_example(api: Process, alice: Wallet) -> None:
    rs = client(api, alice)
    space = await rs.spaces.create(
        {
            "name": "team-room",
            "basis": {"primes": [2, 3, 5, 7, 11, 13], "cutoff": 1024},
            "phases": {"golden": True, "silver": True},
            "operators": {"resonanceTarget": 0.85},
            "entropy": {"lambda": 0.03, "collapseThreshold": 0.96},
        }
    )
    assert space.config.operators.resonance_target == 0.85
    assert [each.id for each in await rs.spaces.list()] == [space.id]
    seen: list[tuple[str, Any]] = []
    async with await rs.sessions.open(space.id, role="writer", display_name="seb") as session:
        session.on("telemetry", lambda m: seen.append(("telemetry", m)))
        session.on("delta", lambda d: seen.append(("delta", d["toVersion"])))
        before = session.state.phases[3]
        made = await session.propose_delta(
            [{"op": "shift_phase", "path": "/state/phases/3", "value": 0.0123}],
            from_version=session.version,
            cv=[session.version],
        )
        assert (made, session.version, session.encoding) == (1, 1, "msgpack")
        assert session.state.phases[3] == turns.shift(before, turns.to_turns(0.0123))
        assert ("delta", 1) in seen
    assert (await rs.spaces.get(space.id)).version == 1
    assert (await rs.spaces.snapshot(space.id)).version == 1


@pytest.mark.parametrize("encoding", ["msgpack", "cbor", "json"])
async def test_two_replicas_agree_to_the_bit(
    api: Process, alice: Wallet, writer: Wallet, space: Space, encoding: Any
) -> None:
    async with (
        opened(api, alice, space, encoding=encoding) as one,
        opened(api, writer, space) as two,
    ):
        for n in range(10):
            await asyncio.gather(one.shift_phase(n % 3, 0.1), two.shift_phase(1, -0.7))
        await asyncio.gather(one.reached(20), two.reached(20))
        assert one.digest == two.digest
        assert one.encoding == encoding


async def test_a_conflict_leaves_the_replica_up_to_date(
    api: Process, alice: Wallet, writer: Wallet, space: Space
) -> None:
    async with opened(api, alice, space) as one, opened(api, writer, space) as two:
        await one.set_phase(0, 1.0)
        with pytest.raises(SpaceConflict) as caught:
            await two.propose_delta(
                [{"op": "set_phase", "path": "/state/phases/0", "value": 2.0}], from_version=0
            )
        assert (caught.value.expected, caught.value.actual) == (0, 1)
        assert two.version == 1
        assert await two.set_phase(0, 2.0) == 2


async def test_refusals_are_errors_and_change_no_counter(
    api: Process, alice: Wallet, space: Space
) -> None:
    async with opened(api, alice, space) as session:
        with pytest.raises(SpaceError, match="there are 3 phases") as caught:
            await session.shift_phase(5, 1.0)
        assert caught.value.code == "invalid_op"
        assert await session.shift_phase(2, 1.0) == 1
    async with opened(api, alice, space, role="reader") as reader:
        with pytest.raises(SpaceError) as caught:
            await reader.shift_phase(0, 1.0)
        assert caught.value.code == "role_too_low"


async def test_a_cut_connection_comes_back_and_catches_up(
    api: Process, alice: Wallet, writer: Wallet, space: Space, clock: TurnedClock
) -> None:
    lost: list[str] = []
    snapshots: list[Any] = []
    async with opened(api, writer, space, clock) as session:
        session.on("lost", lost.append)
        await session.shift_phase(0, 1.0)
        session.on("snapshot", snapshots.append)
        await cut(api)
        await until(lambda: not session.connected)
        for version in (1, 2, 3):
            await client(api, alice).spaces.propose_delta(
                space["id"],
                {
                    "fromVersion": version,
                    "ops": [{"op": "shift_phase", "path": "/state/phases/1", "value": 0.5}],
                },
            )
        await woken(session, clock)
        await session.reached(4)
        assert snapshots == []  # it was told what it missed, not everything
        theirs = await client(api, alice).spaces.snapshot(space["id"])
        assert list(session.state.phases) == list(turns.from_base64(theirs.state.turns))
        assert len(lost) == 1
        assert await session.shift_phase(0, 1.0) == 5


async def test_a_proposal_whose_answer_was_lost_counts_once(
    api: Process, alice: Wallet, space: Space, clock: TurnedClock, monkeypatch: Any
) -> None:
    """The socket is cut after the commit and before anybody is told."""
    hub = api.hub
    tell, cuts = hub._tell, []

    def cut_first(*args: Any) -> None:
        if not cuts:
            cuts.append(True)
            for socket in list(api.realtime.sockets):
                socket._connection.transport.abort()
        tell(*args)

    async with opened(api, alice, space, clock) as session:
        monkeypatch.setattr(hub, "_tell", cut_first)
        proposal = asyncio.create_task(session.shift_phase(0, 0.25))
        await woken(session, clock)
        assert await asyncio.wait_for(proposal, SOON) == 1
        assert session.state.phases[0] == turns.to_turns(0.25)
        assert await session.shift_phase(0, 0.25) == 2


async def test_a_caller_that_stops_waiting_does_not_spoil_the_session(
    api: Process, alice: Wallet, space: Space
) -> None:
    async with opened(api, alice, space) as session:
        proposal = asyncio.create_task(session.shift_phase(0, 0.25))
        await asyncio.sleep(0)
        proposal.cancel()
        await asyncio.wait([proposal])
        await session.shift_phase(0, 0.25)
        await session.reached(2)
        assert session.state.phases[0] == 2 * turns.to_turns(0.25)


async def test_an_ended_token_is_renewed(
    api: Process, alice: Wallet, space: Space, clock: TurnedClock
) -> None:
    async def fresh() -> str:
        answer = await api.http.post(
            "/v1/auth/refresh", json={"refresh_token": alice.tokens["refresh_token"]}
        )
        alice.tokens = answer.json()["data"]
        token: str = alice.tokens["access_token"]
        return token

    rs = ResonanceClient(token=fresh, http=api.http, clock=clock, jitter=lambda: 0.0)
    async with await rs.sessions.open(space["id"]) as session:
        first = session.id
        assert await session.shift_phase(0, 0.25) == 1
        clock.advance(3700)  # the space's token has ended, and so has the access token
        await cut(api)
        await woken(session, clock)
        assert session.id != first
        assert await asyncio.wait_for(session.shift_phase(0, 0.25), SOON) == 2


async def test_a_proposal_of_an_ended_session_counts_once(
    api: Process, alice: Wallet, space: Space, clock: TurnedClock, monkeypatch: Any
) -> None:
    """It was stored, nobody was told, and the session is gone: REST settles it."""
    tell = api.hub._tell

    def cut_and_age(*args: Any) -> None:
        monkeypatch.setattr(api.hub, "_tell", tell)
        for socket in list(api.realtime.sockets):
            socket._connection.transport.abort()
        clock.advance(3700)
        tell(*args)

    async def fresh() -> str:
        answer = await api.http.post(
            "/v1/auth/refresh", json={"refresh_token": alice.tokens["refresh_token"]}
        )
        alice.tokens = answer.json()["data"]
        token: str = alice.tokens["access_token"]
        return token

    rs = ResonanceClient(token=fresh, http=api.http, clock=clock, jitter=lambda: 0.0)
    async with await rs.sessions.open(space["id"]) as session:
        first = session.id
        monkeypatch.setattr(api.hub, "_tell", cut_and_age)
        proposal = asyncio.create_task(session.shift_phase(0, 0.25))
        await woken(session, clock)
        assert await asyncio.wait_for(proposal, SOON) == 1
        assert session.id != first
        assert session.state.phases[0] == turns.to_turns(0.25)
        assert await asyncio.wait_for(session.shift_phase(0, 0.25), SOON) == 2


async def test_who_is_put_out_stays_out(
    api: Process, alice: Wallet, writer: Wallet, space: Space, clock: TurnedClock
) -> None:
    async with opened(api, writer, space, clock) as session:
        await client(api, alice).spaces.drop_member(space["id"], writer.address)
        await until(lambda: not session.connected)
        with pytest.raises(SpaceClosed, match="taken away"):
            await session.shift_phase(0, 1.0)


async def test_strangers_are_refused_by_name(api: Process, bob: Wallet, space: Space) -> None:
    with pytest.raises(SpaceError) as caught:
        await client(api, bob).sessions.open(space["id"])
    assert (caught.value.status, caught.value.code) == (404, "unknown_space")


async def test_telemetry_reaches_handlers(
    api: Process, alice: Wallet, space: Space, clock: TurnedClock
) -> None:
    seen: asyncio.Queue[Any] = asyncio.Queue()

    async def note(telemetry: Any) -> None:
        await seen.put(telemetry)

    async with opened(api, alice, space, kinds=("telemetry",)) as session:
        off = session.on("telemetry", note)
        clock.advance(1.0)
        telemetry = await asyncio.wait_for(seen.get(), SOON)
        assert 0.0 <= telemetry.coherence <= 1.0
        off()
        with pytest.raises(SpaceError, match="no replica"):
            _ = session.state
        assert await session.shift_phase(0, 1.0) == 1  # answered though it hears no deltas


async def test_without_a_replica_what_was_told_counts(
    api: Process, alice: Wallet, writer: Wallet, space: Space
) -> None:
    async with opened(api, writer, space) as other:
        await other.set_phase(0, 1.0)
        async with opened(api, alice, space, kinds=()) as session:
            assert await session.set_phase(0, 2.0) == 2
            await other.reached(2)
            await other.set_phase(0, 3.0)
            with pytest.raises(SpaceConflict) as caught:
                await session.set_phase(0, 4.0)
            assert await session.set_phase(0, 4.0) == caught.value.actual + 1


async def test_a_handler_that_fails_harms_nobody(
    api: Process, alice: Wallet, space: Space, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Any) -> None:
        raise RuntimeError("mine")

    async with opened(api, alice, space) as session:
        session.on("delta", fail)
        assert await session.shift_phase(0, 1.0) == 1
        assert await session.shift_phase(0, 1.0) == 2
    assert "a handler of 'delta' failed" in caplog.text


def test_one_credential() -> None:
    with pytest.raises(InvalidInput, match="api_key or token"):
        ResonanceClient()


# without a server


class _Sleeps:
    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def _answers(*answers: httpx.Response | Exception) -> tuple[httpx.AsyncClient, list[httpx.Request]]:
    left, seen = list(answers), []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    transport = httpx.MockTransport(handle)
    return httpx.AsyncClient(transport=transport, base_url="http://api.test"), seen


async def test_a_busy_server_is_asked_again_with_the_same_key() -> None:
    http, seen = _answers(
        httpx.Response(503),
        httpx.Response(429, headers={"Retry-After": "9"}),
        httpx.ConnectError("no"),
        httpx.Response(404, json={"detail": "gone", "code": "unknown_space"}),
    )
    sleeps = _Sleeps()
    rs = ResonanceClient(api_key="k", http=http, clock=sleeps)
    with pytest.raises(SpaceError, match="gone"):
        await rs.spaces.create()
    assert sleeps.slept == [1.0, 9.0, 30.0]
    assert len({request.headers["Idempotency-Key"] for request in seen}) == 1
    assert {request.headers["X-Api-Key"] for request in seen} == {"k"}


async def test_after_the_last_wait_it_fails() -> None:
    http, _ = _answers(*[httpx.ConnectError("no")] * 4)
    sleeps = _Sleeps()
    with pytest.raises(SpaceUnreachable, match="does not answer"):
        await ResonanceClient(token="t", http=http, clock=sleeps).spaces.get("sp_x")
    assert sleeps.slept == [1.0, 5.0, 30.0]


async def test_the_documentations_example(
    api: Process, alice: Wallet, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[3] / "docs/spaces.md").read_text()
    source = page.split("```python\n")[1].split("```")[0]
    answer = await api.http.post(
        "/v1/api-keys", json={"name": "k", "scopes": ["spaces"]}, headers=alice.headers
    )
    key = answer.json()["data"]["secret"]
    async with listening(api) as url:
        source = source.replace("choir_…", key).replace("http://127.0.0.1:8000", url)
        names: dict[str, Any] = {}
        exec(f"async def example():\n{textwrap.indent(source, '    ')}", names)
        await asyncio.wait_for(names["example"](), SOON)
    assert "version 1" in capsys.readouterr().out
