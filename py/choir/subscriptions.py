"""Pub/sub that survives its connection: accounts, programs, logs, signatures.

    async with PubSub(ws_url, rpc) as pubsub:
        async for update in pubsub.account(address):
            ...

A plain `accountSubscribe` goes silent when the socket drops, and what changed meanwhile is never
told. Here the connection is opened again with jittered, growing pauses, every subscription is made
again, and then the state is **fetched**, so that a reader always ends with the newest state:

- updates of an account never go back in slots: what is older than what was already told is
  dropped, so a slow node or a fetch that crosses a notification cannot undo anything;
- an account that is gone is told as one (`account is None`, with the slot of that knowledge): the
  difference between "closed" and "nothing heard";
- a reader that is slower than the chain gets the newest state of each account, not a growing queue;
- logs are a stream, not a state: after a gap, `Gap` says from which slot on lines may be missing.

The subscription ends when the iterator is closed or the `PubSub` left; a node that refuses it
raises RpcError, one that comes back with another chain (a localnet that was reset) ChainChanged.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir._urls import place_of, scrubbed
from choir.clock import Clock, SystemClock
from choir.errors import (
    ChainChanged,
    NodeBehind,
    OutcomeUnknown,
    RateLimited,
    RpcError,
    RpcUnreachable,
)
from choir.rpc import (
    Account,
    Commitment,
    Filter,
    Rpc,
    SignatureStatus,
    account_from_json,
    error_from_json,
)

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

__all__ = ["AccountUpdate", "Backoff", "Gap", "Logs", "PubSub"]

MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
LOGS_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class AccountUpdate:
    """The state of an account at a slot; `account` is None when it does not exist there."""

    slot: int
    address: Pubkey
    account: Account | None


@dataclass(frozen=True, slots=True)
class Logs:
    """The logs of a transaction."""

    slot: int
    signature: Signature
    err: Any
    logs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """The connection was lost, or the reader too slow: logs after `slot` may be missing."""

    slot: int


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between attempts to connect, in seconds: full jitter under a doubling bound."""

    first: float = 0.2
    longest: float = 15.0

    def pause(self, attempt: int, chance: random.Random) -> float:
        """The pause after `attempt` failures in a row, counted from 1."""
        bound = min(self.longest, self.first * 2 ** min(attempt - 1, 30))
        return chance.uniform(bound / 4, bound)


