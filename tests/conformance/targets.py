"""Clusters to run the suite against: our localnet, a real validator, or one that runs already."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.conformance.net import Cluster

from choir.stack.first_run import ensure_initialized, read_config

ROOT = Path(__file__).resolve().parent.parent.parent
READY_S = 120.0
STOP_S = 30.0


class TargetError(Exception):
    """A cluster cannot be started or used; the message says why and what to do."""


@dataclass(frozen=True)
class Keys:
    """Key files of those who may set the program up and mint its stake token."""

    authority: Path
    mint_authority: Path


@asynccontextmanager
async def localnet(slot_ms: int = 400) -> AsyncIterator[Cluster]:
    """Our localnet in a process of its own, new, on free ports."""
    with tempfile.TemporaryDirectory(prefix="choir-conformance-") as folder:
        command = [sys.executable, "-m", "choir.localnet", "--rpc-port", "0", "--ws-port", "0"]
        command += ["--slot-ms", str(slot_ms), "--state-dir", folder]
        async with _process("the localnet", command) as ready:
            keys = Path(folder) / "keys"
            yield await _prepared(
                "localnet",
                ready["rpc_url"],
                ready["ws_url"],
                Keys(keys / "upgrade-authority.json", keys / "mint-authority.json"),
                Pubkey.from_string(ready["stake_mint"]),
            )


@asynccontextmanager
async def validator() -> AsyncIterator[Cluster]:
    """A `solana-test-validator` by `scripts/validator`, new, on free ports."""
    command = [str(ROOT / "scripts" / "validator"), "--rpc-port", "0", "--json"]
    async with _process("scripts/validator", command) as ready:
        authority = Path(ready["authority"])
        yield await _prepared(
            "validator",
            ready["rpc_url"],
            ready["ws_url"],
            Keys(authority, authority),
            Pubkey.from_string(ready["stake_mint"]),
        )


@asynccontextmanager
async def running(rpc_url: str, ws_url: str, keys: Keys) -> AsyncIterator[Cluster]:
    """A cluster with a faucet on which the program is set up already."""
    config = await read_config(rpc_url)
    if config is None:
        raise TargetError(f"the program is not set up on {rpc_url}")
    yield await _prepared(rpc_url, rpc_url, ws_url, keys, config.stake_mint)


async def _prepared(
    name: str, rpc_url: str, ws_url: str, keys: Keys, stake_mint: Pubkey
) -> Cluster:
    await ensure_initialized(rpc_url, keys.authority, stake_mint)
    async with httpx.AsyncClient() as http:
        call = {"jsonrpc": "2.0", "id": 1, "method": "getVersion"}
        version = (await http.post(rpc_url, json=call)).json()["result"]["solana-core"]
    return Cluster(
        name, rpc_url, ws_url, _key(keys.authority), _key(keys.mint_authority), stake_mint, version
    )


def _key(path: Path) -> Keypair:
    return Keypair.from_json(path.read_text())


@asynccontextmanager
async def _process(name: str, command: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
    """A server that says it is ready in one line of JSON; stopped by SIGTERM."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), READY_S)
        if not line:
            raise TargetError(f"{name} ended before it was ready (exit {await process.wait()})")
        yield json.loads(line)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()
