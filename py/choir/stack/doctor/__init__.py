"""What `choir doctor` looks at, and what it advises: one function a question, no printing.

Each check answers with a :class:`Finding`; none raises for what it was made to find. Checks run
at once, each within its time, and none changes anything. What they say holds no secret: addresses
are named by scheme, host and port.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from choir._urls import place_of
from choir.accounts import Config
from choir.errors import ChoirError
from choir.rpc import HttpRpc
from choir.stack.doctor import chain, machine, services
from choir.stack.doctor.findings import Finding, Problem, Verdict, fail, skip
from choir.stack.postgres import DATABASE, ROLE
from choir.wallet import KeypairSigner

__all__ = ["DEFAULT_PORTS", "Ask", "Finding", "Problem", "Verdict", "examine"]

DEFAULT_PORTS: Mapping[str, int] = {"rpc": 8899, "pubsub": 8900, "api": 8000, "realtime": 8001}
LIMIT_S = 4.0
ROOM_MB = 1024
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What to look at.

    Attributes:
        state_dir: where the stack keeps its state.
        environment: the CHOIR_* settings and the wallet's variables are read from it.
        ports: those `choir up` is to listen on.
        key_file: a wallet instead of the environment's.
        limit_s: seconds a check may take.
        room_mb: what the state directory's disk must have left.
        now: the time, Unix seconds.
    """

    state_dir: Path
    environment: Mapping[str, str]
    ports: Mapping[str, int] = field(default_factory=lambda: DEFAULT_PORTS)
    key_file: Path | None = None
    limit_s: float = LIMIT_S
    room_mb: int = ROOM_MB
    now: Callable[[], float] = time.time


async def examine(ask: Ask) -> list[Finding]:
    """Every check, all at once; the findings from the machine to the running stack.

    It takes three times `ask.limit_s` at most: the chain's checks wait for the node's.
    """
    async with asyncio.TaskGroup() as group:

        def start(work: Awaitable[T]) -> asyncio.Task[T]:
            async def run() -> T:
                return await work

            return group.create_task(run())

        local = [
            start(_within(ask, name, asyncio.to_thread(check)))
            for name, check in {
                "platform": machine.check_platform,
                "packages": machine.check_packages,
                "state directory": lambda: machine.check_room(ask.state_dir, room_mb=ask.room_mb),
                "program file": machine.check_program_file,
                "model": machine.check_model,
                "secrets": lambda: machine.check_secrets(ask.state_dir, ask.environment),
            }.items()
        ]
        node = start(_chain(ask))
        database = start(_database(ask))
        api = start(_api(ask))
        pubsub = start(_within(ask, chain.PUBSUB, chain.check_pubsub(_pubsub_url(ask))))
        indexer = start(_indexer(ask, node, database))
    of_chain = node.result()
    ours = _ours(ask, of_chain.findings[0], api.result())
    ports = await _within(ask, "ports", asyncio.to_thread(machine.check_ports, ask.ports, ours))
    first, *rest = of_chain.findings
    return [
        *(task.result() for task in local),
        ports,
        first,
        pubsub.result(),
        *rest,
        database.result()[0],
        indexer.result(),
        api.result(),
    ]


@dataclass(frozen=True, slots=True)
class _Chain:
    findings: list[Finding]
    genesis: str | None = None
    slot: int | None = None


async def _within(ask: Ask, check: str, work: Awaitable[Finding]) -> Finding:
    return (await _pair_within(ask, check, _alone(work)))[0]


async def _alone(work: Awaitable[Finding]) -> tuple[Finding, None]:
    return await work, None


async def _pair_within(
    ask: Ask, check: str, work: Awaitable[tuple[Finding, T | None]]
) -> tuple[Finding, T | None]:
    """The check's answer; a finding of its own when it takes too long or the node fails it."""
    try:
        async with asyncio.timeout(ask.limit_s):
            return await work
    except TimeoutError:
        found, advice = f"no answer within {ask.limit_s:g} s", "see that what it asks is well"
        return fail(check, Problem.TIMED_OUT, found, advice), None
    except ChoirError as error:
        return fail(check, Problem.RPC_UNREACHABLE, str(error), "try again"), None


async def _chain(ask: Ask) -> _Chain:
    """The node's findings, the node itself first."""
    named = ask.environment.get("CHOIR_RPC_URL")
    url = named or f"http://127.0.0.1:{ask.ports['rpc']}"
    wallet, signer = await asyncio.to_thread(chain.check_wallet, ask.environment, ask.key_file)
    if named is None and not _listens(ask.ports["rpc"]):
        nothing = "nothing runs here: `choir up` or `choir localnet` starts one"
        why = "no node to ask"
        rest = (chain.PROGRAM, chain.SETTINGS, chain.CLOCK)
        found = [skip(chain.NODE, nothing), *(skip(name, why) for name in rest)]
        return _Chain([*found, wallet, skip(chain.FUNDS, why)])
    async with HttpRpc(url, timeout=ask.limit_s) as rpc:
        node, genesis = await _node(ask, rpc)
        if genesis is None:
            names = (chain.PROGRAM, chain.SETTINGS, chain.CLOCK)
            unasked = [skip(name, "no node to ask") for name in names]
            return _Chain([node, *unasked, wallet, skip(chain.FUNDS, "no node to ask")])

        async def settled() -> tuple[Finding, Finding]:
            found, config = await _pair_within(ask, chain.SETTINGS, chain.check_configured(rpc))
            return found, await _funds(ask, rpc, signer, config)

        (settings, funds), program, clock, slot = await asyncio.gather(
            settled(),
            _within(ask, chain.PROGRAM, chain.check_deployed(rpc)),
            _within(ask, chain.CLOCK, chain.check_clock(rpc, ask.now)),
            _slot(ask, rpc),
        )
    return _Chain([node, program, settings, clock, wallet, funds], genesis, slot)


