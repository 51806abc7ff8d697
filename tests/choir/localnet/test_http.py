"""The HTTP side: JSON-RPC's own errors, batches, odd requests, and faults on order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
from solders.pubkey import Pubkey
from tests.choir.localnet.helpers import SOL, RawRpc

from choir.localnet import Localnet, Settings
from choir.localnet.testing import ManualClock

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


@pytest.fixture
async def http(localnet: Localnet) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=localnet.rpc_url, timeout=5) as client:
        yield client


async def wire(localnet: Localnet, sent: bytes) -> bytes:
    """What comes back on a connection that is closed afterwards."""
    port = urlsplit(localnet.rpc_url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_an_unknown_method_is_said_so(rpc: RawRpc) -> None:
    error = await rpc.error("getEverything")
    assert error == {"code": -32601, "message": "Method not found"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"", -32700),
        (b"[]", -32600),
        (b"5", -32600),
        (b'{"id": 1, "method": "getSlot"}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 5}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "getSlot", "params": {"a": 1}}', -32602),
    ],
)
async def test_what_is_no_request_is_refused(rpc: RawRpc, body: bytes, code: int) -> None:
    answer = await rpc.post(body)
    assert answer["error"]["code"] == code
    assert answer["jsonrpc"] == "2.0"


async def test_a_batch_is_answered_in_order(rpc: RawRpc) -> None:
    calls = [
        {"jsonrpc": "2.0", "id": "a", "method": "getHealth"},
        {"jsonrpc": "2.0", "id": "b", "method": "nothing"},
        7,
        {
            "jsonrpc": "2.0",
            "id": "c",
            "method": "requestAirdrop",
            "params": [str(Pubkey.new_unique()), SOL],
        },
        {"jsonrpc": "2.0", "method": "getHealth"},
    ]
    answers = await rpc.post(calls)
    assert [a["id"] for a in answers] == ["a", "b", None, "c"]
    assert answers[0]["result"] == "ok"
    assert answers[1]["error"]["code"] == -32601
    assert answers[2]["error"]["code"] == -32600
    assert isinstance(answers[3]["result"], str)


async def test_pipelined_requests_are_answered_in_order(localnet: Localnet) -> None:
    wallet = str(Pubkey.new_unique())
    sent = b""
    for ident in range(5):
        call = {"jsonrpc": "2.0", "id": ident, "method": "requestAirdrop", "params": [wallet, SOL]}
        if ident % 2:
            call = {"jsonrpc": "2.0", "id": ident, "method": "getHealth", "params": []}
        body = json.dumps(call).encode()
        sent += HEAD + b"content-length: %d\r\n" % len(body)
        sent += b"connection: close\r\n\r\n" if ident == 4 else b"\r\n"
        sent += body
    answer = await wire(localnet, sent)
    bodies = [part.split(b"\r\n\r\n", 1)[1] for part in answer.split(b"HTTP/1.1 200 OK")[1:]]
    assert [json.loads(body)["id"] for body in bodies] == list(range(5))


async def test_a_chunked_body_is_read(localnet: Localnet) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"getHealth"}'
    answer = await wire(
        localnet,
        HEAD + b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
        b"5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (body[:5], len(body) - 5, body[5:]),
    )
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b'"result":"ok","id":1}')


async def test_what_is_not_http_is_refused(localnet: Localnet) -> None:
    assert (await wire(localnet, b"hello there\r\n\r\n")).startswith(b"HTTP/1.1 400")
    upgrade = (
        b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
    )
    answer = await wire(localnet, upgrade)
    assert b"have their own port" in answer


async def test_health_cors_and_other_verbs(http: httpx.AsyncClient) -> None:
    health = await http.get("/health")
    assert (health.status_code, health.text) == (200, "ok")
    asked = await http.options("/", headers={"origin": "http://localhost:3000"})
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == "*"
    assert asked.headers["access-control-allow-headers"] == "*"
    assert (await http.get("/")).status_code == 405
    assert (await http.put("/", content=b"x")).status_code == 405


async def test_a_body_that_does_not_say_it_is_json_is_refused(http: httpx.AsyncClient) -> None:
    call = b'{"jsonrpc":"2.0","id":1,"method":"getHealth"}'
    for kind, status in (
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("text/plain", 415),
    ):
        answer = await http.post("/", content=call, headers={"content-type": kind})
        assert answer.status_code == status
    assert "application/json is required" in answer.text


async def test_a_request_too_large_is_refused(localnet: Localnet, http: httpx.AsyncClient) -> None:
    most = localnet.settings.max_request_bytes
    answer = await http.post("/", content=b"x" * (most + 1))
    assert answer.status_code == 413
    assert str(most) in answer.text
    assert (await http.get("/health")).status_code == 200


async def test_an_injected_status_comes_once_and_with_retry_after(
    rpc: RawRpc, http: httpx.AsyncClient
) -> None:
    await rpc("localnet_injectFault", {"kind": "status", "status": 429, "retryAfter": 2})
    call = {"jsonrpc": "2.0", "id": 1, "method": "getSlot"}
    limited = await http.post("/", json=call)
    assert limited.status_code == 429
    assert limited.headers["retry-after"] == "2"
    assert (await http.post("/", json=call)).status_code == 200


async def test_a_dropped_answer_may_have_taken_effect(rpc: RawRpc) -> None:
    wallet = str(Pubkey.new_unique())
    await rpc("localnet_injectFault", {"kind": "drop", "methods": ["requestAirdrop"]})
    with pytest.raises(httpx.RemoteProtocolError):
        await rpc("requestAirdrop", wallet, SOL)
    assert (await rpc("getBalance", wallet, {"commitment": "confirmed"}))["value"] == SOL
    await rpc(
        "localnet_injectFault", {"kind": "drop", "before": True, "methods": ["requestAirdrop"]}
    )
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await rpc("requestAirdrop", wallet, SOL)
    assert (await rpc("getBalance", wallet, {"commitment": "confirmed"}))["value"] == SOL


async def test_a_delay_is_on_the_localnets_clock(rpc: RawRpc, clock: ManualClock) -> None:
    await rpc("localnet_injectFault", {"kind": "delay", "seconds": 30, "methods": ["getHealth"]})
    late = asyncio.ensure_future(rpc("getHealth"))
    await clock.waiting()
    assert not late.done()
    clock.tick(30)
    assert await late == "ok"


async def test_a_fault_that_cannot_be_is_refused(rpc: RawRpc) -> None:
    for fault in ({}, {"kind": "explode"}, {"kind": "delay", "count": 0}, {"kind": "drop", "x": 1}):
        assert (await rpc.error("localnet_injectFault", fault))["code"] == -32602
    await rpc("localnet_injectFault", {"kind": "stall", "count": 3})
    assert await rpc("localnet_clearFaults") == 1
    assert await rpc("getHealth") == "ok"


async def test_slots_follow_the_clock() -> None:
    clock = ManualClock()
    timed = Settings(
        http_port=0, ws_port=0, choir=False, production="clock", slot_ms=400, finality_slots=2
    )
    async with Localnet(timed, clock) as localnet:
        rpc = RawRpc(localnet.rpc_url)
        for expected in range(1, 6):
            await clock.waiting()
            clock.tick(0.4)
            await clock.waiting()
            assert localnet.chain.heads.confirmed == expected
        assert await rpc("getSlot", {"commitment": "processed"}) == 6
        assert await rpc("getSlot", {"commitment": "confirmed"}) == 5
        assert await rpc("getSlot") == 3
        await rpc.http.aclose()


async def test_slots_with_transactions_close_at_once_and_the_pace_holds() -> None:
    clock = ManualClock()
    timed = Settings(http_port=0, ws_port=0, choir=False, slot_ms=400)
    async with Localnet(timed, clock) as localnet:
        rpc = RawRpc(localnet.rpc_url)
        heads = localnet.chain.heads

        def airdrop() -> asyncio.Future[str]:
            return asyncio.ensure_future(rpc("requestAirdrop", str(Pubkey.new_unique()), SOL))

        await clock.waiting()
        for expected in range(1, 5):
            answer = airdrop()
            await clock.waiting(within=0.03)
            assert not answer.done()
            clock.tick(0.025)
            # The answer comes with the confirmation.
            await answer
            assert heads.confirmed == expected
        # Four slots ahead of the pace are enough: the next closes when it would be five.
        answer = airdrop()
        await clock.waiting(within=0.31)
        clock.tick(0.29)
        await clock.waiting()
        assert heads.confirmed == 4
        clock.tick(0.01)
        await answer
        assert heads.confirmed == 5
        # Nothing more is sent: the sixth beat ends with the sixth slot, at 2.4 seconds.
        await clock.waiting()
        clock.tick(1.99)
        await clock.waiting()
        assert heads.confirmed == 5
        clock.tick(0.01)
        await clock.waiting(within=0.41)
        assert heads.confirmed == 6
        await rpc.http.aclose()


async def test_time_can_be_set_and_goes_on(rpc: RawRpc, clock: ManualClock) -> None:
    await rpc("localnet_setTime", 1_900_000_000)
    slot = await rpc("localnet_advance")
    assert await rpc("getBlockTime", slot) == 1_900_000_000
    clock.tick(100)
    await rpc("localnet_advance", 2)
    newest = await rpc("getSlot", {"commitment": "confirmed"})
    assert await rpc("getBlockTime", newest) == 1_900_000_100
    error = await rpc.error("localnet_setTime", 5)
    assert error["code"] == -32602
    assert "cannot go back" in error["message"]


async def test_blockhashes_can_be_expired(rpc: RawRpc) -> None:
    confirmed = {"commitment": "confirmed"}
    processed = {"commitment": "processed"}
    old = (await rpc("getLatestBlockhash", confirmed))["value"]["blockhash"]
    last = (await rpc("getLatestBlockhash", processed))["value"]["lastValidBlockHeight"]
    new = await rpc("localnet_expireBlockhashes")
    assert await rpc("getBlockHeight", confirmed) > last  # what clients take for a proof
    assert (await rpc("isBlockhashValid", old, confirmed))["value"] is False
    assert (await rpc("isBlockhashValid", new, confirmed))["value"] is True
    assert (await rpc("getLatestBlockhash", confirmed))["value"]["blockhash"] == new
