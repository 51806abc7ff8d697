"""One subscription to a Yellowstone server: what it says goes into a chain, as far as there is
room; the mirror is woken when the chain has grown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

import grpc
import structlog
from solders.pubkey import Pubkey

from choir.clock import Clock
from choir.rpc import Commitment
from choir_indexer.model import Hint, SlotSeen
from choir_indexer.sources.port import Forked, SourceError, SourceLost
from choir_indexer.sources.yellowstone import geyser_pb2 as wire
from choir_indexer.sources.yellowstone.chain import StreamedChain
from choir_indexer.sources.yellowstone.metrics import StreamMetrics

__all__ = ["METHOD", "Endpoint", "Stream"]

METHOD: Final = "/geyser.Geyser/Subscribe"
OPEN_TIMEOUT_S = 10.0
PING_EVERY_S = 10.0
SILENT_PINGS = 3
"""Pings without any answer after which the connection is given up."""
LARGEST_MESSAGE = 64 << 20
# What a server says when it cannot replay from a slot: it has forgotten it, does not replay at
# all, or has nothing from there on.
REFUSALS = (grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.INTERNAL)
# What is left of a status when the call ended while something was written to it.
HIDDEN = "Internal error from Core"
OPTIONS: Final = (
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_http_proxy", 0),
)
FILTER: Final = "choir"

Call = grpc.aio.StreamStreamCall[Any, wire.SubscribeUpdate]


class Endpoint:
    """Where a server is, and what it wants to see.

    Args:
        url: ``http://host:port``, or ``https://host`` for TLS (port 443 unless it is given).
        token: sent as ``x-token``.
        authorities: certificates (PEM) of those who may vouch for it, gRPC's own list if None.
    """

    def __init__(
        self, url: str, token: str | None = None, *, authorities: bytes | None = None
    ) -> None:
        scheme, _, address = url.partition("://")
        address = address.rstrip("/")
        port = {"http": 80, "https": 443}[scheme]
        has_port = address.rpartition("]")[2].count(":") > 0
        self.address = address if has_port else f"{address}:{port}"
        self._tls = scheme == "https"
        self._authorities = authorities
        self._metadata = (("x-token", token),) if token else ()

    def __str__(self) -> str:
        return self.address

    def channel(self) -> grpc.aio.Channel:
        """A connection, made when it is first used."""
        if self._tls:
            trusted = grpc.ssl_channel_credentials(self._authorities)
            return grpc.aio.secure_channel(self.address, trusted, OPTIONS)
        return grpc.aio.insecure_channel(self.address, OPTIONS)

    def subscribe(self, channel: grpc.aio.Channel) -> Call:
        """Begin a stream; nothing is asked yet."""
        method = channel.stream_stream(
            METHOD,
            request_serializer=wire.SubscribeRequest.SerializeToString,
            response_deserializer=wire.SubscribeUpdate.FromString,
        )
        return method(metadata=self._metadata)


class Stream:
    """A feed that follows one subscription; an async context manager.

    Args:
        endpoint: the server.
        chain: takes what comes.
        program: whose accounts, and transactions that mention it, failed ones too.
        commitment: of everything but the slots, which come in every state.
        from_slot: replay from here if the server can; else from now on.
        limit: transactions and accounts held for the mirror; above it the stream is not read.
        clock: paces the pings.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        chain: StreamedChain,
        *,
        program: Pubkey,
        commitment: Commitment,
        from_slot: int | None,
        limit: int,
        clock: Clock,
        metrics: StreamMetrics,
    ) -> None:
        self.chain = chain
        self._endpoint = endpoint
        self._program = program
        self._commitment = commitment
        self._from_slot = from_slot
        self._limit = limit
        self._clock = clock
        self._metrics = metrics
        self._log = structlog.get_logger("choir_indexer.yellowstone")
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._opened = asyncio.Event()
        self._told: int | None = None
        self.ended = False
        """Whether a fork was told, so that nothing here counts any more."""
        self._lost: SourceError | None = None
        self._heard = 0
        self._call: Call | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._seen = (0, 0)

    async def __aenter__(self) -> Self:
        """Connect and subscribe; returns once the server has answered.

        Raises:
            SourceLost: nobody there, or the server refuses.
        """
        self._tasks = [
            asyncio.create_task(self._follow(), name="yellowstone"),
            asyncio.create_task(self._watch(), name="yellowstone pings"),
        ]
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await self._opened.wait()
        except TimeoutError:
            self._fail(SourceLost(f"cannot follow {self._endpoint}: no answer"))
        if self._lost is not None:
            await self.__aexit__(None, None, None)
            raise self._lost
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._metrics.buffered.set(0)

    async def take(self) -> Sequence[Hint]:
        """Wait until the chain has grown. Raises SourceLost, Forked."""
        while self._told == self.chain.head or self.chain.head is None:
            self.check()
            if self._lost is not None:
                raise self._lost
            self._wake.clear()
            await self._wake.wait()
        self._told = self.chain.head
        return [SlotSeen(self.chain.head)]

    def check(self) -> None:
        """Raises Forked, once, when what the chain gave no longer stands. After that this stream
        has nothing more to say; the next one begins where the mirror has gone back to."""
        if isinstance(self._lost, Forked):
            fork, self._lost = self._lost, SourceLost("the chain went on from another fork")
            self.ended = True
            raise fork

    def took(self, through: int) -> None:
        """The mirror has what is at or below a slot: let go of it, and read on."""
        self.chain.drop(through)
        self._metrics.buffered.set(self.chain.size)
        self._room.set()

    async def _follow(self) -> None:
        """Read until the end; once more, without a replay, if that is what was refused."""
        try:
            if self._from_slot is None or not await self._subscribed(self._from_slot):
                await self._subscribed(None)
        except SourceError as error:
            self._fail(error)
        except OSError as error:
            self._fail(SourceLost(f"lost {self._endpoint}: {error}"))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            self._fail(SourceLost(f"{self._endpoint} sent what cannot be read: {error!r}"))
        finally:
            self._fail(SourceLost(f"lost {self._endpoint}"))

    async def _subscribed(self, from_slot: int | None) -> bool:
        """Read one subscription to its end; False if it refused to replay.

        Raises:
            SourceLost: it ended otherwise.
        """
        self._metrics.streams.labels("no" if from_slot is None else "yes").inc()
        channel = self._endpoint.channel()
        call = self._endpoint.subscribe(channel)
        try:
            await call.write(self._request(from_slot))
            # no ping while a replay may be refused: a write that meets the end of a call hides why
            if from_slot is None:
                await call.write(wire.SubscribeRequest(ping=wire.RequestPing(id=0)))
            self._call = call
            await self._read(call, opened=from_slot is None)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            code, said = await call.code(), await call.details()
            if said == HIDDEN:
                said = "it ended the stream at once; does it want a CHOIR_YELLOWSTONE_TOKEN?"
            if from_slot is not None and code in REFUSALS and self.chain.head is None:
                self._metrics.refused.inc()
                self._log.warning("no replay; the node fills in", slot=from_slot, reason=said)
                return False
            raise SourceLost(f"lost {self._endpoint}: {said or code.name}") from None
        finally:
            self._call = None
            await channel.close()
        raise SourceLost(f"{self._endpoint} ended the stream")

    def _request(self, from_slot: int | None) -> wire.SubscribeRequest:
        program = str(self._program)
        level = wire.FINALIZED if self._commitment == "finalized" else wire.CONFIRMED
        return wire.SubscribeRequest(
            accounts={FILTER: wire.AccountsFilter(owner=[program])},
            transactions={FILTER: wire.TransactionsFilter(vote=False, account_include=[program])},
            slots={FILTER: wire.SlotsFilter(filter_by_commitment=False, interslot_updates=True)},
            blocks_meta={FILTER: wire.BlocksMetaFilter()},
            commitment=level,
            from_slot=from_slot,
        )

    async def _read(self, call: Call, *, opened: bool) -> None:
        while True:
            update: Any = await call.read()
            if update is grpc.aio.EOF:
                await call.code()
                return
            self._heard += 1
            kind = update.WhichOneof("update_oneof")
            # anything but a ping comes after a replay has begun
            if opened or kind not in ("ping", "pong"):
                self._opened.set()
            if kind == "ping":
                await call.write(wire.SubscribeRequest(ping=wire.RequestPing(id=1)))
            elif self.chain.add(update):
                self._grew()
                await self._until_room()

    def _grew(self) -> None:
        chain, (gaps, dead) = self.chain, self._seen
        self._metrics.buffered.set(chain.size)
        self._metrics.gaps.inc(chain.gaps - gaps)
        self._metrics.dead.inc(chain.dead - dead)
        self._seen = (chain.gaps, chain.dead)
        self._wake.set()

    async def _until_room(self) -> None:
        """Leave the stream unread while the mirror has as much to take as may be held: the
        server's sending stops in turn."""
        if self.chain.size < self._limit:
            return
        self._metrics.pauses.inc()
        while self.chain.size >= self._limit:
            self._room.clear()
            await self._room.wait()

    async def _watch(self) -> None:
        """Say that this side lives, and give up a connection on which nothing comes back."""
        heard, silent = self._heard, 0
        while True:
            await self._clock.sleep(PING_EVERY_S)
            call = self._call
            if call is None:
                continue
            silent = silent + 1 if self._heard == heard else 0
            heard = self._heard
            if silent >= SILENT_PINGS and self.chain.size < self._limit:
                self._fail(SourceLost(f"{self._endpoint} has gone silent"))
                self._tasks[0].cancel()
                return
            with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                # a call that has ended says so to its reader
                await call.write(wire.SubscribeRequest(ping=wire.RequestPing(id=silent + 1)))

    def _fail(self, error: SourceError) -> None:
        if self._lost is None:
            self._lost = error
        self._opened.set()
        self._wake.set()
