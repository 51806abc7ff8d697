"""What arrived from subscriptions and was not read yet: states coalesce, streams are bounded."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from solders.pubkey import Pubkey
from solders.signature import Signature

from choir.rpc import Account, SignatureStatus

__all__ = ["END", "AccountUpdate", "Gap", "Inbox", "Latest", "Logs", "Stream"]

END: Final = object()
SEEN_KEPT: Final = 20_000


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
    """Logs of transactions after `slot` may be missing from here on, and could not be read."""

    slot: int


class Inbox:
    """A reader waits here; `end` ends it, with an error or without."""

    def __init__(self) -> None:
        self._ready = asyncio.Event()
        self._ended = False
        self._error: BaseException | None = None
        self.newest = 0
        """The highest slot heard of."""

    def end(self, error: BaseException | None) -> None:
        if not self._ended:
            self._ended, self._error = True, error
        self._ready.set()

    def rewind(self) -> None:
        """The chain went back: slots told so far are no measure any more."""
        self.newest = 0

    def _take(self) -> Any:
        raise NotImplementedError

    async def next(self) -> Any:
        """The next item; END, or the error, once everything before it was read."""
        while True:
            item = self._take()
            if item is not None:
                return item
            if self._ended:
                if self._error is not None:
                    raise self._error
                return END
            self._ready.clear()
            await self._ready.wait()


class Latest(Inbox):
    """The newest state of each address; never an older one after a newer one.

    It holds at most one unread state for each address, however slow the reader.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[Pubkey, AccountUpdate] = {}
        self._waiting: OrderedDict[Any, Any] = OrderedDict()
        self._floor = 0

    def offer(self, update: AccountUpdate) -> bool:
        """Take note of a state; whether it is news to the reader."""
        self.newest = max(self.newest, update.slot)
        before = self._told.get(update.address)
        if before is None:
            # older than everything that was read at once: it was gone again by then
            if update.slot < self._floor or (self._floor and update.account is None):
                return False
        elif update.slot < before.slot or update.account == before.account:
            if update.slot > before.slot:  # the same state, known to be so at a later slot
                self._told[update.address] = update
            return False
        self._told[update.address] = update
        self._waiting[update.address] = update
        self._ready.set()
        return True

    def offer_all(self, slot: int, present: Mapping[Pubkey, Account]) -> bool:
        """Everything there was at a slot: what is not `present` did not exist then."""
        news = False
        for address, update in list(self._told.items()):
            if address not in present:
                news |= self.offer(AccountUpdate(slot, address, None))
                if self._told[address].account is None and update.slot <= slot:
                    del self._told[address]  # the floor keeps older states of it out
        # whatever is not told yet at this slot is told below, not kept out
        self._floor, floor = 0, self._floor
        for address, account in present.items():
            if slot >= floor or address in self._told:
                news |= self.offer(AccountUpdate(slot, address, account))
        self._floor = max(slot, floor)
        self.newest = max(self.newest, slot)
        return news

    def offer_status(self, status: SignatureStatus) -> None:
        """A transaction's status, which is the only thing here then."""
        self._waiting[None] = status
        self._ready.set()

    def rewind(self) -> None:
        super().rewind()
        self._floor = min(self._floor, 1)
        self._told = {
            address: AccountUpdate(0, address, update.account)
            for address, update in self._told.items()
        }

    def _take(self) -> Any:
        return self._waiting.popitem(last=False)[1] if self._waiting else None


class Stream(Inbox):
    """Every transaction's logs once, up to `kept` unread ones; what is lost is said.

    When the reader falls further behind, everything unread is dropped for one `Gap`.
    """

    def __init__(self, kept: int) -> None:
        super().__init__()
        self._kept = kept
        self._waiting: deque[Logs | Gap] = deque()
        self._seen: OrderedDict[Signature, None] = OrderedDict()
        self._handed = 0
        self.anchor: Signature | None = None
        """The newest signature known when the history was last read."""
        self.anchor_slot = 0

    def seen(self, signature: Signature) -> bool:
        """Whether its logs were offered before."""
        return signature in self._seen

    def offer(self, logs: Logs) -> bool:
        """Take note of logs; whether they are news."""
        self.newest = max(self.newest, logs.slot)
        if logs.signature in self._seen:
            return False
        self._seen[logs.signature] = None
        if len(self._seen) > SEEN_KEPT:
            self._seen.popitem(last=False)
        if len(self._waiting) >= self._kept:
            # what is dropped may be older than what was handed out, where it came from the history
            dropped = (w.slot if isinstance(w, Gap) else w.slot - 1 for w in self._waiting)
            since = min(self._handed, *dropped)
            self._waiting.clear()
            self._waiting.append(Gap(since))
        self._waiting.append(logs)
        self._ready.set()
        return True

    def gap(self, slot: int) -> None:
        """Say that logs after a slot may be missing."""
        self._waiting.append(Gap(slot))
        self._ready.set()

    def _take(self) -> Any:
        if not self._waiting:
            return None
        item = self._waiting.popleft()
        self._handed = max(self._handed, item.slot)
        return item
