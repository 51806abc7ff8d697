"""The process: its ready line, its answers over real sockets, its end, and what keeps it down."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from choir.stack.processes import die_with_parent

SOON = 60.0


async def _start(environment: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "choir_api",
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # a test that fails half-way leaves no server behind
        preexec_fn=die_with_parent(signal.SIGKILL),
    )


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "CHOIR_DATABASE_URL": database_url,
        "CHOIR_API_PORT": "0",
        "CHOIR_REALTIME_PORT": "0",
        "CHOIR_STATE_DIR": str(tmp_path),
    }


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


async def _refused(environment: dict[str, str]) -> tuple[int, str]:
    process = await _start(environment)
    async with asyncio.timeout(SOON):
        out, err = await process.communicate()
    assert out == b""
    assert process.returncode is not None
    return process.returncode, err.decode()


async def test_it_says_when_it_is_ready_answers_and_stops_in_time(
    environment: dict[str, str],
) -> None:
    process = await _start(environment)
    assert process.stdout is not None
    async with asyncio.timeout(SOON):
        line = json.loads(await process.stdout.readline())
    assert line["ready"] is True
    async with httpx.AsyncClient(base_url=line["api_url"]) as http:
        assert (await http.get("/health")).json()["status"] == "ok"
        threads = (await http.get("/v1/threads")).json()
        assert threads["data"] == {"items": [], "next_cursor": None}
    async with connect(f"{line['realtime_url']}/v1/ws", subprotocols=["choir.v1.json"]) as peer:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(3.0):
            assert await process.wait() == 0
        await peer.wait_closed()
        assert peer.close_code == 1001
    assert await process.stdout.read() == b""


@pytest.mark.parametrize("name", ["API", "REALTIME"])
async def test_a_taken_port_is_named(environment: dict[str, str], taken: int, name: str) -> None:
    code, said = await _refused(environment | {f"CHOIR_{name}_PORT": str(taken)})
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{taken} (Address already in use)" in said
    assert f"CHOIR_{name}_PORT" in said


async def test_no_postgres_at_the_url_is_said(environment: dict[str, str]) -> None:
    wrong = {"CHOIR_DATABASE_URL": "postgresql://choir:hunter2@127.0.0.1:1/choir"}
    code, said = await _refused(environment | wrong)
    assert code == 1
    assert "no usable PostgreSQL at 127.0.0.1:1/choir" in said
    assert "hunter2" not in said


async def test_a_wrong_setting_is_named(environment: dict[str, str]) -> None:
    code, said = await _refused(environment | {"CHOIR_JWT_SECRET": "short"})
    assert code == 2
    assert "CHOIR_JWT_SECRET" in said