class PubSub:
    """Subscriptions over one node's WebSocket, one connection for each.

    `rpc` is asked for the state after every (re)connection. `clock` and `chance` are injected.
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
        connect: Callable[[str], Awaitable[ClientConnection]] | None = None,
    ) -> None:
        self.url = url
        self.rpc = rpc
        self.commitment: Commitment = commitment
        self._clock = clock or SystemClock()
        self._chance = chance or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._backoff = backoff or Backoff()
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
        latest = _Latest()

        async def fetch() -> None:
            found = await self.rpc.get_account(address, commitment=self.commitment)
            latest.offer(AccountUpdate(found.slot, address, found.value))

        def told(result: Mapping[str, Any]) -> None:
            value = result["value"]
            # a closed account is told with no lamports, not with null
            gone = value is None or int(value["lamports"]) == 0
            account = None if gone else account_from_json(value)
            latest.offer(AccountUpdate(int(result["context"]["slot"]), address, account))

        options = {"encoding": "base64", "commitment": self.commitment}
        return self._follow("account", [str(address), options], latest, told, fetch)

    def program(
        self, program: Pubkey, *, filters: Sequence[Filter] = ()
    ) -> AsyncIterator[AccountUpdate]:
        """The state of every account of a program that passes the filters, and every change.

        After a reconnection, accounts that are gone are told with `account` None.
        """
        latest = _Latest()

        async def fetch() -> None:
            found = await self.rpc.get_program_accounts(
                program, filters=filters, commitment=self.commitment
            )
            present = dict(found.value)
            for address in latest.known - present.keys():
                latest.offer(AccountUpdate(found.slot, address, None))
            for address, account in present.items():
                latest.offer(AccountUpdate(found.slot, address, account))

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
        return self._follow("program", [str(program), options], latest, told, fetch)

    def logs(self, mentions: Pubkey) -> AsyncIterator[Logs | Gap]:
        """The logs of every transaction that mentions an address, from now on, and gaps."""
        stream = _Stream()

        async def fetch() -> None:
            stream.connected()

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
        return self._follow("logs", asked, stream, told, fetch)

    async def signature(self, signature: Signature, *, within: float = 90.0) -> SignatureStatus:
        """Wait until a transaction has reached the commitment; look at `err` for success.

        Raises OutcomeUnknown after `within` seconds: it may still land until its blockhash
        expires (`choir.sending` proves that).
        """
        once = _Latest()

        async def fetch() -> None:
            found = await self.rpc.get_signature_statuses([signature], search_history=True)
            status = found.value[0]
            if status is not None and status.reached(self.commitment):
                once.offer_status(status)

        def told(result: Mapping[str, Any]) -> None:
            slot, err = int(result["context"]["slot"]), result["value"]["err"]
            once.offer_status(SignatureStatus(slot, err, self.commitment))

        asked = [str(signature), {"commitment": self.commitment}]
        updates = self._follow("signature", asked, once, told, fetch)
        deadline = self._clock.monotonic() + within
        try:
            async with asyncio.TaskGroup() as group:
                first = group.create_task(_first(updates))
                alarm = group.create_task(self._clock.sleep(deadline - self._clock.monotonic()))
                await asyncio.wait({first, alarm}, return_when=asyncio.FIRST_COMPLETED)
                alarm.cancel()
                if not first.done():
                    first.cancel()
                    raise OutcomeUnknown(
                        f"transaction {signature} was not {self.commitment} within {within:g} s",
                        signature=str(signature),
                    )
                status: SignatureStatus = first.result()
        except BaseExceptionGroup as group_error:
            raise group_error.exceptions[0] from None
        return status

    async def _follow(
        self,
        kind: str,
        parameters: list[Any],
        inbox: _Latest | _Stream,
        told: Callable[[Mapping[str, Any]], None],
        fetch: Callable[[], Awaitable[None]],
    ) -> AsyncIterator[Any]:
        """Keep the subscription alive in a task of its own and hand out what arrives."""

        async def keep() -> None:
            failures = 0
            while True:
                try:
                    connection = await self._connect(self.url)
                    try:
                        await self._same_chain()
                        listening = await _subscribe(connection, kind, parameters, told, fetch)
                        failures = 0
                        await listening()
                    finally:
                        await connection.close()
                except (RpcUnreachable, OSError, TimeoutError) as error:
                    inbox.lost(error)
                except RpcError as error:
                    # a busy node may be asked again; a refusal of the method or filter may not
                    if not isinstance(error, RateLimited | NodeBehind):
                        inbox.end(error)
                        return
                    inbox.lost(error)
                failures += 1
                await self._clock.sleep(self._backoff.pause(failures, self._chance))

        task = asyncio.create_task(keep(), name=f"choir-{kind}-subscription")
        self._running.add(task)

        def ended(done: asyncio.Task[None]) -> None:
            self._running.discard(done)
            inbox.end(None if done.cancelled() else done.exception())

        task.add_done_callback(ended)
        try:
            while (item := await inbox.next()) is not _END:
                yield item
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

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


_END: Final = object()


class _Inbox:
    """What has arrived and was not read yet."""

    def __init__(self) -> None:
        self._ready = asyncio.Event()
        self._ended = False
        self._error: BaseException | None = None

    def end(self, error: BaseException | None) -> None:
        if not self._ended:
            self._ended, self._error = True, error
        self._ready.set()

    def lost(self, error: Exception) -> None:
        """The connection is gone; the next fetch tells what was missed."""

    def _take(self) -> Any:
        raise NotImplementedError

    async def next(self) -> Any:
        while True:
            item = self._take()
            if item is not None:
                return item
            if self._ended:
                if self._error is not None:
                    raise self._error
                return _END
            self._ready.clear()
            await self._ready.wait()


class _Latest(_Inbox):
    """The newest state of each address; never an older one after a newer one."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[Pubkey, AccountUpdate] = {}
        self._waiting: OrderedDict[Any, Any] = OrderedDict()

    @property
    def known(self) -> set[Pubkey]:
        """Addresses last told to exist."""
        return {address for address, update in self._told.items() if update.account is not None}

    def offer(self, update: AccountUpdate) -> None:
        before = self._told.get(update.address)
        if before is not None and (update.slot < before.slot or update.account == before.account):
            if update.slot > before.slot:  # the same state, known to be so at a later slot
                self._told[update.address] = update
            return
        self._told[update.address] = update
        self._waiting[update.address] = update
        self._ready.set()

    def offer_status(self, status: SignatureStatus) -> None:
        self._waiting[None] = status
        self._ready.set()

    def _take(self) -> Any:
        return self._waiting.popitem(last=False)[1] if self._waiting else None


