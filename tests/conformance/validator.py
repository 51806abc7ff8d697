"""`scripts/validator`: a real `solana-test-validator`, built once, run with the program loaded."""

from __future__ import annotations

import argparse
import asyncio
import base64
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from platformdirs import user_cache_path
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from choir.artifact import program_so
from choir.ids import PROGRAM_ID
from choir.localnet import tokens
from choir.stack.first_run import ensure_initialized
from choir.stack.host import free_port, port_is_free
from choir.stack.processes import die_with_parent
from choir.tokens import TOKEN_PROGRAM_ID, associated_token_address

VERSION = "4.2.2"
RUST = "1.95.0"
"""The toolchain this version was built with; another one is used when it is not there."""
SPEED_OVER_SIZE = {
    # a validator for tests: what matters is that it is built soon
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_DEBUG": "0",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
}
PACKAGES = "protobuf-compiler libclang-14-dev pkg-config libssl-dev libudev-dev cmake"
NO_DEPLOYMENT_OF_SBPF_V0 = "B8JJXCy5amZyWG9r7EnUYLwzXSXTxG7GZ1qZ1qggo83g"
"""The feature of SIMD-0500. A test validator has every feature on; the public clusters do not have
this one, and would refuse the program with it."""
DECIMALS = 6
FUNDER_TOKENS = 10**15
"""Base units of the stake token the one wallet starts with."""
MINT_LAMPORTS, ACCOUNT_LAMPORTS = 1_461_600, 2_039_280
PORTS = 30
READY_S, STOP_S = 90.0, 20.0


class ValidatorError(Exception):
    """It cannot be built or run; the message says why and what to do."""


def home() -> Path:
    """Where it is kept: `CHOIR_VALIDATOR_DIR`, or a folder of the user's cache."""
    given = os.environ.get("CHOIR_VALIDATOR_DIR")
    return Path(given) if given else user_cache_path("choir") / "validator" / VERSION


def binary() -> Path:
    """The executable, whether it is there or not."""
    return home() / "bin" / "solana-test-validator"


# ---- building


def build(jobs: int) -> None:
    """Build it unless it is there; a second one that wants to waits for the first.

    Raises:
        ValidatorError: a tool is missing, or the build failed.
    """
    folder = home()
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / "build.lock"):
        if binary().exists():
            return
        command = [*_cargo(), "install", "agave-validator", "--version", VERSION, "--locked"]
        command += ["--bin", "solana-test-validator", "--root", str(folder), "-j", str(jobs)]
        environment = {**os.environ, **SPEED_OVER_SIZE, "CARGO_TARGET_DIR": str(folder / "target")}
        print(f"validator: building {VERSION} in {folder}; this takes a while", file=sys.stderr)
        nice = ["nice", "-n", "19"] if shutil.which("nice") else []
        done = subprocess.run([*nice, *command], env=environment, stdout=sys.stderr, check=False)
        if done.returncode != 0:
            raise ValidatorError(
                f"the build failed; a run after mending goes on from there. On Debian it needs"
                f" apt-get install {PACKAGES}"
            )
        shutil.rmtree(folder / "target", ignore_errors=True)


def _cargo() -> list[str]:
    if shutil.which("protoc") is None or shutil.which("cargo") is None:
        raise ValidatorError(f"building it needs cargo, and on Debian apt-get install {PACKAGES}")
    pinned = ["cargo", f"+{RUST}"]
    found = subprocess.run([*pinned, "--version"], capture_output=True, check=False)
    return pinned if found.returncode == 0 else ["cargo"]


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# ---- running


@dataclass(frozen=True)
class Running:
    """A validator that is ready."""

    rpc_url: str
    ws_url: str
    stake_mint: Pubkey
    authority: Path

    def to_json(self) -> dict[str, Any]:
        """For whoever started it."""
        return {
            "ready": True,
            "rpc_url": self.rpc_url,
            "ws_url": self.ws_url,
            "stake_mint": str(self.stake_mint),
            "authority": str(self.authority),
        }


def _accounts(folder: Path, authority: Pubkey, mint: Pubkey) -> list[str]:
    """Options that preload the stake mint and the authority's tokens."""
    held = associated_token_address(authority, mint)
    state = bytes(mint) + bytes(authority) + FUNDER_TOKENS.to_bytes(8, "little")
    state = state + bytes(36) + b"\x01" + bytes(56)
    options = []
    for address, data, lamports in (
        (mint, tokens.pack_mint(authority, DECIMALS, FUNDER_TOKENS), MINT_LAMPORTS),
        (held, state, ACCOUNT_LAMPORTS),
    ):
        path = folder / f"{address}.json"
        account = {
            "lamports": lamports,
            "data": [base64.b64encode(data).decode(), "base64"],
            "owner": str(TOKEN_PROGRAM_ID),
            "executable": False,
            "rentEpoch": 2**64 - 1,
            "space": len(data),
        }
        path.write_text(json.dumps({"pubkey": str(address), "account": account}))
        options += ["--account", str(address), str(path)]
    return options


def _base_port(wanted: int) -> int:
    """The first of `PORTS` free ports in a row, for all it listens on; `wanted` if not 0."""
    if wanted:
        if all(map(port_is_free, (wanted, wanted + 1))):
            return wanted
        raise ValidatorError(f"port {wanted} or {wanted + 1} is in use; give another --rpc-port")
    for _ in range(50):
        first = free_port()
        if first + PORTS < 65_536 and all(map(port_is_free, range(first, first + PORTS))):
            return first
    raise ValidatorError(f"no {PORTS} free ports in a row were found; give --rpc-port")


