"""Every problem of `choir doctor`, brought about for real, and what is said of it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest
from tests.choir.chain import SOL, World

from choir.artifact import program_so
from choir.clock import SystemClock
from choir.embed.model import FILES
from choir.ids import PROGRAM_ID
from choir.localnet import Localnet, Settings
from choir.localnet.settings import ProgramFile
from choir.stack.doctor import Ask, Finding, Problem, Verdict, examine, machine, services
from choir.stack.host import free_port
from choir.stack.postgres import EmbeddedPostgres
from choir.wallet import KeypairSigner
from choir_api.system.endpoints import Health
from choir_indexer.telemetry import State

PAGE = Path(__file__).parents[3] / "docs/first-hour.md"
SECRET = "hunter2-hunter2"
PATIENT_S = 60.0
NO_PORTS = {"rpc": 0, "pubsub": 0, "api": 0, "realtime": 0}


class Doctor:
    """Examines with settings of its own, and looks findings up by their problem."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"HOME": str(folder)}
        self.more: dict[str, object] = {}

    async def __call__(self, **environment: str) -> list[Finding]:
        more = {"ports": NO_PORTS, "limit_s": PATIENT_S, **self.more}
        ask = Ask(
            state_dir=self.folder / "state",
            environment={**self.environment, **environment},
            **more,  # type: ignore[arg-type]
        )
        findings = await examine(ask)
        assert SECRET not in str(findings)
        return findings

    async def finds(self, problem: Problem, **environment: str) -> Finding:
        findings = await self(**environment)
        named = [f for f in findings if f.problem is problem]
        assert named, [f for f in findings if f.verdict is not Verdict.OK]
        (finding,) = named
        assert finding.advice
        assert finding.verdict in (Verdict.WARN, Verdict.FAIL)
        assert "\n" not in finding.found + finding.advice
        return finding


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    model = tmp_path / "no-model"
    monkeypatch.setenv("CHOIR_MODEL_DIR", str(model))
    return Doctor(tmp_path)


