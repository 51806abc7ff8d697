"""Pub/sub that survives its connection: accounts, programs, logs, signatures.

    async with PubSub(ws_url, rpc) as pubsub:
        async for update in pubsub.account(address):
            ...

A plain `accountSubscribe` goes silent when the socket drops, and what changed meanwhile is never
told. Here the connection is opened again with jittered, growing pauses, every subscription is made
again, and then the state is **read**, so that a reader always ends with the newest state:

- updates of an account never go back in slots: what is older than what was already told is
  dropped, so a slow node, a repetition or a read that crosses a notification cannot undo anything;
- an account that is gone is told as one (`account is None`, with the slot of that knowledge): the
  difference between "closed" and "nothing heard";
- notifications that never came are made up for by reading, after every connection and every
  `Watch.reread` seconds; a socket that tells nothing while reads bring news is given up;
- logs are a stream: each transaction once, those missed read from the history; where that cannot
  be read, `Gap` says from which slot on something may be missing;
- a reader slower than the chain gets the newest state of each account, not a growing queue, and of
  logs at most `logs_kept` unread ones: beyond that all unread are dropped for one `Gap`;
- a node that does not answer within `Watch.answer` seconds is left and connected to anew; one that
  is behind what was told is asked until it is not, or until `Watch.rewind` seconds have shown that
  the chain itself went back.

The subscription ends when the iterator is closed or the `PubSub` left; a node that refuses it
raises RpcError, one that comes back with another chain (a localnet that was reset) ChainChanged.
What is told at `confirmed` can in principle be forked away; the next read tells what is so then.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self, TypeVar

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir._inbox import END, AccountUpdate, Gap, Inbox, Latest, Logs, Stream
from choir._urls import place_of, scrubbed
from choir.clock import Clock, SystemClock
from choir.errors import (
    ChainChanged,
    ChoirError,
    MethodNotServed,
    NodeBehind,
    OutcomeUnknown,
    RpcError,
    RpcUnreachable,
)
from choir.rpc import (
    Commitment,
    Filter,
    Rpc,
    SignatureStatus,
    account_from_json,
    error_from_json,
)

__all__ = ["AccountUpdate", "Backoff", "Gap", "Logs", "PubSub", "Socket", "Watch"]

T = TypeVar("T")
MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
LOGS_KEPT: Final = 10_000
FILLED_AT_ONCE: Final = 1_000
_REFUSALS: Final = frozenset({-32600, -32601, -32602})
"""Codes by which a node says that it will not have the subscription, now or later."""


class Socket(Protocol):
    """What is used of a WebSocket (that of `websockets`)."""

    async def send(self, message: str, /) -> None: ...

    async def recv(self) -> str | bytes: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between attempts to connect, in seconds: full jitter under a doubling bound."""

    first: float = 0.2
    longest: float = 15.0

    def pause(self, attempt: int, chance: random.Random) -> float:
        """The pause after `attempt` failures in a row, counted from 1."""
        bound = min(self.longest, self.first * 2 ** min(attempt - 1, 30))
        return chance.uniform(bound / 4, bound)


@dataclass(frozen=True, slots=True)
class Watch:
    """How a subscription is watched over; times in seconds."""

    answer: float = 30.0
    """How long connecting, subscribing or a read may take."""
    settle: float = 5.0
    """When to read again after a connection was made, for what the first read was too early for."""
    reread: float = 60.0
    """How often to read again after that."""
    rewind: float = 60.0
    """How long a node may be behind what was told before the chain is taken to have gone back."""


