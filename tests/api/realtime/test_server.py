"""The realtime server: the door, encodings, errors, bounds, heartbeat, stopping."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from choir.wire import CBOR, JSON, MSGPACK, Codec
from choir_api.realtime import (
    Close,
    Closing,
    Endpoint,
    Limits,
    Outgoing,
    PrometheusMetrics,
    RealtimeServer,
    Refused,
    Socket,
    Upgrade,
    broadcast,
)

SOON = 10.0


class Room(Endpoint[str]):
    """Echoes, fails, closes and floods on request."""

    subprotocols: ClassVar[dict[str, Codec]] = {
        "room.json": JSON,
        "room.msgpack": MSGPACK,
        "room.cbor": CBOR,
    }

    def __init__(self) -> None:
        self.sockets: list[Socket[str]] = []
        self.upgrades: list[Upgrade] = []

    async def admit(self, upgrade: Upgrade) -> str:
        self.upgrades.append(upgrade)
        if upgrade.bearer() == "wrong":
            raise Refused(403, "no", "Not you.", headers={"X-Why": "because"})
        return upgrade.bearer() or "nobody"

    async def serve(self, socket: Socket[str]) -> None:
        self.sockets.append(socket)
        async for frame in socket:
            kind = frame["type"]
            if kind == "echo":
                socket.accepted()
                socket.push({**frame, "who": socket.context, "where": dict(socket.params)})
            elif kind == "fail":
                raise RuntimeError("a secret of the server")
            elif kind == "close":
                raise Closing(4321, "as you wish")
            elif kind == "leave":
                return
            else:
                socket.error("unknown_type", "What?", reply_to=frame, hint=1)


@asynccontextmanager
async def room(
    **more: Any,
) -> AsyncIterator[tuple[Room, RealtimeServer, Callable[..., Any]]]:
    endpoint = Room()
    server = RealtimeServer({"/v1/ws": endpoint, "/rooms/{id}": endpoint}, **more)
    async with server.listening("127.0.0.1", 0):

        def open_(path: str = "/v1/ws", **options: Any) -> Any:
            return connect(server.url + path, compression=None, **options)

        yield endpoint, server, open_


async def ask(socket: ClientConnection, frame: Any, codec: Codec = JSON) -> dict[str, Any]:
    data = codec.encode(frame) if isinstance(frame, dict) else frame
    await socket.send(data if codec.binary or isinstance(data, str) else data.decode())
    return await answer(socket, codec)


async def answer(socket: ClientConnection, codec: Codec = JSON) -> dict[str, Any]:
    got = await asyncio.wait_for(socket.recv(), SOON)
    return codec.decode(got.encode() if isinstance(got, str) else got)


async def closed(socket: ClientConnection) -> int | None:
    await asyncio.wait_for(socket.wait_closed(), SOON)
    return socket.close_code


async def test_a_path_with_its_variables_and_credentials() -> None:
    async with (
        room() as (endpoint, _, open_),
        open_("/rooms/a%20b?x=1&x=2", additional_headers={"Authorization": "Bearer me"}) as socket,
    ):
        got = await ask(socket, {"type": "echo"})
        assert (got["who"], got["where"]) == ("me", {"id": "a b"})
        assert endpoint.upgrades[0].query == {"x": "2"}
        assert endpoint.upgrades[0].remote == "127.0.0.1"


@pytest.mark.parametrize(
    ("path", "options", "status", "code"),
    [
        ("/nowhere", {}, 404, "not_found"),
        ("/rooms/a/b", {}, 404, "not_found"),
        ("/v1/ws?token=wrong", {}, 403, "no"),
        ("/v1/ws", {"origin": "https://evil.test"}, 403, "origin_refused"),
        ("/v1/ws", {"subprotocols": ["else"]}, 400, "subprotocol_refused"),
    ],
)
async def test_the_door_says_why(
    path: str, options: dict[str, Any], status: int, code: str
) -> None:
    async with room(origins=["https://good.test"]) as (_, _, open_):
        with pytest.raises(InvalidStatus) as refused:
            await open_(path, **options)
        response = refused.value.response
        assert response.status_code == status
        assert response.headers["Content-Type"] == "application/problem+json"
        assert json.loads(response.body)["code"] == code
        if code == "no":
            assert response.headers["X-Why"] == "because"
        async with open_(origin="https://good.test") as socket:
            await ask(socket, {"type": "echo"})


async def test_plain_http_is_told_to_upgrade() -> None:
    async with room() as (_, server, _):
        host, port = server.url.removeprefix("ws://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /v1/ws HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await asyncio.wait_for(reader.read(4096), SOON)
        assert head.startswith(b"HTTP/1.1 426 ")
        writer.close()


async def test_no_more_sockets_than_there_is_room_for() -> None:
    async with room(limits=Limits(sockets=1)) as (_, _, open_), open_() as first:
        await ask(first, {"type": "echo"})
        with pytest.raises(InvalidStatus) as refused:
            await open_()
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"]


# encodings


@pytest.mark.parametrize("codec", [JSON, MSGPACK, CBOR], ids=lambda codec: codec.name)
@pytest.mark.parametrize("agreed", [True, False])
async def test_encodings(codec: Codec, agreed: bool) -> None:
    options = {"subprotocols": [f"room.{codec.name}"]} if agreed else {}
    async with room() as (_, _, open_), open_(**options) as socket:
        assert (await ask(socket, {"type": "echo", "x": [1.5, None]}, codec))["x"] == [1.5, None]


async def test_the_clients_preference_decides() -> None:
    async with (
        room() as (_, _, open_),
        open_(subprotocols=["else", "room.cbor", "room.json"]) as socket,
    ):
        assert socket.subprotocol == "room.cbor"


@pytest.mark.parametrize("message", ["{", "[]", '{"no": 1}', '{"type": 1}', b"\xff", b""])
async def test_what_cannot_be_read_is_answered(message: str | bytes) -> None:
    async with room() as (_, _, open_), open_() as socket:
        await socket.send(message)
        assert (await answer(socket))["type"] == "error"
        assert (await ask(socket, {"type": "echo"}))["type"] == "echo"


async def test_one_encoding_a_socket() -> None:
    async with room() as (_, _, open_), open_() as socket:
        await ask(socket, {"type": "echo"}, MSGPACK)
        await socket.send('{"type": "echo"}')
        assert "speaks msgpack" in (await answer(socket, MSGPACK))["message"]


# errors


async def test_an_error_names_what_it_answers() -> None:
    async with room() as (_, _, open_), open_() as socket:
        got = await ask(socket, {"type": "sing", "id": "q"})
        assert got == {
            "type": "error",
            "code": "unknown_type",
            "message": "What?",
            "hint": 1,
            "re": "q",
        }


async def test_too_many_errors_in_a_row_close() -> None:
    async with room(limits=Limits(errors=3)) as (_, _, open_), open_() as socket:
        for _ in range(2):
            await ask(socket, {"type": "sing"})
        await ask(socket, {"type": "echo"})  # starts the count anew
        for _ in range(3):
            await ask(socket, {"type": "sing"})
        assert await closed(socket) == Close.UNREADABLE


async def test_a_failure_closes_and_tells_nothing() -> None:
    async with room() as (_, _, open_), open_() as socket:
        got = await ask(socket, {"type": "fail"})
        assert (got["code"], "secret" in str(got)) == ("internal", False)
        assert await closed(socket) == Close.INTERNAL


@pytest.mark.parametrize(("kind", "code"), [("close", 4321), ("leave", 1000)])
async def test_the_endpoint_ends_a_socket(kind: str, code: int) -> None:
    async with room() as (_, _, open_), open_() as socket:
        await socket.send(json.dumps({"type": kind}))
        assert await closed(socket) == code


# bounds


async def test_an_oversize_message_closes() -> None:
    async with room(limits=Limits(message_bytes=100)) as (_, _, open_), open_() as socket:
        await socket.send('{"type": "echo", "x": "%s"}' % ("x" * 100))
        assert await closed(socket) == Close.TOO_BIG


async def test_flooding_is_refused_and_then_ends() -> None:
    time = 0.0
    limits = Limits(frames_per_second=1.0, frames_burst=2, errors=3)
    async with (
        room(limits=limits, now=lambda: time) as (_, _, open_),
        open_() as socket,
    ):
        for _ in range(2):
            assert (await ask(socket, {"type": "echo"}))["type"] == "echo"
        assert (await ask(socket, {"type": "echo"}))["code"] == "rate_limited"
        time = 1.0  # one more is allowed
        assert (await ask(socket, {"type": "echo"}))["type"] == "echo"
        for _ in range(3):
            assert (await ask(socket, {"type": "echo"}))["code"] == "rate_limited"
        assert await closed(socket) == Close.FLOODING


async def _stuck(open_: Any, endpoint: Room) -> tuple[Any, Socket[str]]:
    """A client that stops reading, and its socket on the server."""
    client = await open_(max_queue=1)
    await ask(client, {"type": "echo"})
    client.transport.pause_reading()
    return client, endpoint.sockets[-1]


async def test_who_falls_behind_is_closed_and_has_a_prefix() -> None:
    async with room(limits=Limits(backlog_bytes=200_000)) as (endpoint, _, open_):
        client, socket = await _stuck(open_, endpoint)
        pushed = 0
        while socket.push({"type": "n", "n": pushed, "pad": "x" * 10_000}):
            pushed += 1
            assert socket.backlog <= 200_000
        assert not socket.open
        client.transport.resume_reading()
        got = []
        with contextlib.suppress(ConnectionClosed):
            while True:
                got.append((await answer(client))["n"])
        assert client.close_code == Close.FELL_BEHIND
        assert got == list(range(pushed))


async def test_coalesced_updates_keep_the_latest() -> None:
    async with room() as (endpoint, _, open_):
        client, socket = await _stuck(open_, endpoint)
        count = 0
        while not socket._connection.paused:
            socket.coalesce("t", {"type": "t", "n": count, "pad": "x" * 10_000})
            count += 1
        backlog = socket.backlog
        for n in range(1000):
            socket.coalesce("t", {"type": "t", "n": count + n, "pad": "x" * 10_000})
        assert socket.backlog == backlog
        client.transport.resume_reading()
        got = [(await answer(client))["n"] for _ in range(count + 1)]
        assert got == [*range(count), count + 999]
        await client.close()


async def test_a_broadcast_is_encoded_once_for_each_encoding() -> None:
    async with room() as (endpoint, _, open_):
        clients = [(await open_(subprotocols=[f"room.{c.name}"]), c) for c in (JSON, CBOR) * 3]
        for client, codec in clients:
            await ask(client, {"type": "echo"}, codec)
        outgoing = Outgoing({"type": "news", "n": 7})
        assert broadcast(endpoint.sockets, outgoing) == 6
        assert set(outgoing._wire) == {"json", "cbor"}
        for client, codec in clients:
            assert await answer(client, codec) == {"type": "news", "n": 7}
            await client.close()


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 300_000])
async def test_frames_of_every_length_arrive_whole(size: int) -> None:
    async with room() as (endpoint, _, open_), open_(max_size=None) as client:
        await ask(client, {"type": "echo"})
        for outgoing in (Outgoing({"type": "x" * size}), Outgoing({"type": "y" * size})):
            endpoint.sockets[0].push(outgoing)
            assert await answer(client) == outgoing.frame


async def test_deflate_when_both_want_it() -> None:
    async with (
        room(deflate=True) as (endpoint, server, _),
        connect(server.url + "/v1/ws") as client,
    ):
        assert client.protocol.extensions
        await ask(client, {"type": "echo"})
        broadcast(endpoint.sockets, {"type": "news", "pad": "x" * 5000})
        assert (await answer(client))["type"] == "news"


# heartbeat and the end


async def test_a_half_open_socket_is_found() -> None:
    limits = Limits(heartbeat_seconds=0.02, heartbeat_timeout_seconds=0.02)
    async with room(limits=limits) as (endpoint, _, open_):
        client, socket = await _stuck(open_, endpoint)  # answers no ping
        await asyncio.wait_for(socket.closed(), SOON)
        assert not socket.open
        client.transport.abort()


async def test_stopping_says_so() -> None:
    endpoint = Room()
    server = RealtimeServer({"/v1/ws": endpoint})
    await server.start("127.0.0.1", 0)
    client = await connect(server.url + "/v1/ws")
    await ask(client, {"type": "echo"})
    await asyncio.wait_for(server.stop(), SOON)
    assert await closed(client) == Close.GOING_AWAY
    assert server.sockets == set()


async def test_a_taken_port_is_an_error() -> None:
    async with room() as (_, server, _):
        port = int(server.url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="address"):
            await RealtimeServer({}).start("127.0.0.1", port)


async def test_metrics_add_up() -> None:
    registry = CollectorRegistry()
    async with room(metrics=PrometheusMetrics(registry)) as (endpoint, _, open_):
        async with open_() as client:
            await ask(client, {"type": "echo"})
            await ask(client, {"type": "sing"})
            assert registry.get_sample_value("choir_realtime_sockets", {"route": "/v1/ws"}) == 1
        with pytest.raises(InvalidStatus):
            await open_("/v1/ws?token=wrong")
        await asyncio.wait_for(endpoint.sockets[0].closed(), SOON)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"choir_realtime_{name}", {"route": "/v1/ws", **labels})

    assert value("sockets") == 0
    assert value("opened_total", encoding="json") == 1
    assert value("received_frames_total") == 2
    assert value("sent_frames_total") == 2
    assert value("error_frames_total", code="unknown_type") == 1
    assert value("closed_total", code="1000") == 1
    assert value("refused_total", status="403") == 1
