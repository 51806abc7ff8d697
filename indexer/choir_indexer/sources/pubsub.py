"""Announcements over a node's WebSocket: `programSubscribe`, `logsSubscribe`, `slotSubscribe`.

Closed accounts are not announced by `programSubscribe`; the mirror finds them through the
transactions. The queue is bounded: what does not fit is dropped and said to be lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import orjson
from solders.pubkey import Pubkey
from solders.signature import Signature
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from choir.errors import RpcError
from choir.rpc import Commitment, account_from_json
from choir_indexer.model import AccountUpdate, Hint, Lost, SignatureSeen, SlotSeen
from choir_indexer.sources.port import SourceLost

__all__ = ["PubSubFeed"]

QUEUE_LIMIT = 10_000
OPEN_TIMEOUT_S = 10.0
LARGEST_MESSAGE = 32 << 20
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class PubSubFeed:
    """One socket with three subscriptions; an async context manager.

    Args:
        url: ``ws://`` or ``wss://``.
        program: whose accounts and logs.
        commitment: of accounts and logs; slots are announced as the node processes them.
        announce: told of each signature as it arrives, before it is queued.
    """

    def __init__(
        self,
        url: str,
        program: Pubkey,
        *,
        commitment: Commitment,
        announce: Callable[[bytes, int], None],
    ) -> None:
        self._url = url
        self._program = program
        self._commitment = commitment
        self._announce = announce
        self._queue: deque[Hint] = deque()
        self._dropped = 0
        self._arrived = 0
        self._wake = asyncio.Event()
        self._lost: SourceLost | None = None
        self._reader: asyncio.Task[None] | None = None
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> Self:
        """Connect and subscribe; returns once the node has confirmed all three.

        Raises:
            SourceLost: nobody there, or the node refuses a subscription.
        """
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                self._socket = await connect(
                    self._url,
                    max_size=LARGEST_MESSAGE,
                    close_timeout=1.0,
                    # a proxy from the environment must not sit between us and a local node
                    proxy=None if urlsplit(self._url).hostname in LOOPBACK else True,
                )
                early = await self._subscribe(self._socket)
        except (OSError, TimeoutError, ConnectionClosed, InvalidHandshake, InvalidURI) as error:
            await self.__aexit__(None, None, None)
            said = str(error) or type(error).__name__
            raise SourceLost(f"cannot follow {self._url}: {said}") from error
        except SourceLost:
            await self.__aexit__(None, None, None)
            raise
        for message in early:
            self._handle(message)
        self._reader = asyncio.create_task(self._read(self._socket), name="pubsub")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader
        if self._socket is not None:
            await self._socket.close()

    async def take(self) -> Sequence[Hint]:
        """What has been announced since, at least one. Raises SourceLost."""
        while not self._queue and not self._dropped:
            if self._lost is not None:
                raise self._lost
            self._wake.clear()
            await self._wake.wait()
        hints = list(self._queue)
        self._queue.clear()
        if self._dropped:
            hints.append(Lost(self._dropped))
            self._dropped = 0
        return hints

    async def _subscribe(self, socket: ClientConnection) -> list[dict[str, Any]]:
        commitment = {"commitment": self._commitment}
        wanted: dict[int, tuple[str, list[Any]]] = {
            1: ("slotSubscribe", []),
            2: ("logsSubscribe", [{"mentions": [str(self._program)]}, commitment]),
            3: ("programSubscribe", [str(self._program), {"encoding": "base64", **commitment}]),
        }
        for number, (method, params) in wanted.items():
            call = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            await socket.send(orjson.dumps(call).decode())
        early = []
        while wanted:
            message = _parsed(await socket.recv())
            if "id" not in message:
                early.append(message)
                continue
            method, _ = wanted.pop(message["id"], ("", []))
            if "error" in message:
                raise SourceLost(f"{self._url} refuses {method}: {message['error']}")
        return early

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                self._handle(_parsed(text))
            self._lost = SourceLost(f"{self._url} closed the connection")
        except (ConnectionClosed, OSError) as error:
            self._lost = SourceLost(f"lost {self._url}: {error}")
        except (SourceLost, RpcError, KeyError, TypeError, ValueError) as error:
            self._lost = SourceLost(f"{self._url} announced what cannot be read: {error!r}")
        finally:
            self._wake.set()

    def _handle(self, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method == "slotNotification":
            self._put(SlotSeen(int(message["params"]["result"]["slot"])))
        elif method == "logsNotification":
            slot, value = _in_context(message)
            signature = bytes(Signature.from_string(value["signature"]))
            self._announce(signature, slot)
            self._put(SignatureSeen(signature, slot))
        elif method == "programNotification":
            slot, value = _in_context(message)
            account = account_from_json(value["account"])
            pubkey = bytes(Pubkey.from_string(value["pubkey"]))
            self._arrived += 1
            if account.owner == self._program:
                self._put(
                    AccountUpdate(
                        pubkey, slot, self._arrived, account.data, account.lamports,
                        bytes(account.owner),
                    )
                )  # fmt: skip

    def _put(self, hint: Hint) -> None:
        if len(self._queue) >= QUEUE_LIMIT:
            self._dropped += 1
        else:
            if isinstance(hint, SlotSeen) and self._queue and isinstance(self._queue[-1], SlotSeen):
                self._queue.pop()  # only the newest says anything
            self._queue.append(hint)
        self._wake.set()


def _parsed(text: str | bytes) -> dict[str, Any]:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict):
        raise SourceLost("a message that is not JSON-RPC")
    return message


def _in_context(message: dict[str, Any]) -> tuple[int, Any]:
    result = message["params"]["result"]
    return int(result["context"]["slot"]), result["value"]
