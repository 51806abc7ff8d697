"""``choir space`` against a running API."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.api.spaces.support import Process, TurnedClock, listening, until
from tests.api.support import Wallet

from choir.cli import main
from choir.wallet import KeypairSigner


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHOIR_ACCESS_TOKEN", "CHOIR_API_KEY", "CHOIR_API_URL", "CHOIR_KEYPAIR"):
        monkeypatch.delenv(name, raising=False)


async def _choir(*arguments: str) -> int:
    """The command, in a thread of its own, as its process would run it."""
    return await asyncio.to_thread(main, ["space", *arguments])


async def test_a_space_from_its_making_to_its_watching(
    api: Process,
    clock: TurnedClock,
    alice: Wallet,
    bob: Wallet,
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with listening(api) as url:
        mine = ("--api", url, "--token", alice.tokens["access_token"])
        object.__setattr__(
            api.deps,
            "settings",
            api.deps.settings.model_copy(update={"realtime_url": api.realtime.url}),
        )
        assert await _choir("create", "room", "--primes", "2,3,5", "--json", *mine) == 0
        space = json.loads(capfd.readouterr().out)["id"]
        assert await _choir("set", space, "1", "1.5", *mine) == 0
        assert capfd.readouterr().out == "version 1: phase 1 is 1.500000000 rad\n"
        assert await _choir("shift", space, "1", "--json", *mine, "--", "-0.5") == 0
        moved: dict[str, Any] = json.loads(capfd.readouterr().out)
        assert (moved["version"], round(moved["phase"], 9)) == (2, 1.0)
        assert await _choir("show", space, *mine) == 0
        shown = capfd.readouterr().out
        assert f"{space}  room" in shown
        assert "p=3           1.000000000 rad" in shown
        assert await _choir("list", *mine) == 0
        assert capfd.readouterr().out == f"{space}  v2  active  room\n"
        assert await _choir("invite", space, bob.address, "reader", *mine) == 0
        assert capfd.readouterr().out == f"{bob.address} is reader\n"
        theirs = ("--api", url, "--token", bob.tokens["access_token"])
        assert await _choir("shift", space, "0", "1", *theirs) == 1
        assert "this takes the role writer, yours is reader" in capfd.readouterr().err
        watching = asyncio.create_task(_choir("watch", space, "-n", "2", "--json", *theirs))
        await until(lambda: bool(api.realtime.sockets))
        assert await watching == 0
        lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        assert [line["type"] for line in lines] == ["joined", "telemetry"]


async def test_a_wallet_signs_in(
    api: Process, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = KeypairSigner.generate().save(tmp_path / "id.json")
    async with listening(api) as url:
        assert await _choir("list", "--api", url, "--keypair", str(path)) == 0
    assert "no spaces; make one with" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("list", "--token", "t", "--api-key", "k"), 2, "either --token or --api-key"),
        (("list", "--token", "t", "--api", "http://127.0.0.1:1"), 6, "no API answers at"),
        (("create", "--primes", "2,x", "--token", "t"), 2, "--primes takes numbers"),
        (("create", "--config", "/nowhere.json", "--token", "t"), 2, "cannot read /nowhere.json"),
        (("invite", "s", "w", "king", "--token", "t"), 2, "there is no role 'king'"),
    ],
)
def test_mistakes_are_named(
    arguments: tuple[str, ...], code: int, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["space", *arguments]) == code
    assert message in capfd.readouterr().err