class PubSub:
    """Subscriptions over one node's WebSocket, one connection for each.

    `rpc` is asked for the state after every (re)connection and now and then. `trouble` is called
    with every error that was survived. `clock` and `chance` are injected.
    """

    def __init__(
        self,
        url: str,
        rpc: Rpc,
        *,
        commitment: Commitment = "confirmed",
        clock: Clock | None = None,
        chance: random.Random | None = None,
        backoff: Backoff | None = None,
        watch: Watch | None = None,
        logs_kept: int = LOGS_KEPT,
        trouble: Callable[[Exception], None] | None = None,
        connect: Callable[[str], Awaitable[Socket]] | None = None,
    ) -> None:
        self.url = url
        self.rpc = rpc
        self.commitment: Commitment = commitment
        self._clock = clock or SystemClock()
        self._chance = chance or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._backoff = backoff or Backoff()
        self._watch = watch or Watch()
        self._logs_kept = logs_kept
        self._trouble = trouble or (lambda _: None)
        self._connect = connect or _connect
        self._running: set[asyncio.Task[None]] = set()
        self._genesis: Hash | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End every subscription."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def account(self, address: Pubkey) -> AsyncIterator[AccountUpdate]:
        """The state of an account now and after every change."""
        latest = Latest()

        async def read() -> bool:
            found = await self.rpc.get_account(address, commitment=self.commitment)
            _not_behind(found.slot, latest)
            return latest.offer(AccountUpdate(found.slot, address, found.value))

        def told(result: Mapping[str, Any]) -> None:
            value = result["value"]
            # a closed account is told with no lamports, not with null
            gone = value is None or int(value["lamports"]) == 0
            account = None if gone else account_from_json(value)
            latest.offer(AccountUpdate(int(result["context"]["slot"]), address, account))

        options = {"encoding": "base64", "commitment": self.commitment}
        return self._follow("account", [str(address), options], latest, told, read)

    def program(
        self, program: Pubkey, *, filters: Sequence[Filter] = ()
    ) -> AsyncIterator[AccountUpdate]:
        """The state of every account of a program that passes the filters, and every change.

        Nodes do not tell of accounts that are closed, or changed to no longer pass: reading does,
        and they are told with `account` None.
        """
        latest = Latest()

        async def read() -> bool:
            found = await self.rpc.get_program_accounts(
                program, filters=filters, commitment=self.commitment
            )
            _not_behind(found.slot, latest)
            return latest.offer_all(found.slot, dict(found.value))

        def told(result: Mapping[str, Any]) -> None:
            value = result["value"]
            address = Pubkey.from_string(value["pubkey"])
            account = account_from_json(value["account"])
            gone = account.lamports == 0 or account.owner != program
            latest.offer(
                AccountUpdate(int(result["context"]["slot"]), address, None if gone else account)
            )

        options: dict[str, Any] = {"encoding": "base64", "commitment": self.commitment}
        if filters:
            options["filters"] = list(filters)
        return self._follow("program", [str(program), options], latest, told, read)

    def logs(self, mentions: Pubkey) -> AsyncIterator[Logs | Gap]:
        """The logs of every transaction that mentions an address, from now on, and gaps.

        Each transaction is told once, in the order heard of; one that was made up for by reading
        can come after later ones.
        """
        stream = Stream(self._logs_kept)
        level: Commitment = "confirmed" if self.commitment == "processed" else self.commitment

        async def read() -> bool:
            return await _fill(self.rpc, stream, mentions, level)

        def told(result: Mapping[str, Any]) -> None:
            value = result["value"]
            stream.offer(
                Logs(
                    slot=int(result["context"]["slot"]),
                    signature=Signature.from_string(value["signature"]),
                    err=value["err"],
                    logs=tuple(value["logs"] or ()),
                )
            )

        asked = [{"mentions": [str(mentions)]}, {"commitment": self.commitment}]
        return self._follow("logs", asked, stream, told, read)

    async def signature(self, signature: Signature, *, within: float = 90.0) -> SignatureStatus:
        """Wait until a transaction has reached the commitment; look at `err` for success.

        Raises OutcomeUnknown after `within` seconds: it may still land until its blockhash
        expires (`choir.sending` proves that).
        """
        once = Latest()

        async def read() -> bool:
            found = await self.rpc.get_signature_statuses([signature], search_history=True)
            status = found.value[0]
            if status is not None and status.reached(self.commitment):
                once.offer_status(status)
            return False

        def told(result: Mapping[str, Any]) -> None:
            slot, err = int(result["context"]["slot"]), result["value"]["err"]
            once.offer_status(SignatureStatus(slot, err, self.commitment))

        asked = [str(signature), {"commitment": self.commitment}]
        updates = self._follow("signature", asked, once, told, read)
        try:
            status: SignatureStatus = await self._within(within, _first(updates), "it")
        except _TooLong:
            raise OutcomeUnknown(
                f"transaction {signature} was not {self.commitment} within {within:g} s",
                signature=str(signature),
            ) from None
        return status

    async def _follow(
        self,
        kind: str,
        parameters: list[Any],
        inbox: Inbox,
        told: Callable[[Mapping[str, Any]], None],
        read: Callable[[], Awaitable[bool]],
    ) -> AsyncGenerator[Any, None]:
        """Keep the subscription alive in a task of its own and hand out what arrives."""
        follower = _Follower(self, kind, parameters, inbox, told, read)
        task = asyncio.create_task(follower.keep(), name=f"choir-{kind}-subscription")
        self._running.add(task)

        def ended(done: asyncio.Task[None]) -> None:
            self._running.discard(done)
            inbox.end(None if done.cancelled() else done.exception())

        task.add_done_callback(ended)
        try:
            while (item := await inbox.next()) is not END:
                yield item
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _within(self, seconds: float, work: Coroutine[Any, Any, T], what: str) -> T:
        """The result of `work`. Raises RpcUnreachable when it takes longer than `seconds`."""
        working = asyncio.ensure_future(work)
        alarm = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({working, alarm}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise _TooLong(f"{what} took the node at {place_of(self.url)} over {seconds:g} s")
        finally:
            for each in (working, alarm):
                each.cancel()
            await asyncio.gather(working, alarm, return_exceptions=True)

    async def _same_chain(self) -> None:
        """Slots of another chain cannot be compared with those told before."""
        found = await self.rpc.get_genesis_hash()
        if self._genesis is None:
            self._genesis = found
        elif found != self._genesis:
            raise ChainChanged(
                f"{place_of(self.url)} serves another chain ({found}) than before "
                f"({self._genesis}); read everything anew"
            )


class _TooLong(RpcUnreachable):
    """No answer in time."""


class _Silent(RpcUnreachable):
    """The socket stands and tells nothing of what happens."""


class _Follower:
    """One subscription, connected again and again."""

    def __init__(
        self,
        pubsub: PubSub,
        kind: str,
        parameters: list[Any],
        inbox: Inbox,
        told: Callable[[Mapping[str, Any]], None],
        read: Callable[[], Awaitable[bool]],
    ) -> None:
        self.pubsub, self.kind, self.parameters = pubsub, kind, parameters
        self.inbox, self.told, self._read = inbox, told, read
        self.watch, self.clock = pubsub._watch, pubsub._clock
        self.failures = 0
        self.heard = 0
        self.behind_since: float | None = None

    async def keep(self) -> None:
        while True:
            try:
                await self._once()
            except (RpcError, OSError, TimeoutError) as error:
                if isinstance(error, ChainChanged) or (
                    isinstance(error, RpcError) and error.code in _REFUSALS
                ):
                    self.inbox.end(error)
                    return
                self.pubsub._trouble(error)
            self.failures += 1
            pause = self.pubsub._backoff.pause(self.failures, self.pubsub._chance)
            await self.clock.sleep(pause)

    async def _once(self) -> None:
        """Connect, subscribe, read, and listen until something goes wrong."""
        within, limit = self.pubsub._within, self.watch.answer
        connection = await within(limit, self._opened(), "connecting to")
        try:
            await within(limit, self.pubsub._same_chain(), "a read of")
            early = await within(limit, self._subscribed(connection), "subscribing at")
            # after the subscription stands: nothing can fall between the two
            await self._reading()
            self.failures = 0
            for message in early:
                self._take(message)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hear(connection))
                group.create_task(self._reread())
        except BaseExceptionGroup as group_error:
            raise group_error.exceptions[0] from None
        finally:
            with contextlib.suppress(OSError, ChoirError):
                await connection.close()

    async def _opened(self) -> Socket:
        return await self.pubsub._connect(self.pubsub.url)

    async def _subscribed(self, connection: Socket) -> list[Any]:
        """Returns what was told before the answer."""
        import orjson

        request = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": f"{self.kind}Subscribe",
            "params": self.parameters,
        }
        await _said(connection, orjson.dumps(request).decode())
        early: list[Any] = []
        while True:
            message = await _received(connection)
            if message.get("id") == 1:
                if message.get("error") is not None:
                    raise error_from_json(f"{self.kind}Subscribe", message["error"])
                return early
            early.append(message)

    async def _hear(self, connection: Socket) -> None:
        while True:
            self._take(await _received(connection))

    def _take(self, message: Mapping[str, Any]) -> None:
        if message.get("method") != f"{self.kind}Notification":
            return
        try:
            self.told(message["params"]["result"])
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise RpcUnreachable(f"a notification cannot be read: {error!r}") from error
        self.heard += 1

    async def _reread(self) -> None:
        await self.clock.sleep(self.watch.settle)
        while True:
            heard = self.heard
            try:
                news = await self._reading()
            except ChainChanged:
                raise
            except RpcError as error:
                if error.code in _REFUSALS:
                    raise
                self.pubsub._trouble(error)
                news = False
            await self.clock.sleep(self.watch.reread)
            if news and self.heard == heard:
                raise _Silent(
                    f"the socket of {place_of(self.pubsub.url)} tells nothing of what changes"
                )

    async def _reading(self) -> bool:
        """Read the state; whether it was news. Raises NodeBehind while the node is behind."""

        async def read() -> bool:
            return await self._read()

        try:
            news = await self.pubsub._within(self.watch.answer, read(), "a read of")
        except NodeBehind:
            now = self.clock.monotonic()
            self.behind_since = now if self.behind_since is None else self.behind_since
            if now - self.behind_since > self.watch.rewind:
                self.inbox.rewind()
                self.behind_since = None
            raise
        self.behind_since = None
        return news


