"""A localnet with a state directory: killed, started again, and nothing confirmed is lost."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.choir.localnet.helpers import SOL, RawRpc

from choir.accounts import Config
from choir.ids import config_pda
from choir.localnet import Localnet, Settings, SettingsError
from choir.localnet.genesis import account_from_json
from choir.localnet.journal import SqliteJournal
from choir.localnet.testing import ManualClock
from choir.stack.first_run import LOCALNET_PARAMS

Start = Callable[..., "Process"]


class Process:
    """A localnet in a process of its own."""

    def __init__(self, *options: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-m", "choir.localnet", "--rpc-port", "0", "--ws-port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        self.ready: dict[str, Any] = json.loads(line) if line else {}

    def call(self, method: str, *params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = httpx.post(self.ready["rpc_url"], json=body, timeout=60).json()
        assert "error" not in answer, answer
        return answer["result"]

    def end(self, number: int) -> tuple[int, str]:
        self.child.send_signal(number)
        _, errors = self.child.communicate(timeout=60)
        return self.child.returncode, errors


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Process] = []

    def begin(*options: str) -> Process:
        process = Process(*options)
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.child.poll() is None:
            process.child.kill()
        with suppress(ValueError):
            process.child.communicate(timeout=60)


def options(tmp_path: Path, memo_object: Path, program_id: Pubkey) -> list[str]:
    return [
        "--no-choir",
        "--production",
        "transaction",
        "--finality-slots",
        "3",
        "--program",
        f"{program_id}={memo_object}",
        "--state-dir",
        str(tmp_path / "state"),
    ]


def test_a_killed_localnet_goes_on_where_it_was(
    start: Start, tmp_path: Path, memo_object: Path, program_id: Pubkey
) -> None:
    given = options(tmp_path, memo_object, program_id)
    first = start(*given)
    alice, bob = str(Keypair().pubkey()), str(Keypair().pubkey())
    airdrop = first.call("requestAirdrop", alice, 3 * SOL)
    minted = first.call("localnet_mintTo", bob, 5_000_000)
    first.call("localnet_setTime", 4_000_000_000)
    confirmed = {"commitment": "confirmed"}
    before = {
        "block": first.call("getBlock", 2, {**confirmed, "maxSupportedTransactionVersion": 0}),
        "transaction": first.call("getTransaction", minted["signature"], confirmed),
        "history": first.call("getSignaturesForAddress", alice, confirmed),
        "program": first.call("getAccountInfo", str(program_id), {"encoding": "base64"}),
    }
    blockhash = first.call("getLatestBlockhash", confirmed)["value"]["blockhash"]
    slot = first.call("getSlot", confirmed)
    code, _ = first.end(signal.SIGKILL)
    assert code == -signal.SIGKILL

    second = start(*given)
    for name in ("genesis_hash", "stake_mint", "faucet", "program_id"):
        assert second.ready[name] == first.ready[name]
    assert second.call("getSlot", confirmed) == slot
    assert second.call("getBalance", alice)["value"] == 3 * SOL
    held = second.call("getTokenAccountBalance", minted["account"], confirmed)
    assert held["value"]["uiAmountString"] == "5"
    after_history = second.call("getSignaturesForAddress", alice, confirmed)
    assert [h["signature"] for h in after_history] == [airdrop]
    # What was confirmed is final after a restart; nothing else about it changes.
    assert [{**h, "confirmationStatus": ""} for h in after_history] == [
        {**h, "confirmationStatus": ""} for h in before["history"]
    ]
    shown = second.call("getBlock", 2, {**confirmed, "maxSupportedTransactionVersion": 0})
    assert shown == before["block"]
    assert second.call("getTransaction", minted["signature"], confirmed) == before["transaction"]
    program = second.call("getAccountInfo", str(program_id), {"encoding": "base64"})
    assert program["value"] == before["program"]["value"]
    [status] = second.call("getSignatureStatuses", [airdrop])["value"]
    assert status["err"] is None
    assert status["confirmationStatus"] == "finalized"
    # Its blockhashes are still good, and its clock did not go back.
    assert second.call("isBlockhashValid", blockhash, confirmed)["value"] is True
    assert second.call("localnet_info")["time"] >= 4_000_000_000
    second.call("requestAirdrop", alice, SOL)
    assert second.call("getBalance", alice, confirmed)["value"] == 4 * SOL
    assert second.call("getSlot", confirmed) == slot + 1


def test_it_stops_cleanly_and_keeps_its_keys_to_itself(
    start: Start, tmp_path: Path, memo_object: Path, program_id: Pubkey
) -> None:
    process = start(*options(tmp_path, memo_object, program_id))
    code, errors = process.end(signal.SIGTERM)
    assert code == 0
    assert errors == ""
    keys = sorted((tmp_path / "state" / "keys").iterdir())
    assert len(keys) == 5
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def test_a_second_localnet_on_the_same_state_is_refused(
    start: Start, tmp_path: Path, memo_object: Path, program_id: Pubkey
) -> None:
    given = options(tmp_path, memo_object, program_id)
    first = start(*given)
    second = start(*given, "--reset")
    _, errors = second.child.communicate(timeout=60)
    assert second.child.returncode == 3
    assert "another localnet holds" in errors
    assert first.call("getHealth") == "ok"


def test_a_port_in_use_is_said_and_is_an_exit_code(start: Start) -> None:
    first = start("--no-choir")
    port = first.ready["rpc_url"].rsplit(":", 1)[1]
    second = start("--no-choir", "--rpc-port", port)
    _, errors = second.child.communicate(timeout=60)
    assert second.child.returncode == 3
    assert f"the RPC port {port} on 127.0.0.1 cannot be used" in errors
    assert "--rpc-port" in errors
    assert "Traceback" not in errors


def test_the_program_is_set_up_once_when_asked(start: Start, tmp_path: Path) -> None:
    given = ["--set-up", "--production", "transaction", "--state-dir", str(tmp_path)]
    config = str(config_pda())
    confirmed = {"commitment": "confirmed", "encoding": "base64"}
    first = start(*given)
    before = first.call("getAccountInfo", config, confirmed)["value"]
    assert Config.decode(base64.b64decode(before["data"][0])).params == LOCALNET_PARAMS
    first.end(signal.SIGTERM)
    second = start(*given)
    assert second.call("getAccountInfo", config, confirmed)["value"] == before
    assert second.call("getTransactionCount", confirmed) == 2  # its airdrop, and the set-up


@pytest.mark.parametrize("option", [["--no-choir"], ["--production", "manual"]])
def test_what_cannot_be_set_up_is_refused(start: Start, option: list[str]) -> None:
    process = start("--set-up", *option)
    _, errors = process.child.communicate(timeout=60)
    assert process.child.returncode == 3
    assert "it goes neither with" in errors


def test_reset_starts_another_chain(
    start: Start, tmp_path: Path, memo_object: Path, program_id: Pubkey
) -> None:
    given = options(tmp_path, memo_object, program_id)
    first = start(*given)
    alice = str(Keypair().pubkey())
    first.call("requestAirdrop", alice, SOL)
    first.end(signal.SIGTERM)
    second = start(*given, "--reset")
    assert second.ready["genesis_hash"] != first.ready["genesis_hash"]
    assert second.ready["stake_mint"] == first.ready["stake_mint"]
    assert second.call("getBalance", alice, {"commitment": "confirmed"})["value"] == 0


async def test_a_closed_account_stays_closed_and_forks_are_journaled(
    settings: Settings, tmp_path: Path
) -> None:
    kept = replace(settings, state_dir=tmp_path / "state")
    address, other = str(Pubkey.new_unique()), str(Pubkey.new_unique())
    account = {"lamports": SOL, "data": ["", "base64"], "owner": str(Pubkey.default())}
    async with Localnet(kept, ManualClock()) as localnet:
        rpc = RawRpc(localnet.rpc_url)
        await rpc("localnet_setAccount", address, account)
        await rpc("localnet_setAccount", address, None)
        lost = await rpc("requestAirdrop", other, SOL)
        slot = await rpc("localnet_fork", 1)
        assert (await rpc("getSignatureStatuses", [lost]))["value"] == [None]
        assert (await rpc("getBalance", other, {"commitment": "processed"}))["value"] == 0
        assert await rpc("getSlot", {"commitment": "confirmed"}) == slot
        await rpc.http.aclose()
    async with Localnet(kept, ManualClock()) as localnet:
        rpc = RawRpc(localnet.rpc_url)
        assert await rpc("getSlot", {"commitment": "confirmed"}) == slot
        for gone in (address, other):
            assert (await rpc("getAccountInfo", gone))["value"] is None
        await rpc.http.aclose()


async def test_a_caller_that_gives_up_leaves_no_slot_half_closed(
    settings: Settings, tmp_path: Path
) -> None:
    kept = replace(settings, production="manual", state_dir=tmp_path / "state")
    async with Localnet(kept, ManualClock()) as localnet:
        for _ in range(5):
            impatient = asyncio.ensure_future(localnet.advance())
            await asyncio.sleep(0)
            impatient.cancel()
        assert await localnet.advance() == 6
    async with Localnet(kept, ManualClock()) as localnet:
        assert localnet.chain.heads.confirmed == 6


async def test_a_slot_that_cannot_be_kept_is_not_confirmed(
    settings: Settings, tmp_path: Path
) -> None:
    kept = replace(settings, production="manual", state_dir=tmp_path / "state")
    async with Localnet(kept, ManualClock()) as localnet:
        await localnet.advance()
        # A full disk, as far as SQLite is concerned: the file may not grow any more.
        journal = localnet.producer.journal
        assert isinstance(journal, SqliteJournal)
        journal._db.execute("PRAGMA max_page_count = 1")
        data = base64.b64encode(random.Random(1).randbytes(1_000_000)).decode()
        account = {"lamports": 10**10, "data": [data, "base64"], "owner": "1" * 32}
        localnet.chain.set_account(Pubkey.new_unique(), account_from_json(account))
        with pytest.raises(sqlite3.OperationalError, match="full"):
            await localnet.advance()
        assert localnet.chain.heads.confirmed == 1
        with pytest.raises(RuntimeError, match="could not be kept"):
            await localnet.advance()
        with pytest.raises(sqlite3.OperationalError):
            await localnet.failure()


async def test_a_saved_chain_is_restored(settings: Settings, tmp_path: Path) -> None:
    kept = replace(settings, state_dir=tmp_path / "state")
    wallet = str(Pubkey.new_unique())
    async with Localnet(kept, ManualClock()) as localnet:
        rpc = RawRpc(localnet.rpc_url)
        await rpc("requestAirdrop", wallet, SOL)
        saved = Path(await rpc("localnet_save", "before"))
        assert saved == tmp_path / "state" / "snapshots" / "before.sqlite"
        twice = await rpc.error("localnet_save", "before")
        assert "already" in twice["message"]
        outside = await rpc.error("localnet_save", "../before")
        assert outside["code"] == -32602
        await rpc("requestAirdrop", wallet, SOL)
        genesis = await rpc("getGenesisHash")
        await rpc.http.aclose()
    async with Localnet(replace(kept, restore="before"), ManualClock()) as localnet:
        rpc = RawRpc(localnet.rpc_url)
        assert await rpc("getGenesisHash") == genesis
        assert (await rpc("getBalance", wallet))["value"] == SOL
        await rpc("requestAirdrop", wallet, SOL)
        await rpc.http.aclose()
    elsewhere = tmp_path / "elsewhere.sqlite"
    elsewhere.write_bytes(saved.read_bytes())  # noqa: ASYNC240 - nothing else runs
    async with Localnet(replace(kept, restore=str(elsewhere)), ManualClock()) as localnet:
        rpc = RawRpc(localnet.rpc_url)
        assert (await rpc("getBalance", wallet))["value"] == SOL
        await rpc.http.aclose()
    with pytest.raises(SettingsError, match="there is no snapshot"):
        await Localnet(replace(kept, restore="after")).start()


async def test_a_lost_key_is_named(settings: Settings, tmp_path: Path) -> None:
    kept = replace(settings, state_dir=tmp_path)
    async with Localnet(kept, ManualClock()):
        pass
    faucet = tmp_path / "keys" / "faucet.json"
    faucet.unlink()
    with pytest.raises(SettingsError, match="begun with the faucet"):
        await Localnet(kept).start()
    faucet.write_text("not a key")
    with pytest.raises(SettingsError, match=r"faucet\.json is not a keypair file"):
        await Localnet(kept).start()


async def test_a_journal_of_another_version_is_said_so(settings: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "localnet.sqlite")) as database:
        database.execute("PRAGMA user_version = 1")
    with pytest.raises(SettingsError, match="another version of the localnet"):
        await Localnet(replace(settings, state_dir=tmp_path)).start()
    async with Localnet(replace(settings, state_dir=tmp_path, reset=True), ManualClock()):
        pass


async def test_a_journal_that_is_none_is_said_so(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "localnet.sqlite").write_bytes(b"this is not a database" * 100)
    with pytest.raises(SettingsError, match="not a usable localnet journal"):
        await Localnet(replace(settings, state_dir=tmp_path)).start()
    async with Localnet(replace(settings, state_dir=tmp_path, reset=True), ManualClock()):
        pass
