"""The stack as a unit: killed and started again, and what it says when it cannot start."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
from tests.e2e.conftest import CHOIR, INDEXER, Running, environment, run

from choir import instructions
from choir.accounts import PrivacyLevel
from choir.ids import content_hash, thread_pda
from choir.rpc import HttpRpc
from choir.sending import Sender
from choir.stack.first_run import read_config
from choir.stack.postgres import EmbeddedPostgres
from choir.wallet import KeypairSigner


async def _open_thread(rpc_url: str, thread_id: str, messages: int) -> None:
    """A thread with messages, straight to the chain: the mirror is still catching up."""
    config = await read_config(rpc_url)
    assert config is not None
    wallet = KeypairSigner.generate()
    deposit = config.params.min_thread_balance
    async with HttpRpc(rpc_url) as rpc:
        await rpc.request_airdrop(wallet.pubkey, 1_000_000_000)
        await rpc.request("localnet_mintTo", [str(wallet.pubkey), deposit])
        await rpc.request("localnet_advance", [1])
        sender = Sender(rpc)
        await sender.send(
            [
                instructions.create_thread(
                    creator=wallet.pubkey,
                    thread_id=thread_id,
                    deposit=deposit,
                    stake_mint=config.stake_mint,
                )
            ],
            signers=[wallet],
        )
        for index in range(messages):
            await sender.send(
                [
                    instructions.post_message(
                        author=wallet.pubkey,
                        thread=thread_pda(thread_id),
                        message_index=index,
                        content_hash=content_hash(f"message {index}"),
                        privacy=PrivacyLevel.PUBLIC,
                    )
                ],
                signers=[wallet],
            )


def test_killed_in_the_middle_it_starts_again_and_the_mirror_is_complete(
    state_dir: Path, up: Callable[..., Running]
) -> None:
    first = up(state_dir)
    asyncio.run(_open_thread(first.urls["rpc"], "before the kill", messages=3))
    first.kill()

    second = up(state_dir)
    asyncio.run(_open_thread(second.urls["rpc"], "after the kill", messages=1))
    told = run(
        CHOIR,
        "demo",
        "--json",
        env=environment(
            state_dir,
            CHOIR_API_URL=second.urls["api"],
            CHOIR_REALTIME_URL=second.urls["realtime"],
            CHOIR_RPC_URL=second.urls["rpc"],
        ),
    )
    assert told.code == 0, told.out + told.err

    thread = httpx.get(f"{second.urls['api']}/v1/thread/before the kill").json()["data"]
    assert thread["message_count"] == 3
    password = (state_dir / "postgres/password").read_text().strip()
    port = (state_dir / "postgres/data/postmaster.pid").read_text().splitlines()[3]
    report = run(
        INDEXER,
        "reconcile",
        "--json",
        env=environment(
            state_dir,
            CHOIR_DATABASE_URL=f"postgresql://choir:{password}@127.0.0.1:{port}/choir",
            CHOIR_RPC_URL=second.urls["rpc"],
            CHOIR_WS_URL=second.urls["ws"],
        ),
    )
    assert report.code == 0, report.out + report.err
    assert second.stop() == 0


def test_a_port_in_use_is_named(state_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        told = run(CHOIR, "up", f"--api-port={port}", env=environment(state_dir))
    assert told.code == 1
    assert f"port {port} (API) is in use" in told.err
    assert "Traceback" not in told.err


def test_no_postgres_at_the_url_is_said_with_what_to_do(state_dir: Path) -> None:
    url = "postgresql://choir:secret@127.0.0.1:1/choir"
    ports = [f"--{name}-port=0" for name in ("rpc", "pubsub", "api", "realtime")]
    told = run(CHOIR, "up", *ports, env=environment(state_dir, CHOIR_DATABASE_URL=url))
    assert told.code == 1
    assert "127.0.0.1:1" in told.err.replace("port 1", "127.0.0.1:1")
    assert "secret" not in told.err
    assert "Traceback" not in told.err


def test_a_second_stack_on_the_same_directory_is_refused(state_dir: Path) -> None:
    with EmbeddedPostgres(state_dir / "postgres", durable=False):
        ports = [f"--{name}-port=0" for name in ("rpc", "pubsub", "api", "realtime")]
        told = run(CHOIR, "up", *ports, env=environment(state_dir))
    assert told.code == 1
    assert "another running stack uses" in told.err


def test_the_doctor_sees_a_running_stack(state_dir: Path, up: Callable[..., Running]) -> None:
    stack = up(state_dir)
    told = run(
        CHOIR,
        "doctor",
        "--json",
        env=environment(
            state_dir, CHOIR_RPC_URL=stack.urls["rpc"], CHOIR_API_URL=stack.urls["api"]
        ),
    )
    checks = {each["check"]: each["verdict"] for each in json.loads(told.out)["checks"]}
    assert told.code == 0, told.out
    assert checks["node"] == checks["program on the chain"] == checks["configuration"] == "ok"
    assert checks["API"] == "ok"
