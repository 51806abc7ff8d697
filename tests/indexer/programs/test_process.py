"""The process with other programs: what it says of them, and that none of them stops it."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import asyncpg
import httpx
from solders.pubkey import Pubkey
from tests.indexer.programs.copied import an_address, object_at
from tests.indexer.test_process import GRACE_S, _environment, _ready, _run, _start

from choir.idl import load_idl
from choir.localnet import Localnet, Settings
from choir.localnet.settings import ProgramFile

COPY, NOWHERE = an_address(), Pubkey(bytes([9]) * 32)


async def test_programs_are_mirrored_and_reported_beside_choir(
    tmp_path: Path, empty_database_url: str
) -> None:
    (tmp_path / "stranger.so").write_bytes(object_at(COPY))
    (tmp_path / "idl.json").write_text(json.dumps(load_idl()))
    entries = [{"program_id": str(each), "idl": "idl.json"} for each in (COPY, NOWHERE)]
    listed = tmp_path / "programs.json"
    listed.write_text(json.dumps(entries))
    settings = Settings(
        http_port=0, ws_port=0, slot_ms=100,
        programs=(ProgramFile(COPY, tmp_path / "stranger.so"),),
    )  # fmt: skip
    async with Localnet(settings) as localnet:
        environment = _environment(localnet, empty_database_url, CHOIR_INDEXER_PROGRAMS=str(listed))
        process = await _start(environment, "run")
        url = await _ready(process)
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(GRACE_S):
            while True:
                answer = await http.get(f"{url}/health")
                report = answer.json()
                programs = report["programs"]
                if (
                    answer.status_code == 200
                    and programs[str(COPY)]["status"] == "ok"
                    and programs[str(NOWHERE)]["trouble"] is not None
                ):
                    break
            assert "is not on this chain" in programs[str(NOWHERE)]["trouble"]
            metrics = (await http.get(f"{url}/metrics")).text
        assert f'choir_indexer_program_lag_slots{{program="{COPY}"}}' in metrics
        assert "\nchoir_indexer_lag_slots" in metrics
        code, out, err = await _run(environment, "status", "--json")
        assert code == 0, err
        (mark,) = json.loads(out)["programs"]
        assert (mark["program"], mark["not_understood"]) == (str(COPY), 0)
        process.send_signal(signal.SIGTERM)
        _, said = await asyncio.wait_for(process.communicate(), GRACE_S)
        assert process.returncode == 0, said.decode()
        code, out, err = await _run(environment, "programs", "--rebuild", str(COPY))
        assert code == 0, err
        assert out.startswith(f"{COPY}: Config, ")
        connection = await asyncpg.connect(empty_database_url)
        assert await connection.fetch("SELECT FROM chain.program_watermarks") == []
        await connection.close()


async def test_a_wrong_file_is_said_at_the_start_and_ends_it(
    tmp_path: Path, empty_database_url: str
) -> None:
    listed = tmp_path / "programs.json"
    listed.write_text(json.dumps([{"program_id": str(COPY), "idl": "gone.json"}]))
    environment = _environment(None, empty_database_url, CHOIR_INDEXER_PROGRAMS=str(listed))
    code, out, err = await _run(environment, "run")
    assert (code, out) == (2, "")
    assert f"{listed}: programs[0].idl: {tmp_path / 'gone.json'}: No such file" in err
    assert "Traceback" not in err