async def _node(ask: Ask, rpc: HttpRpc) -> tuple[Finding, str | None]:
    try:
        async with asyncio.timeout(ask.limit_s):
            return await chain.check_node(rpc)
    except TimeoutError:
        found = f"{place_of(rpc.url)} did not answer within {ask.limit_s:g} s"
        advice = "see that the node is well, or name another with CHOIR_RPC_URL"
        return fail(chain.NODE, Problem.RPC_UNREACHABLE, found, advice), None


async def _funds(
    ask: Ask, rpc: HttpRpc, signer: KeypairSigner | None, config: Config | None
) -> Finding:
    if signer is None:
        return skip(chain.FUNDS, "no wallet")
    return await _within(ask, chain.FUNDS, chain.check_funds(rpc, signer, config))


async def _slot(ask: Ask, rpc: HttpRpc) -> int | None:
    try:
        async with asyncio.timeout(ask.limit_s):
            return await rpc.get_slot()
    except (TimeoutError, ChoirError):
        return None


async def _database(ask: Ask) -> tuple[Finding, services.Mirror | None]:
    url = ask.environment.get("CHOIR_DATABASE_URL")
    if url is None:
        url = await asyncio.to_thread(_embedded_database, ask.state_dir)
    if url is None:
        why = "CHOIR_DATABASE_URL is not set: `choir up` runs its own"
        return skip(services.DATABASE, why), None
    try:
        async with asyncio.timeout(ask.limit_s):
            return await services.check_database(url)
    except TimeoutError:
        found = f"{place_of(url)} did not answer within {ask.limit_s:g} s"
        advice = "see that host and port in CHOIR_DATABASE_URL are PostgreSQL's"
        return fail(services.DATABASE, Problem.DATABASE_UNREACHABLE, found, advice), None


def _embedded_database(state_dir: Path) -> str | None:
    """Of the server that `choir up` runs in this state directory, while it runs."""
    folder = state_dir / "postgres"
    try:
        port = int((folder / "data/postmaster.pid").read_text().splitlines()[3])
        password = (folder / "password").read_text().strip()
    except (OSError, ValueError, IndexError):
        return None
    if not _listens(port):
        return None
    return f"postgresql://{ROLE}:{quote(password)}@127.0.0.1:{port}/{DATABASE}"


def _pubsub_url(ask: Ask) -> str | None:
    """What is named; else the localnet's, where something listens."""
    if (named := ask.environment.get("CHOIR_WS_URL")) is not None:
        return named
    port = ask.ports["pubsub"]
    ours = "CHOIR_RPC_URL" not in ask.environment and _listens(ask.ports["rpc"])
    return f"ws://127.0.0.1:{port}" if ours and _listens(port) else None


async def _indexer(
    ask: Ask,
    node: asyncio.Task[_Chain],
    database: asyncio.Task[tuple[Finding, services.Mirror | None]],
) -> Finding:
    """Of the indexer itself where its port is known, else of what it left in the database."""
    port = ask.environment.get("CHOIR_INDEXER_PORT", "0")
    seen = (await database)[1]
    of_chain = await node
    if seen is not None:
        mirrored = services.check_mirror(seen, of_chain.genesis, of_chain.slot)
        if port == "0" or mirrored.problem is Problem.DATABASE_OTHER_CHAIN:
            return mirrored
    if port == "0":
        return skip(services.INDEXER, "neither CHOIR_INDEXER_PORT nor a database to ask")
    url = f"http://{ask.environment.get('CHOIR_INDEXER_HOST', '127.0.0.1')}:{port}"
    return await _within(ask, services.INDEXER, services.check_indexer(url))


async def _api(ask: Ask) -> Finding:
    named = ask.environment.get("CHOIR_API_URL")
    if named is None and not _listens(ask.ports["api"]):
        return skip(services.API, "nothing runs here: `choir up` starts it")
    url = named or f"http://127.0.0.1:{ask.ports['api']}"
    return await _within(ask, services.API, services.check_api(url))


def _ours(ask: Ask, node: Finding, api: Finding) -> frozenset[str]:
    """The default ports that a part of Choir answers on."""
    uses: set[str] = set()
    if node.verdict is Verdict.OK and "CHOIR_RPC_URL" not in ask.environment:
        uses |= {"rpc", "pubsub"}
    if api.verdict is Verdict.OK and "CHOIR_API_URL" not in ask.environment:
        uses |= {"api", "realtime"}
    return frozenset(uses)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return port != 0 and probe.connect_ex(("127.0.0.1", port)) == 0
