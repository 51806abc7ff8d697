"""Doubles for tests of code that uses this library. They are part of its public interface.

`ManualClock` moves only when told to or slept on. `FakeRpc` is a node in memory: it knows no
programs, but slots, blockhashes, statuses and their expiry as a cluster has them, and it fails
on request. What the two have in common with a real node is itself tested against the localnet.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
import struct
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from heapq import heappop, heappush
from typing import Any, Final, Literal

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from choir.errors import RpcUnreachable
from choir.rpc import Account, JsonRpc, error_from_json

__all__ = ["Delayed", "FakeRpc", "FakeTransaction", "ManualClock", "SteppedClock"]

FINALITY: Final = 31
"""Slots from confirmed to finalized."""
BLOCKHASH_LIFETIME = 150
"""Blocks a blockhash can be used for."""
STATUS_LIFETIME = 300
"""Slots a node without a history remembers statuses for."""


class ManualClock:
    """A `Clock` that stands still. `sleep` moves it on, then calls `on_sleep(seconds)`."""

    def __init__(
        self,
        now: float = 1_700_000_000.0,
        *,
        on_sleep: Callable[[float], Awaitable[None] | None] | None = None,
    ) -> None:
        self._now = now
        self._started = now
        self.on_sleep = on_sleep
        self.slept: list[float] = []

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now - self._started

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(max(seconds, 0.0))
        if self.on_sleep is not None and inspect.isawaitable(done := self.on_sleep(seconds)):
            await done


class SteppedClock:
    """A `Clock` for code with several tasks: a sleeper wakes when the clock is moved to its time.

    `run_until(done)` moves it from one waking to the next, and lets everything that can run do so
    in between: minutes pass in milliseconds, in the same order every time.
    """

    TURNS = 40
    """Turns of the event loop that everything which does not wait for time has to come to rest."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._started = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now - self._started

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heappush(self._sleepers, (self._now + seconds, self._count, waking))
        await waking

    def advance(self, seconds: float) -> None:
        """Let time pass; who slept until then wakes."""
        self._now += seconds
        while self._sleepers and self._sleepers[0][0] <= self._now + 1e-9:
            waking = heappop(self._sleepers)[2]
            if not waking.done():
                waking.set_result(None)

    async def rest(self) -> None:
        """Let everything run that does not wait for time."""
        for _ in range(self.TURNS):
            await asyncio.sleep(0)

    async def run_until(self, done: Callable[[], bool], *, within: float = 3_600.0) -> None:
        """Let time pass until `done()`. Raises TimeoutError after `within` seconds of it."""
        end = self._now + within
        while True:
            await self.rest()
            if done():
                return
            while self._sleepers and self._sleepers[0][2].done():
                heappop(self._sleepers)
            if not self._sleepers or self._sleepers[0][0] > end:
                raise TimeoutError(f"not so within {within:g} s of the stepped clock")
            self.advance(self._sleepers[0][0] - self._now)


@dataclass(frozen=True, slots=True)
class Delayed:
    """A send that arrives `slots` later; with `now` it arrives at once and then again.

    What arrives while its blockhash stands and is not on the chain lands, with `err` if given.
    """

    slots: int
    now: bool = False
    err: Any = None


Fate = Literal["land", "drop"] | Delayed


@dataclass(slots=True)
class FakeTransaction:
    """A transaction the fake has let in."""

    slot: int
    err: Any = None
    logs: list[str] = field(default_factory=list)