class _Stream(_Inbox):
    """Everything in order, up to a bound; what is lost is said."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[Logs | Gap] = []
        self._newest = 0
        self._missed = False

    def offer(self, logs: Logs) -> None:
        self._newest = max(self._newest, logs.slot)
        if len(self._waiting) >= LOGS_KEPT:
            self._waiting = [Gap(self._waiting[0].slot)]
        self._waiting.append(logs)
        self._ready.set()

    def lost(self, error: Exception) -> None:
        self._missed = True

    def connected(self) -> None:
        if self._missed:
            self._missed = False
            self._waiting.append(Gap(self._newest))
            self._ready.set()

    def _take(self) -> Any:
        return self._waiting.pop(0) if self._waiting else None


async def _first(updates: AsyncIterator[Any]) -> Any:
    try:
        async for update in updates:
            return update
    finally:
        await updates.aclose()  # type: ignore[attr-defined]
    raise OutcomeUnknown("the subscription ended before anything was told")


async def _connect(url: str) -> ClientConnection:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake, InvalidURI

    try:
        return await connect(
            url, max_size=MAX_MESSAGE_BYTES, open_timeout=10, ping_interval=20, ping_timeout=20
        )
    except InvalidURI as error:
        said = scrubbed(str(error), url)
        raise RpcError(f"{place_of(url)} is not the address of a WebSocket: {said}") from None
    except (InvalidHandshake, OSError, TimeoutError) as error:
        said = scrubbed(str(error), url)
        raise RpcUnreachable(
            f"cannot reach the node's pub/sub at {place_of(url)}: {said}"
        ) from None


async def _subscribe(
    connection: ClientConnection,
    kind: str,
    parameters: list[Any],
    told: Callable[[Mapping[str, Any]], None],
    fetch: Callable[[], Awaitable[None]],
) -> Callable[[], Awaitable[None]]:
    """Subscribe, fetch the state, and return what listens until the connection is lost.

    The fetch comes after the subscription is confirmed: nothing can fall between the two.
    """
    import orjson
    from websockets.exceptions import ConnectionClosed

    method = f"{kind}Notification"

    async def receive() -> Any:
        try:
            return orjson.loads(await connection.recv())
        except ConnectionClosed as error:
            raise RpcUnreachable(f"the node closed the subscription: {error}") from error
        except orjson.JSONDecodeError as error:
            raise RpcUnreachable("the node's pub/sub does not speak JSON") from error

    request = {"jsonrpc": "2.0", "id": 1, "method": f"{kind}Subscribe", "params": parameters}
    try:
        await connection.send(orjson.dumps(request).decode())
    except ConnectionClosed as error:
        raise RpcUnreachable(f"the node closed the connection: {error}") from error
    early: list[Any] = []
    while True:
        message = await receive()
        if message.get("id") == 1:
            if message.get("error") is not None:
                raise error_from_json(f"{kind}Subscribe", message["error"])
            break
        early.append(message)
    await fetch()

    async def listen() -> None:
        for message in early:
            if message.get("method") == method:
                told(message["params"]["result"])
        while True:
            message = await receive()
            if message.get("method") == method:
                told(message["params"]["result"])

    return listen
