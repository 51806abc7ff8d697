"""The process as a supervisor sees it: a ready line, health, metrics, a clean end, plain words."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest

from choir.localnet import Localnet, Settings
from choir_indexer.store import migrate

GRACE_S = 60


@pytest.fixture
async def localnet() -> AsyncIterator[Localnet]:
    async with Localnet(Settings(http_port=0, ws_port=0, slot_ms=100)) as running:
        yield running


def _environment(localnet: Localnet | None, url: str, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CHOIR_")}
    if localnet is not None:
        more |= {"CHOIR_RPC_URL": localnet.rpc_url, "CHOIR_WS_URL": localnet.ws_url}
    return {**kept, "CHOIR_DATABASE_URL": url, **more}


async def _start(environment: Mapping[str, str], *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "choir_indexer", *words, env=dict(environment),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def _ready(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), GRACE_S)
    if not line:
        assert process.stderr is not None
        pytest.fail((await process.stderr.read()).decode())
    said = json.loads(line)
    assert said["ready"] is True
    return str(said["indexer_url"])


async def _run(environment: Mapping[str, str], *words: str) -> tuple[int, str, str]:
    process = await _start(environment, *words)
    out, err = await asyncio.wait_for(process.communicate(), GRACE_S)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_from_ready_to_a_clean_end(localnet: Localnet, empty_database_url: str) -> None:
    environment = _environment(localnet, empty_database_url)
    process = await _start(environment, "run")
    url = await _ready(process)
    async with httpx.AsyncClient(trust_env=False) as http:
        while (answer := await http.get(f"{url}/health")).status_code != 200:
            assert answer.status_code == 503
        report = answer.json()
        assert report["status"] == "ok"
        assert report["lag_s"] <= report["max_lag_s"]
        metrics = (await http.get(f"{url}/metrics")).text
        assert "choir_indexer_watermark_slot" in metrics
        assert (await http.post(f"{url}/vectors/count")).status_code == 404  # hosts none
    code, out, _ = await _run(environment, "status", "--json")
    said = json.loads(out)
    assert code == 0
    assert said["watermark"] is not None
    assert said["rows"]["dead_letters"] == 0
    assert (said["gaps"], said["alerts"], said["rollbacks"], said["reconciled"]) == (
        [],
        [],
        0,
        None,
    )
    assert said["lease"]["application"].startswith("choir-indexer ")
    code, out, _ = await _run(environment, "reconcile", "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    code, out, _ = await _run(environment, "replay-dead-letters", "--json")
    assert (code, json.loads(out)["held_back"]) == (0, 0)
    code, _, err = await _run(environment, "retire")
    assert (code, "KEEP_EVENTS_DAYS is not set" in err) == (2, True)
    keeping = {**environment, "CHOIR_INDEXER_KEEP_EVENTS_DAYS": "30"}
    code, out, _ = await _run(keeping, "retire", "--json")
    assert (code, json.loads(out)) == (0, {"ok": True, "events": 0, "transactions": 0})
    code, out, _ = await _run(keeping, "status", "--json")
    assert json.loads(out)["kept"]["events_days"] == 30
    process.send_signal(signal.SIGTERM)
    out_bytes, err = await asyncio.wait_for(process.communicate(), GRACE_S)
    assert process.returncode == 0, err.decode()
    assert out_bytes == b""
    code, out, _ = await _run(environment, "backfill", "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    code, out, _ = await _run(environment, "reconcile", "--json")
    said = json.loads(out)
    assert said["differences"] == []
    assert (code, said["behind"]) in ((0, False), (3, True))  # nobody follows the chain now


async def test_a_second_one_waits_until_the_first_is_gone(
    localnet: Localnet, empty_database_url: str
) -> None:
    environment = _environment(localnet, empty_database_url)
    first = await _start(environment, "run")
    await _ready(first)
    second = await _start(environment, "run")
    assert second.stderr is not None
    while b"another indexer" not in await asyncio.wait_for(second.stderr.readline(), GRACE_S):
        assert second.returncode is None
    first.kill()
    await _ready(second)
    second.terminate()
    await asyncio.gather(first.communicate(), second.communicate())
    assert second.returncode == 0


async def test_what_is_wrong_is_said_and_ends_it(
    localnet: Localnet, empty_database_url: str
) -> None:
    nowhere = "postgresql://choir:secret@127.0.0.1:1/choir"
    code, out, err = await _run(_environment(None, nowhere), "run")
    assert (code, out) == (1, "")
    assert "127.0.0.1:1/choir" in err
    assert "CHOIR_DATABASE_URL" in err
    assert "secret" not in err
    assert "Traceback" not in err

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        environment = _environment(localnet, empty_database_url, CHOIR_INDEXER_PORT=port)
        code, _, err = await _run(environment, "run")
    assert code == 1
    assert f"127.0.0.1:{port}" in err
    assert "CHOIR_INDEXER_PORT" in err

    other = "11111111111111111111111111111112"
    environment = _environment(localnet, empty_database_url, CHOIR_PROGRAM_ID=other)
    code, _, err = await _run(environment, "run")
    assert code == 1
    assert f"program {other} is not on this chain" in err

    code, _, err = await _run(_environment(None, "mysql://x", CHOIR_RPC_URL="ftp://x"), "status")
    assert code == 2
    assert "CHOIR_DATABASE_URL: " in err
    assert "CHOIR_RPC_URL: " in err


async def test_status_of_what_is_not_there(empty_database_url: str) -> None:
    environment = _environment(None, empty_database_url, CHOIR_RPC_URL="http://127.0.0.1:1")
    code, _, err = await _run(environment, "status")
    assert code == 1
    assert "choir-indexer migrate" in err
    await asyncio.to_thread(migrate, empty_database_url)
    code, out, _ = await _run(environment, "status", "--json")
    said = json.loads(out)
    assert code == 0
    assert said["watermark"] is None
    assert "127.0.0.1:1" in said["node_trouble"]
    code, _, _ = await _run(environment, "migrate", "--rebuild")
    assert code == 0