class FakeRpc(JsonRpc):
    """A node in memory.

    - `advance(n)` makes n slots, each with a block.
    - `fates` says what becomes of the next sends: "land" (the default), "drop", a `Delayed`, or
      a `FakeTransaction` to land with an error; each entry is used once.
    - `fail(method, error, after=False)` makes the next call of a method raise; with `after` it
      takes effect first and the answer is lost.
    - `accounts`, `simulation`, `fees` are what it answers with. `calls` counts, `sent` keeps what
      arrived. `lag` is how many slots confirmed is behind processed.
    - `behind` are the slots by which the nodes that answer the next calls are behind, one each.
    - `preflights` makes it run a preflight even when asked not to, as some gateways do.
    - `fork_back(n)` drops slots: blockhashes of dropped slots die, and others take their place.
    """

    def __init__(self, *, slot: int = 1_000, lag: int = 0, history: bool = True) -> None:
        self.slot = slot
        self.lag = lag
        self.history = history
        self.first_available_slot = 0
        self.accounts: dict[Pubkey, Account] = {}
        self.landed: dict[str, FakeTransaction] = {}
        self.sent: list[VersionedTransaction] = []
        self.fates: deque[Fate | FakeTransaction] = deque()
        self.fees: list[int] = []
        self.simulation: dict[str, Any] = {"err": None, "logs": [], "unitsConsumed": 1_000}
        self.calls: dict[str, int] = defaultdict(int)
        self.behind: deque[int] = deque()
        self.preflights = False
        self._failures: dict[str, deque[tuple[Exception, bool]]] = defaultdict(deque)
        self._in_flight: list[tuple[int, VersionedTransaction, FakeTransaction]] = []
        self._branches: list[tuple[int, int]] = [(0, 0)]
        self._forks = 0
        self._passed = 0  # slots in all; a fork does not turn time back
        self._back = 0

    def advance(self, slots: int = 1) -> None:
        """Let slots pass, each with a block; what was delayed arrives."""
        for _ in range(slots):
            self.slot += 1
            self._passed += 1
            due = [each for each in self._in_flight if each[0] <= self._passed]
            self._in_flight = [each for each in self._in_flight if each[0] > self._passed]
            for _, transaction, outcome in due:
                self._arrive(transaction, outcome)

    def fail(self, method: str, *errors: Exception, after: bool = False) -> None:
        """Make the next calls of `method` raise these errors, one each."""
        self._failures[method].extend((error, after) for error in errors)

    def unlose(self) -> None:
        """Stop failing."""
        self._failures.clear()

    def fork_back(self, slots: int) -> None:
        """Drop the last slots and what landed in them; the open slot begins anew."""
        self.slot -= slots
        self.landed = {s: t for s, t in self.landed.items() if t.slot <= self.slot}
        self._branches = [b for b in self._branches if b[0] <= self.slot]
        self._forks += 1
        self._branches.append((self.slot + 1, self._forks))

    async def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        self.calls[method] += 1
        self._back = self.behind.popleft() if self.behind else 0
        failure = self._failures[method].popleft() if self._failures[method] else None
        if failure is not None and not failure[1]:
            raise failure[0]
        handler = getattr(self, f"_{method}", None)
        if handler is None:
            raise error_from_json(method, {"code": -32601, "message": "Method not found"})
        answer = handler(*params)
        if failure is not None:
            raise failure[0]
        return answer

    def lose_answer(self, method: str) -> None:
        """Let the next call take effect and its answer get lost."""
        self.fail(method, RpcUnreachable(f"{method}: the answer was lost"), after=True)

    # ---- what the methods answer, as a node's JSON

    def _at(self, commitment: str) -> int:
        back = {"processed": 0, "confirmed": self.lag, "finalized": self.lag + FINALITY}
        return max(self.slot - self._back - back[commitment], 0)

    def _context(self, value: Any, options: Any = None) -> dict[str, Any]:
        options = options or {}
        slot = self._at(options.get("commitment", "finalized"))
        if slot < options.get("minContextSlot", 0):
            behind = {
                "code": -32016,
                "message": "Minimum context slot has not been reached",
                "data": {"contextSlot": slot},
            }
            raise error_from_json("the call", behind)
        return {"context": {"slot": slot}, "value": value}

    def _blockhash(self, slot: int) -> Hash:
        branch = next(number for start, number in reversed(self._branches) if start <= slot)
        return _fake_hash(slot, branch)

    def _account(self, address: str) -> dict[str, Any] | None:
        account = self.accounts.get(Pubkey.from_string(address))
        if account is None:
            return None
        return {
            "lamports": account.lamports,
            "owner": str(account.owner),
            "data": [base64.b64encode(account.data).decode(), "base64"],
            "executable": account.executable,
            "rentEpoch": account.rent_epoch,
        }

    def _getAccountInfo(self, address: str, options: Any) -> Any:  # noqa: N802
        return self._context(self._account(address), options)

    def _getMultipleAccounts(self, addresses: list[str], options: Any) -> Any:  # noqa: N802
        return self._context([self._account(a) for a in addresses], options)

    def _getBalance(self, address: str, options: Any) -> Any:  # noqa: N802
        account = self.accounts.get(Pubkey.from_string(address))
        return self._context(account.lamports if account else 0, options)

    def _getLatestBlockhash(self, options: Any) -> Any:  # noqa: N802
        slot = self._at(options["commitment"])
        value = {
            "blockhash": str(self._blockhash(slot)),
            "lastValidBlockHeight": slot + BLOCKHASH_LIFETIME,
        }
        return self._context(value, options)

    def _getBlockHeight(self, options: Any) -> int:  # noqa: N802
        return self._at(options["commitment"])

    def _getSlot(self, options: Any) -> int:  # noqa: N802
        return self._at(options["commitment"])

    def _getEpochInfo(self, options: Any) -> Any:  # noqa: N802
        slot = self._at(options["commitment"])
        return {"absoluteSlot": slot, "blockHeight": slot}

    def _getFirstAvailableBlock(self) -> int:  # noqa: N802
        return self.first_available_slot

    def _getGenesisHash(self) -> str:  # noqa: N802
        return str(self._blockhash(0))

    def _getMinimumBalanceForRentExemption(self, size: int) -> int:  # noqa: N802
        return (size + 128) * 6_960

    def _getRecentPrioritizationFees(self, _: list[str]) -> Any:  # noqa: N802
        return [{"slot": self.slot, "prioritizationFee": fee} for fee in self.fees]

    def _simulateTransaction(self, _: str, options: Any) -> Any:  # noqa: N802
        return self._context(self.simulation, options)

    def _sendTransaction(self, encoded: str, options: Any) -> str:  # noqa: N802
        transaction = VersionedTransaction.from_bytes(base64.b64decode(encoded))
        signature = str(transaction.signatures[0])
        if not all(transaction.verify_with_results()):
            if options["skipPreflight"]:
                return signature  # a node that does not look takes anything, and it is dropped
            words = "Transaction did not pass signature verification"
            failed = {
                "code": -32002,
                "message": f"Transaction simulation failed: {words}",
                "data": {"err": "SignatureFailure", "logs": []},
            }
            raise error_from_json("sendTransaction", failed)
        self.sent.append(transaction)
        fate = self.fates.popleft() if self.fates else "land"
        outcome = fate if isinstance(fate, FakeTransaction) else FakeTransaction(self.slot)
        if self.preflights or not options["skipPreflight"]:
            self._preflight(transaction, outcome)
        if isinstance(fate, Delayed):
            outcome.err = fate.err
            late = FakeTransaction(0, fate.err)
            self._in_flight.append((self._passed + fate.slots, transaction, late))
        if fate != "drop" and (not isinstance(fate, Delayed) or fate.now):
            self._arrive(transaction, outcome)
        return signature

    def _preflight(self, transaction: VersionedTransaction, outcome: FakeTransaction) -> None:
        slot = self.slot - self._back
        known = self.landed.get(str(transaction.signatures[0]))
        err = outcome.err
        if known is not None and known.slot <= slot:
            err = "AlreadyProcessed"
        elif not self._alive(transaction, slot):
            err = "BlockhashNotFound"
        if err is not None:
            raise error_from_json(
                "sendTransaction",
                {
                    "code": -32002,
                    "message": "Transaction simulation failed",
                    "data": {"err": err, "logs": outcome.logs},
                },
            )

    def _arrive(self, transaction: VersionedTransaction, outcome: FakeTransaction) -> None:
        signature = str(transaction.signatures[0])
        if signature not in self.landed and self._alive(transaction, self.slot):
            outcome.slot = self.slot
            self.landed[signature] = outcome

    def _alive(self, transaction: VersionedTransaction, slot: int) -> bool:
        recent = transaction.message.recent_blockhash
        oldest = max(slot - BLOCKHASH_LIFETIME, 0)
        return any(self._blockhash(s) == recent for s in range(oldest, slot + 1))

    def _getSignatureStatuses(self, signatures: list[str], options: Any) -> Any:  # noqa: N802
        deep = options["searchTransactionHistory"] and self.history
        return {
            "context": {"slot": self.slot - self._back},
            "value": [self._status(signature, deep=deep) for signature in signatures],
        }

    def _status(self, signature: str, *, deep: bool) -> Any:
        landed = self.landed.get(signature)
        now = self.slot - self._back
        if landed is None or landed.slot > now:
            return None
        if not deep and now - landed.slot > STATUS_LIFETIME:
            return None
        reached = [c for c in ("processed", "confirmed", "finalized") if landed.slot <= self._at(c)]
        return {
            "slot": landed.slot,
            "err": landed.err,
            "confirmations": None if "finalized" in reached else 0,
            "confirmationStatus": reached[-1],
        }

    def _getTransaction(self, signature: str, options: Any) -> Any:  # noqa: N802
        landed = self.landed.get(signature)
        if landed is None or landed.slot > self._at(options["commitment"]):
            return None
        return {"slot": landed.slot, "meta": {"err": landed.err, "logMessages": landed.logs}}

    def sent_signatures(self) -> list[Signature]:
        """The distinct signatures that arrived, in order."""
        return list(dict.fromkeys(t.signatures[0] for t in self.sent))


@lru_cache(maxsize=65_536)
def _fake_hash(slot: int, branch: int) -> Hash:
    return Hash(sha256(b"fake" + struct.pack("<QQ", slot, branch)).digest())
