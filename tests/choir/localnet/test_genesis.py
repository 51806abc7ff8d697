"""What a localnet starts with, and what it says when it cannot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from tests.choir.localnet.helpers import SOL, RawRpc

from choir.localnet import Localnet, ProgramFile, Settings, SettingsError
from choir.localnet.testing import ManualClock

TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
ADDRESS = str(Pubkey(bytes([7]) * 32))


def account_file(path: Path, **changes: Any) -> Path:
    account = {
        "lamports": SOL,
        "data": ["aGVsbG8=", "base64"],
        "owner": str(TOKEN),
        "executable": False,
        "rentEpoch": 0,
        "space": 5,
        **changes,
    }
    path.write_text(json.dumps({"pubkey": ADDRESS, "account": account}))
    return path


async def test_accounts_come_from_files(settings: Settings, tmp_path: Path) -> None:
    loaded = replace(settings, accounts=(account_file(tmp_path / "account.json"),))
    async with Localnet(loaded, ManualClock()) as localnet:
        rpc = RawRpc(localnet.rpc_url)
        answer = await rpc("getAccountInfo", ADDRESS, {"encoding": "base64"})
        await rpc.http.aclose()
    assert answer["value"]["data"] == ["aGVsbG8=", "base64"]
    assert answer["value"]["lamports"] == SOL
    assert answer["value"]["owner"] == str(TOKEN)


@pytest.mark.parametrize(
    "changes", [{"data": ["zz", "base58"]}, {"data": ["?", "base64"]}, {"owner": "me"}]
)
async def test_an_account_file_that_is_none_is_named(
    settings: Settings, tmp_path: Path, changes: dict[str, Any]
) -> None:
    path = account_file(tmp_path / "account.json", **changes)
    with pytest.raises(SettingsError, match=r"account\.json is not in the form"):
        await Localnet(replace(settings, accounts=(path,))).start()
    missing = tmp_path / "missing.json"
    with pytest.raises(SettingsError, match=r"missing\.json cannot be read"):
        await Localnet(replace(settings, accounts=(missing,))).start()


async def test_a_program_that_is_none_is_named(
    settings: Settings, tmp_path: Path, program_id: Pubkey
) -> None:
    path = tmp_path / "program.so"
    for content, message in (
        (None, "cannot be read"),
        (b"#!/bin/sh", "not an ELF object"),
        (b"\x7fELF but not really", "cannot be loaded"),
    ):
        if content is not None:
            path.write_bytes(content)
        broken = replace(settings, programs=(ProgramFile(program_id, path),))
        with pytest.raises(SettingsError, match=message):
            await Localnet(broken).start()


async def test_another_build_of_a_kept_program_is_said(
    settings: Settings,
    tmp_path: Path,
    program_id: Pubkey,
    caplog: pytest.LogCaptureFixture,
) -> None:
    kept = replace(settings, state_dir=tmp_path / "state")
    async with Localnet(kept, ManualClock()):
        pass
    async with Localnet(kept, ManualClock()):
        assert caplog.records == []
    token = LiteSVM().get_account(TOKEN)
    assert token is not None
    other = tmp_path / "other.so"
    other.write_bytes(token.data)
    async with Localnet(replace(kept, programs=(ProgramFile(program_id, other),)), ManualClock()):
        [record] = caplog.records
    assert "another build of program" in record.getMessage()
    assert "--reset" in record.getMessage()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"slot_ms": 0}, "at least 1 ms"),
        ({"finality_slots": -1}, "cannot be negative"),
        ({"http_port": 70_000}, "not a port number"),
        ({"http_port": 5, "ws_port": 5}, "cannot share port 5"),
        ({"history_slots": 0}, "at least one"),
        ({"reset": True}, "state-dir"),
        ({"reset": True, "restore": "x", "state_dir": Path()}, "one of them"),
    ],
)
def test_settings_that_cannot_be_are_said(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Settings(**changes)