def _not_behind(slot: int, inbox: Inbox) -> None:
    """A read as of a slot before what was told proves nothing about what happened since."""
    if slot < inbox.newest:
        raise NodeBehind(f"the node answers for slot {slot}; {inbox.newest} was told already")


async def _fill(rpc: Rpc, stream: Stream, address: Pubkey, commitment: Commitment) -> bool:
    """Tell what the history holds since it was last read; whether there was news."""
    first = stream.anchor is None and not stream.anchor_slot
    try:
        rows = await rpc.get_signatures_for_address(
            address,
            until=stream.anchor,
            limit=1 if first else FILLED_AT_ONCE,
            commitment=commitment,
        )
    except MethodNotServed:
        if first:
            stream.anchor_slot = 1
        else:
            stream.gap(stream.newest)
        return False
    if first:
        stream.anchor_slot = 1
    else:
        # were the anchor forked away, the node would tell the whole history
        rows = [row for row in rows if row.slot >= stream.anchor_slot]
        if len(rows) >= FILLED_AT_ONCE:
            stream.gap(stream.anchor_slot)
            rows = rows[:1]
    news = False
    if not first:
        for row in reversed(rows):
            if stream.seen(row.signature):
                continue
            found = await rpc.get_transaction(row.signature, commitment=commitment)
            if found is None:
                stream.gap(row.slot - 1)
                continue
            lines = (found.get("meta") or {}).get("logMessages") or ()
            news |= stream.offer(Logs(row.slot, row.signature, row.err, tuple(lines)))
    if rows:
        stream.anchor, stream.anchor_slot = rows[0].signature, max(rows[0].slot, 1)
    return news