def _key_file(path: Path) -> Keypair:
    if not path.exists():
        path.touch(0o600)
        path.write_text(Keypair().to_json())
    return Keypair.from_json(path.read_text())


async def serve(folder: Path, asked: argparse.Namespace) -> None:
    """Run it until SIGTERM or Ctrl-C. Raises ValidatorError."""
    authority_file = asked.authority or folder / "authority.json"
    authority, mint = _key_file(authority_file), Keypair()
    rpc = _base_port(asked.rpc_port)
    others = _base_port(0)
    host = "127.0.0.1"
    command = [str(binary()), "--quiet", "--reset", "--ledger", str(folder / "ledger")]
    command += ["--bind-address", host, "--rpc-port", str(rpc)]
    command += ["--faucet-port", str(others), "--gossip-port", str(others + 1)]
    command += ["--dynamic-port-range", f"{others + 2}-{others + PORTS - 1}"]
    command += ["--deactivate-feature", NO_DEPLOYMENT_OF_SBPF_V0]
    command += ["--mint", str(authority.pubkey()), "--limit-ledger-size", "100000000"]
    if asked.program:
        command += ["--upgradeable-program", str(PROGRAM_ID), str(program_so())]
        command += [str(authority.pubkey())]
    command += _accounts(folder, authority.pubkey(), mint.pubkey())
    if asked.geyser_plugin_config is not None:
        command += ["--geyser-plugin-config", str(asked.geyser_plugin_config)]
    with (folder / "output.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    ended = asyncio.ensure_future(process.wait())
    asked_to_stop = asyncio.ensure_future(stopped.wait())
    running = Running(
        f"http://{host}:{rpc}", f"ws://{host}:{rpc + 1}", mint.pubkey(), authority_file.absolute()
    )
    ready = asyncio.ensure_future(_ready(running, asked))
    try:
        await asyncio.wait([ready, ended, asked_to_stop], return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            said = (folder / "output.log").read_text(errors="replace").strip().splitlines()
            raise ValidatorError(
                f"it ended with exit code {process.returncode}: {' / '.join(said[-5:])}"
            )
        if ready.done():
            ready.result()
            print(json.dumps(running.to_json()) if asked.json else _text(running), flush=True)
            await asyncio.wait([ended, asked_to_stop], return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise ValidatorError(f"it ended with exit code {process.returncode}")
    finally:
        ready.cancel()
        asked_to_stop.cancel()
        await _stop(process)


async def _ready(running: Running, asked: argparse.Namespace) -> None:
    """Wait until it is healthy and has a root, then set the program up."""
    give_up = time.monotonic() + READY_S
    async with httpx.AsyncClient(timeout=5) as http:
        while True:
            call = {"jsonrpc": "2.0", "id": 1, "method": "getSlot"}
            try:
                answer = (await http.post(running.rpc_url, json=call)).json()
            except httpx.TransportError:
                answer = {}
            if answer.get("result", 0) > 0:
                break
            if time.monotonic() > give_up:
                raise ValidatorError(f"it was not ready after {READY_S:.0f} s")
            await asyncio.sleep(0.2)
    if asked.program:
        await ensure_initialized(running.rpc_url, running.authority, running.stake_mint)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def _text(running: Running) -> str:
    return "\n".join(
        (
            f"RPC        {running.rpc_url}",
            f"pub/sub    {running.ws_url}",
            f"mint       {running.stake_mint}  (the stake token, {DECIMALS} decimals)",
            f"authority  {running.authority}",
            "the authority may upgrade the program and mint, and holds SOL and stake tokens;",
            f"for the demo: --rpc-url {running.rpc_url} --ws-url {running.ws_url}"
            f" --funder {running.authority}",
            "stop with Ctrl-C",
        )
    )


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="scripts/validator",
        description=f"A real solana-test-validator {VERSION}, kept in {home()}"
        " (CHOIR_VALIDATOR_DIR names another place).",
    )
    add = parser.add_argument
    add("--build", action="store_true", help="only build it")
    add("--jobs", type=int, default=2, help="compilers at once (default: %(default)s)")
    add("--rpc-port", type=int, default=8899, help="JSON-RPC; pub/sub is the next one; 0: free")
    add("--authority", type=Path, help="key file to use, made when missing (default: a new key)")
    add("--ledger-dir", type=Path, help="folder for ledger and keys (default: a temporary one)")
    add("--no-program", dest="program", action="store_false", help="without the Choir program")
    add("--geyser-plugin-config", type=Path, help="a plugin that streams what happens, as its JSON")
    add("--json", action="store_true", help="say it is ready in one line of JSON")
    return parser.parse_args()


def main() -> int:
    """0: stopped; 1: it cannot be built or run."""
    asked = arguments()
    try:
        build(asked.jobs)
        if asked.build:
            print(binary())
            return 0
        if asked.ledger_dir is not None:
            asked.ledger_dir.mkdir(parents=True, exist_ok=True)
            asyncio.run(serve(asked.ledger_dir, asked))
            return 0
        with tempfile.TemporaryDirectory(prefix="choir-validator-") as folder:
            asyncio.run(serve(Path(folder), asked))
    except ValidatorError as error:
        print(f"validator: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
