"""A Yellowstone server that plays a tape, well or badly.

It answers as the public one does: at the commitment asked for, everything of a slot in any order
and then its block meta and its status; a replay from the slot asked for, `OUT_OF_RANGE` when that
is forgotten and `INTERNAL` when there is nothing from there on; a pong for a ping.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import grpc
from tests.indexer.sources.tape import Tape, contents, meta_update, slot_update

from choir.ids import PROGRAM_ID
from choir_indexer.sources.yellowstone import geyser_pb2 as wire

FINAL_AFTER = 3


@dataclass
class Moods:
    """How likely each misbehaviour is, at each slot."""

    lose_slot: float = 0.0  # nothing of a slot is sent to those who listen
    repeat: float = 0.0  # an older slot is sent once more, whole
    double: float = 0.0  # each message, by itself
    dead: float = 0.0  # the slot is begun with other contents first, and dies
    midway: float = 0.0  # who subscribes hears the end of a slot whose beginning is over


CALM = Moods()
BAD = Moods(lose_slot=0.1, repeat=0.15, double=0.2, dead=0.1, midway=0.5)


class GeyserServer:
    """One server; an async context manager that listens on a free port.

    Args:
        tape: what is played, block by block, by :meth:`publish`.
        seed: of everything that is left to chance.
        keep: slots that can be replayed.
        token: what `x-token` must be.
        certificate: its private key and its certificate, PEM, for TLS.
    """

    def __init__(
        self,
        tape: Tape,
        seed: int = 0,
        *,
        moods: Moods = CALM,
        keep: int = 1_000,
        token: str | None = None,
        certificate: tuple[bytes, bytes] | None = None,
    ) -> None:
        self.tape = tape
        self.certificate = certificate
        self.moods = moods
        self.keep = keep
        self.token = token
        self.url = ""
        self.played: list[int] = []
        self.requests: list[wire.SubscribeRequest] = []
        self.sent = 0
        self.frozen = False  # keeps connections, says nothing
        self.replays = True
        self._random = random.Random(seed)
        self._log: list[wire.SubscribeUpdate] = []
        self._begun = 0  # where the newest slot begins in the log
        self._news = asyncio.Event()
        self._cut = asyncio.Event()
        self._server: grpc.aio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        """Listen."""
        handler = grpc.stream_stream_rpc_method_handler(
            self._subscribe,
            request_deserializer=wire.SubscribeRequest.FromString,
            response_serializer=wire.SubscribeUpdate.SerializeToString,
        )
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("geyser.Geyser", {"Subscribe": handler}),)
        )
        if self.certificate is None:
            port = self._server.add_insecure_port(f"127.0.0.1:{port}")
            self.url = f"http://127.0.0.1:{port}"
        else:
            secret = grpc.ssl_server_credentials([self.certificate])
            port = self._server.add_secure_port(f"127.0.0.1:{port}", secret)
            self.url = f"https://127.0.0.1:{port}"
        await self._server.start()

    async def stop(self) -> None:
        """Stop listening; every stream breaks."""
        assert self._server is not None
        await self._server.stop(None)

    def publish(self, index: int) -> None:
        """The tape's block with this number happens."""
        closed, moods, chance = self.tape.blocks[index], self.moods, self._random.random
        slot = closed.block.slot
        self.played.append(index)
        self._begun = len(self._log)
        if chance() < moods.dead:
            for update in self._slot(self._random.choice(self.played))[:-1]:
                update = wire.SubscribeUpdate.FromString(update.SerializeToString())
                _moved(update, slot)
                self._log.append(update)
            self._log.append(slot_update(slot, wire.SLOT_DEAD))
        if chance() >= moods.lose_slot:
            messages = self._slot(index)
            for message in messages:
                self._log.append(message)
                if chance() < moods.double:
                    self._log.append(message)
            self._log.append(slot_update(slot, wire.SLOT_CONFIRMED))
        if chance() < moods.repeat:
            self._log += self._slot(self._random.choice(self.played[-8:]))
        if len(self.played) > FINAL_AFTER:
            final = self.tape.slots[self.played[-1 - FINAL_AFTER]]
            self._log.append(slot_update(final, wire.SLOT_FINALIZED))
        self._tell()

    def say(self, *updates: wire.SubscribeUpdate) -> None:
        """Send this, whatever it is."""
        self._begun = len(self._log)
        self._log += updates
        self._tell()

    def cut(self) -> None:
        """Break every stream."""
        self._cut.set()
        self._cut = asyncio.Event()

    def _slot(self, index: int) -> list[wire.SubscribeUpdate]:
        """A slot's contents in some order, then its meta."""
        closed = self.tape.blocks[index]
        messages = contents(self.tape, closed)
        self._random.shuffle(messages)
        return [*messages, meta_update(closed.block)]

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _subscribe(
        self, requests: AsyncIterator[wire.SubscribeRequest], context: Any
    ) -> AsyncIterator[wire.SubscribeUpdate]:
        if self.token is not None:
            given = dict(context.invocation_metadata()).get("x-token")
            if given != self.token:
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, "No valid auth token")
        await context.send_initial_metadata(())
        cut, pongs = self._cut, list[wire.SubscribeUpdate]()
        first = await anext(aiter(requests))
        self.requests.append(first)
        _must_ask_for_everything(first)
        listening = asyncio.create_task(self._listen(requests, pongs))
        try:
            replayed = await self._replayed(first, context)
            at = len(self._log)
            if self._log and self._random.random() < self.moods.midway:
                at = self._random.randint(self._begun, at)
            for update in replayed:
                yield update
            while True:
                news = self._news
                while not self.frozen and (pongs or at < len(self._log)):
                    if pongs:
                        yield pongs.pop(0)
                    else:
                        self.sent += 1
                        at += 1
                        yield self._log[at - 1]
                    if cut.is_set():
                        await context.abort(grpc.StatusCode.UNAVAILABLE, "cut")
                waits = [asyncio.create_task(event.wait()) for event in (news, cut)]
                try:
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for wait in waits:
                        wait.cancel()
                if cut.is_set():
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "cut")
        finally:
            listening.cancel()

    async def _listen(
        self,
        requests: AsyncIterator[wire.SubscribeRequest],
        pongs: list[wire.SubscribeUpdate],
    ) -> None:
        with suppress(asyncio.CancelledError):
            async for request in requests:
                self.requests.append(request)
                if request.HasField("ping"):
                    pongs.append(wire.SubscribeUpdate(pong=wire.UpdatePong(id=request.ping.id)))
                    self._tell()

    async def _replayed(
        self, request: wire.SubscribeRequest, context: Any
    ) -> list[wire.SubscribeUpdate]:
        if not request.HasField("from_slot"):
            return []
        if not self.replays:
            await context.abort(grpc.StatusCode.INTERNAL, "from_slot is not supported")
        kept = self.played[-self.keep :]
        slots = self.tape.slots
        if kept and request.from_slot < slots[kept[0]]:
            await context.abort(
                grpc.StatusCode.OUT_OF_RANGE,
                f"broadcast from {request.from_slot} is not available,"
                f" last available: {slots[kept[0]]}",
            )
        again = [index for index in kept if slots[index] >= request.from_slot]
        if not again:
            await context.abort(grpc.StatusCode.INTERNAL, "failed to get replay response")
        found = []
        for index in again:
            found += self._slot(index)
            found.append(slot_update(slots[index], wire.SLOT_CONFIRMED))
        return found


def _must_ask_for_everything(request: wire.SubscribeRequest) -> None:
    program = str(PROGRAM_ID)
    assert request.commitment == wire.CONFIRMED
    (accounts,) = request.accounts.values()
    assert list(accounts.owner) == [program]
    (transactions,) = request.transactions.values()
    assert list(transactions.account_include) == [program]
    assert transactions.HasField("vote")
    assert not transactions.vote
    assert not transactions.HasField("failed")  # both
    assert len(request.blocks_meta) == 1
    (slots,) = request.slots.values()
    assert slots.interslot_updates
    assert not slots.filter_by_commitment


def _moved(update: wire.SubscribeUpdate, slot: int) -> None:
    """The same contents in another slot, signed otherwise."""
    if update.HasField("transaction"):
        update.transaction.slot = slot
        signature = update.transaction.transaction.signature
        update.transaction.transaction.signature = signature[32:] + signature[:32]
    else:
        update.account.slot = slot
        update.account.account.write_version += 1_000_000
        update.account.account.data = b"of a dead slot"