async def _serving(answer: bytes | None, status: int = 200) -> tuple[asyncio.Server, int]:
    """A server that answers everything with the same bytes, or never (None), and its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if answer is None:
                await reader.read()
                return
            await reader.readuntil(b"\r\n\r\n")
            head = (
                f"HTTP/1.1 {status} X\r\ncontent-length: {len(answer)}\r\nconnection: close\r\n\r\n"
            )
            writer.write(head.encode() + answer)
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


# ---- this machine


async def test_a_port_that_something_else_holds(doctor: Doctor) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        doctor.more = {"ports": {**NO_PORTS, "realtime": port}}
        found = await doctor.finds(Problem.PORT_TAKEN)
    assert f"{port} (realtime sockets)" in found.found
    assert f"sport = :{port}" in found.advice
    assert found.verdict is Verdict.FAIL


async def test_a_state_directory_that_cannot_be_written(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    doctor.folder = tmp_path / "file"
    found = await doctor.finds(Problem.STATE_DIR)
    assert "Not a directory" in found.found
    assert "CHOIR_STATE_DIR" in found.advice


async def test_a_disk_without_room(doctor: Doctor) -> None:
    doctor.more = {"room_mb": 1 << 40}
    found = await doctor.finds(Problem.DISK_FULL)
    assert re.search(r"^\d+ MB left on the disk", found.found)


def test_a_program_file_that_was_cut_short(tmp_path: Path) -> None:
    cut = tmp_path / "choir.so"
    cut.write_bytes(program_so().read_bytes()[:-1])
    found = machine.check_program_file(cut)
    assert (found.problem, found.verdict) == (Problem.PROGRAM_FILE, Verdict.FAIL)
    assert "is not the recorded build" in found.found
    found = machine.check_program_file(tmp_path / "none.so")
    assert "No such file" in found.found
    assert machine.check_program_file().verdict is Verdict.OK


async def test_a_model_that_is_missing_or_damaged(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await doctor.finds(Problem.MODEL_MISSING)
    assert found.advice == "run: choir models fetch"
    model = tmp_path / "model"
    model.mkdir()
    for name in FILES:
        (model / name).write_bytes(b"half of it")
    monkeypatch.setenv("CHOIR_MODEL_DIR", str(model))
    found = await doctor.finds(Problem.MODEL_DAMAGED)
    assert "model.safetensors is not the pinned file" in found.found


async def test_secrets_that_are_weak_or_open(doctor: Doctor) -> None:
    found = await doctor.finds(Problem.SECRET_WEAK, CHOIR_JWT_SECRET=SECRET)
    assert found.found == f"CHOIR_JWT_SECRET has {len(SECRET)} bytes, 32 are due"
    kept = doctor.folder / "state/secrets/jwt"
    kept.parent.mkdir(parents=True)
    kept.write_text("x" * 64)
    kept.chmod(0o644)
    found = await doctor.finds(Problem.SECRET_EXPOSED)
    assert found.advice == f"run: chmod 600 {kept}"
    kept.chmod(0o600)
    kept.write_text("short")
    assert "has 5 bytes" in (await doctor.finds(Problem.SECRET_WEAK)).found


async def test_a_part_that_is_not_installed(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    found = await doctor.finds(Problem.PACKAGES_MISSING)
    assert found.advice == "for the whole stack: pip install 'choir[localnet]'"
    monkeypatch.setitem(sys.modules, "solders.litesvm", None)
    assert "CHOIR_RPC_URL" in (await doctor.finds(Problem.PLATFORM)).advice


def test_a_package_of_another_version(tmp_path: Path) -> None:
    """As after `pip install -U`: the command itself, in a Python that sees that version."""
    info = tmp_path / "site" / "solders-0.31.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: solders\nVersion: 0.31.0\n")
    code = "from choir.cli import main; raise SystemExit(main())"
    ports = [f"--{use}-port=0" for use in NO_PORTS]
    done = subprocess.run(
        [sys.executable, "-c", code, "doctor", "--json", *ports],
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("CHOIR_")},
            "PYTHONPATH": str(info.parent),
            "CHOIR_STATE_DIR": str(tmp_path / "state"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (1, False)
    (found,) = [c for c in report["checks"] if c["problem"] == Problem.PACKAGES_OTHER]
    assert found["found"].startswith("solders is 0.31.0, ")
    assert set(found) == {"check", "verdict", "problem", "found", "advice"}


# ---- the node and the wallet


async def test_a_node_that_is_not_there(doctor: Doctor) -> None:
    url = f"http://127.0.0.1:{free_port()}/?api-key={SECRET}"
    found = await doctor.finds(Problem.RPC_UNREACHABLE, CHOIR_RPC_URL=url)
    assert found.found.startswith("cannot reach the node at http://127.0.0.1:")
    assert "choir up" in found.advice
    ws = f"ws://127.0.0.1:{free_port()}/{SECRET}"
    found = await doctor.finds(Problem.PUBSUB_UNREACHABLE, CHOIR_WS_URL=ws)
    assert "8900" in found.advice


async def test_nothing_that_was_asked_for_is_missing(doctor: Doctor) -> None:
    """A first `choir doctor`, with nothing running, fails for nothing."""
    doctor.more = {"ports": {use: free_port() for use in NO_PORTS}}
    findings = await doctor()
    assert not [f for f in findings if f.verdict is Verdict.FAIL]
    skipped = {f.check for f in findings if f.verdict is Verdict.SKIP}
    assert {"node", "database", "API", "indexer", "pub/sub"} <= skipped


async def test_an_address_where_something_else_answers(doctor: Doctor) -> None:
    server, port = await _serving(b"<html>It works!</html>")
    async with server:
        url = f"http://127.0.0.1:{port}"
        found = await doctor.finds(Problem.RPC_NOT_A_NODE, CHOIR_RPC_URL=url)
        assert f"what answers at {url} is no Solana node" in found.found
        found = await doctor.finds(Problem.API_NOT_CHOIR, CHOIR_API_URL=url)
        assert f"what answers at {url} is not Choir's API" in found.found
        ws = f"ws://127.0.0.1:{port}"
        assert await doctor.finds(Problem.PUBSUB_UNREACHABLE, CHOIR_WS_URL=ws)
        doctor.more = {"ports": {**NO_PORTS, "rpc": port}}
        assert await doctor.finds(Problem.PORT_TAKEN)


async def test_servers_that_never_answer_are_given_up(doctor: Doctor) -> None:
    server, port = await _serving(None)
    async with server, asyncio.timeout(PATIENT_S):
        doctor.more = {"limit_s": 0.2}
        findings = await doctor(
            CHOIR_RPC_URL=f"http://127.0.0.1:{port}",
            CHOIR_WS_URL=f"ws://127.0.0.1:{port}",
            CHOIR_DATABASE_URL=f"postgresql://u:{SECRET}@127.0.0.1:{port}/choir",
            CHOIR_API_URL=f"http://127.0.0.1:{port}",
            CHOIR_INDEXER_PORT=str(port),
        )
    named = {f.check: f.problem for f in findings}
    assert named["node"] is Problem.RPC_UNREACHABLE
    assert named["database"] is Problem.DATABASE_UNREACHABLE
    assert named["API"] is named["indexer"] is named["pub/sub"] is Problem.TIMED_OUT


async def test_a_cluster_without_the_program(doctor: Doctor) -> None:
    async with Localnet(Settings(http_port=0, ws_port=0, choir=False)) as localnet:
        found = await doctor.finds(Problem.PROGRAM_ABSENT, CHOIR_RPC_URL=localnet.rpc_url)
        assert str(PROGRAM_ID) in found.found
        assert "choir program deploy" in found.advice


async def test_a_cluster_with_another_build(doctor: Doctor, tmp_path: Path) -> None:
    other = tmp_path / "other.so"
    other.write_bytes(program_so().read_bytes() + b"\x01")
    settings = Settings(
        http_port=0, ws_port=0, choir=False, programs=(ProgramFile(PROGRAM_ID, other),)
    )
    async with Localnet(settings) as localnet:
        found = await doctor.finds(Problem.PROGRAM_OTHER, CHOIR_RPC_URL=localnet.rpc_url)
        assert "another build" in found.found


async def test_a_program_that_was_never_set_up(doctor: Doctor, bare_world: World) -> None:
    url = bare_world.localnet.rpc_url
    found = await doctor.finds(Problem.NOT_SET_UP, CHOIR_RPC_URL=url)
    assert "choir config init" in found.advice


async def test_clocks_that_differ(doctor: Doctor, world: World) -> None:
    url = world.localnet.rpc_url
    doctor.more = {"now": lambda: time.time() + 3600}
    found = await doctor.finds(Problem.CLOCK_SKEW, CHOIR_RPC_URL=url)
    assert re.match(r"this machine is 3\d\d\d s ahead of the cluster", found.found)
    doctor.more = {}
    await world.pass_time(7200)
    found = await doctor.finds(Problem.CLOCK_SKEW, CHOIR_RPC_URL=url)
    assert re.match(r"this machine is 7\d\d\d s behind the cluster", found.found)


async def test_wallets(doctor: Doctor, world: World) -> None:
    url, path = world.localnet.rpc_url, doctor.folder / "wallet.json"
    found = await doctor.finds(Problem.WALLET_MISSING, CHOIR_RPC_URL=url)
    assert (found.verdict, found.found) == (Verdict.WARN, "no wallet")
    assert "choir config new-key" in found.advice
    named = {"CHOIR_RPC_URL": url, "CHOIR_KEYPAIR": str(path)}
    found = await doctor.finds(Problem.WALLET_MISSING, **named)
    assert found.verdict is Verdict.FAIL
    assert str(path) in found.advice

    path.write_text(f'"{SECRET}"')
    path.chmod(0o600)
    found = await doctor.finds(Problem.WALLET_MALFORMED, **named)
    assert f"the key file {path} does not hold a key" in found.found
    path.unlink()

    signer = KeypairSigner.generate()
    signer.save(path)
    path.chmod(0o640)
    found = await doctor.finds(Problem.WALLET_EXPOSED, **named)
    assert found.advice == f"run: chmod 600 {path}"
    path.chmod(0o600)

    found = await doctor.finds(Problem.WALLET_NO_LAMPORTS, **named)
    assert found.found == f"{signer.pubkey} holds 0 lamports"
    await world.rpc.request_airdrop(signer.pubkey, SOL)
    found = await doctor.finds(Problem.WALLET_NO_TOKENS, **named)
    assert "holds 0 stake tokens" in found.found
    assert "choir faucet" in found.advice
    await world.mint_to(signer.pubkey, 1_000_000)
    doctor.more = {"key_file": path}
    findings = await doctor(CHOIR_RPC_URL=url, CHOIR_WS_URL=world.localnet.ws_url)
    well = {f.check for f in findings if f.verdict is Verdict.OK}
    assert {"node", "pub/sub", "program on the chain", "configuration", "clock", "wallet"} <= well
    assert next(f for f in findings if f.check == "funds").found.endswith("1 stake tokens")


# ---- the database, the indexer, the API


async def test_a_database_that_is_not_there_or_refuses(doctor: Doctor, database_url: str) -> None:
    url = f"postgresql://choir:{SECRET}@127.0.0.1:{free_port()}/choir"
    found = await doctor.finds(Problem.DATABASE_UNREACHABLE, CHOIR_DATABASE_URL=url)
    assert found.found.startswith("postgresql://127.0.0.1:")
    scheme, _, rest = database_url.partition("://")
    credentials, _, place = rest.rpartition("@")
    user = credentials.partition(":")[0]
    wrong = f"{scheme}://{user}:{SECRET}@{place}"
    found = await doctor.finds(Problem.DATABASE_REFUSED, CHOIR_DATABASE_URL=wrong)
    assert "password authentication failed" in found.found
    elsewhere = database_url.rpartition("/")[0] + "/nowhere"
    found = await doctor.finds(Problem.DATABASE_REFUSED, CHOIR_DATABASE_URL=elsewhere)
    assert 'database "nowhere" does not exist' in found.found
    assert credentials.partition(":")[2] not in str(found)
    assert services._too_old(14).problem is Problem.DATABASE_TOO_OLD  # type: ignore[union-attr]
    assert services._too_old(15) is None


async def test_what_choir_up_runs_is_looked_at_without_being_named(
    doctor: Doctor, reachable_dir: Path, world: World
) -> None:
    doctor.folder = reachable_dir.parent
    rpc, ws = (
        int(url.rpartition(":")[2]) for url in (world.localnet.rpc_url, world.localnet.ws_url)
    )
    doctor.more = {"ports": {**NO_PORTS, "rpc": rpc, "pubsub": ws}}
    with EmbeddedPostgres(reachable_dir / "postgres", durable=False) as server:
        findings = {f.check: f for f in await doctor()}
        assert server.url().rpartition("@")[0].rpartition(":")[2] not in str(findings)
    for check in ("node", "pub/sub", "program on the chain", "configuration", "database"):
        assert findings[check].verdict is Verdict.OK, findings[check]
    assert findings["ports"].verdict is Verdict.SKIP
    assert {f.check: f for f in await doctor()}["database"].verdict is Verdict.SKIP


async def test_a_schema_of_another_version(doctor: Doctor, database_url: str) -> None:
    findings = await doctor(CHOIR_DATABASE_URL=database_url)
    assert next(f for f in findings if f.check == "database").verdict is Verdict.OK
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE chain.alembic_version SET version_num = 'chain_0001'")
    found = await doctor.finds(Problem.DATABASE_SCHEMA, CHOIR_DATABASE_URL=database_url)
    assert re.match(r"schema chain is at chain_0001, this version needs chain_\d+", found.found)
    assert found.advice == "run: choir-indexer migrate"
    await connection.execute("UPDATE chain.alembic_version SET version_num = 'chain_9999'")
    found = await doctor.finds(Problem.DATABASE_SCHEMA, CHOIR_DATABASE_URL=database_url)
    assert "newer version of choir" in found.advice
    await connection.close()


async def test_a_mirror_of_another_chain_and_one_that_lags(
    doctor: Doctor, database_url: str, world: World
) -> None:
    settings = {"CHOIR_DATABASE_URL": database_url, "CHOIR_RPC_URL": world.localnet.rpc_url}
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO chain.meta (genesis_hash, program_id, epoch) VALUES ('other', 'x', 1)"
    )
    await connection.execute(
        "INSERT INTO chain.watermark (slot, commitment) VALUES (1, 'confirmed')"
    )
    found = await doctor.finds(Problem.DATABASE_OTHER_CHAIN, **settings)
    assert "the database mirrors chain other" in found.found
    genesis = str(await world.rpc.get_genesis_hash())
    await connection.execute("UPDATE chain.meta SET genesis_hash = $1", genesis)
    await connection.close()
    await world.rpc.request("localnet_warpSlots", [500])
    await world.localnet.advance()
    found = await doctor.finds(Problem.INDEXER_LAGGING, **settings)
    assert re.match(r"the mirror is at slot 1, \d+ behind the chain", found.found)


async def test_an_indexer_that_is_dead_or_says_it_lags(doctor: Doctor) -> None:
    found = await doctor.finds(Problem.INDEXER_DEAD, CHOIR_INDEXER_PORT=str(free_port()))
    assert "choir-indexer run" in found.advice
    state = State(SystemClock(), phase="catching up", slot=5, frontier=900)
    healthy, report = state.report(60)
    assert not healthy
    server, port = await _serving(json.dumps(report).encode(), 503)
    async with server:
        found = await doctor.finds(Problem.INDEXER_LAGGING, CHOIR_INDEXER_PORT=str(port))
    assert "s behind, at slot 5 of 900 (catching up, HTTP 503)" in found.found


async def test_an_api_that_is_dead_or_failing(doctor: Doctor) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    found = await doctor.finds(Problem.API_UNREACHABLE, CHOIR_API_URL=url)
    assert found.found.startswith(url)
    failing = Health(status="failing", database="failing").model_dump_json().encode()
    server, port = await _serving(failing, 503)
    async with server:
        url = f"http://127.0.0.1:{port}"
        found = await doctor.finds(Problem.API_FAILING, CHOIR_API_URL=url)
    assert found.found == f"{url}: its database is failing"


def test_the_page_explains_every_problem_and_no_other() -> None:
    headings = re.findall(r"^### `([a-z-]+)`$", PAGE.read_text(), re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert set(headings) == {str(problem) for problem in Problem}


def test_every_problem_is_brought_about_in_this_file() -> None:
    source = Path(__file__).read_text()
    assert [p.name for p in Problem if f"Problem.{p.name}" not in source] == []


def test_the_tool_that_names_who_holds_a_port_takes_what_is_advised() -> None:
    if shutil.which("ss") is None:
        pytest.skip("no iproute2 here")
    done = subprocess.run(["ss", "-ltnp", "sport = :8899"], capture_output=True, check=False)
    assert done.returncode == 0