async def _first(updates: AsyncIterator[Any]) -> Any:
    try:
        async for update in updates:
            return update
    finally:
        await updates.aclose()  # type: ignore[attr-defined]
    raise OutcomeUnknown("the subscription ended before anything was told")


async def _said(connection: Socket, text: str) -> None:
    from websockets.exceptions import ConnectionClosed

    try:
        await connection.send(text)
    except ConnectionClosed as error:
        raise RpcUnreachable(f"the node closed the connection: {error}") from error


async def _received(connection: Socket) -> Mapping[str, Any]:
    import orjson
    from websockets.exceptions import ConnectionClosed

    try:
        message = orjson.loads(await connection.recv())
    except ConnectionClosed as error:
        raise RpcUnreachable(f"the node closed the subscription: {error}") from error
    except orjson.JSONDecodeError as error:
        raise RpcUnreachable("the node's pub/sub does not speak JSON") from error
    if not isinstance(message, dict):
        raise RpcUnreachable("the node's pub/sub does not speak JSON-RPC")
    return message


async def _connect(url: str) -> Socket:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake, InvalidURI

    try:
        return await connect(
            url, max_size=MAX_MESSAGE_BYTES, open_timeout=10, ping_interval=20, ping_timeout=20
        )
    except InvalidURI as error:
        said = scrubbed(str(error), url)
        raise RpcError(
            f"{place_of(url)} is not the address of a WebSocket: {said}", code=-32600
        ) from None
    except (InvalidHandshake, OSError, TimeoutError) as error:
        said = scrubbed(str(error), url)
        raise RpcUnreachable(
            f"cannot reach the node's pub/sub at {place_of(url)}: {said}"
        ) from None
