"""The part of the chain that a stream has proven whole: pure, fed with one update at a time.

A server gives, at a commitment, everything of a slot and then the slot's block meta. So a slot is
whole when its meta has come after everything of it; and slots follow each other without a hole
when each meta names the one before it, by slot and by blockhash. The first meta of a stream
proves nothing of its own slot, whose beginning may have been missed: it is the `base`, after
which all is whole.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from solders.pubkey import Pubkey

from choir_indexer.model import AccountUpdate, RawTransaction, SignatureRef
from choir_indexer.sources.port import Forked, SourceLost
from choir_indexer.sources.yellowstone import geyser_pb2 as wire
from choir_indexer.sources.yellowstone.convert import streamed

__all__ = ["ABSENT", "Block", "Links", "StreamedChain", "whole_slots"]

# An absence in a slot is as the slot's end has it: newer than everything streamed within it, and
# no newer than an answer to a question, which says the same.
ABSENT = 2**63 - 1
WINDOW = 1024
"""Slots that are remembered after they were given, to know late news from old."""
OPEN_LIMIT = 1_000_000
"""Transactions and accounts of slots whose meta has not come."""


@dataclass(frozen=True, slots=True)
class Block:
    """A whole slot.

    `states` says what became of each account that its transactions could write to, or that was
    announced: as of the end of the slot. An address that is not in it has to be asked for if a
    transaction could write to it.
    """

    slot: int
    transactions: tuple[RawTransaction, ...]
    states: dict[bytes, AccountUpdate]

    @property
    def size(self) -> int:
        """How much it holds."""
        return len(self.transactions) + len(self.states)


@dataclass(slots=True)
class _Open:
    """What came of a slot whose meta has not."""

    transactions: dict[bytes, wire.TransactionInfo] = field(default_factory=dict)
    accounts: dict[bytes, AccountUpdate] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.transactions) + len(self.accounts)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is remembered of a slot: enough to tell a repetition from news."""

    blockhash: str
    signatures: frozenset[bytes]
    versions: dict[bytes, int]


class Links:
    """Slots of the chain as they were given, the newest ones, by blockhash and contents.

    It outlives a stream: what the next one says is held against it.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[int, _Seen] = OrderedDict()

    def __contains__(self, slot: int) -> bool:
        return slot in self._seen

    def get(self, slot: int) -> _Seen | None:
        """What is remembered of a slot."""
        return self._seen.get(slot)

    def blockhash(self, slot: int) -> str | None:
        """The slot's blockhash, if it is remembered."""
        seen = self._seen.get(slot)
        return seen.blockhash if seen else None

    def add(self, slot: int, seen: _Seen) -> None:
        """Remember; the oldest is forgotten."""
        self._seen[slot] = seen
        while len(self._seen) > WINDOW:
            self._seen.popitem(last=False)

    def oldest(self) -> int | None:
        """The oldest slot that is remembered."""
        return next(iter(self._seen), None)

    def before(self, slot: int) -> int | None:
        """The newest remembered slot below one."""
        return max((there for there in self._seen if there < slot), default=None)

    def clear(self) -> None:
        """Another chain."""
        self._seen.clear()

    def forget_after(self, slot: int) -> None:
        """Slots above one are no longer of the chain."""
        for there in [there for there in self._seen if there > slot]:
            del self._seen[there]


class StreamedChain:
    """What one stream has proven.

    Args:
        program: whose transactions and accounts.
        links: what earlier streams gave; goes on with what this one gives.
        finalized: the newest final slot that is known.
    """

    def __init__(self, program: Pubkey, links: Links | None = None, finalized: int = 0) -> None:
        self._program = program
        self.links = Links() if links is None else links
        self.base: int | None = None
        """Everything after it, up to `head`, is whole."""
        self.head: int | None = None
        self.finalized = finalized
        self.given = 0
        """The newest slot that left through :meth:`between`."""
        self.size = 0
        """Transactions and accounts held, of whole slots."""
        self.gaps = 0
        self.dead = 0
        self.late: list[SignatureRef] = []
        """Transactions that came after their slot was given."""
        self.doubtful: set[bytes] = set()
        """Accounts that did."""
        self.announced: list[tuple[bytes, int]] = []
        """Transactions of slots that the stream does not prove; history must have them."""
        self._blocks: OrderedDict[int, Block] = OrderedDict()
        self._open: dict[int, _Open] = {}
        self._open_size = 0
        self._dropped = 0

    @property
    def held_after(self) -> int | None:
        """Every whole slot after it, up to `head`, can be had here; None before the first."""
        return None if self.base is None else max(self.base, self._dropped)

    def add(self, update: wire.SubscribeUpdate) -> bool:
        """Take one update; whether `head` moved.

        Raises:
            Forked: a slot that left is no longer of the chain.
            SourceLost: slots are opened and never ended.
            BadTransaction: a transaction cannot be read.
        """
        match update.WhichOneof("update_oneof"):
            case "transaction":
                self._transaction(update.transaction)
            case "account":
                self._account(update.account)
            case "block_meta":
                return self._meta(update.block_meta)
            case "slot":
                self._status(update.slot)
        return False

    def between(self, after: int, through: int) -> list[Block]:
        """The whole slots (`after`, `through`] that have anything in them, oldest first."""
        assert self.held_after is not None
        assert self.held_after <= after
        return [b for slot, b in self._blocks.items() if after < slot <= through]

    def drop(self, through: int) -> None:
        """Let go of slots that the mirror has; if it goes back, they are to be had elsewhere."""
        self._dropped = max(self._dropped, through)
        while self._blocks and next(iter(self._blocks)) <= through:
            _, block = self._blocks.popitem(last=False)
            self.size -= block.size

    def _transaction(self, update: wire.UpdateTransaction) -> None:
        slot, signature = update.slot, update.transaction.signature
        if update.transaction.is_vote:
            return
        if self._is_open(slot):
            held = self._opened(slot)
            if signature not in held.transactions:
                held.transactions[signature] = update.transaction
                self._grew()
            return
        seen = self.links.get(slot)
        if seen is not None and signature in seen.signatures:
            return
        if self.base is not None and self.base < slot and slot > self.given:
            self._distrust()
        elif seen is not None and self.base is not None and slot > self.base:
            self.late.append(SignatureRef(signature, slot, int(update.transaction.index)))
        else:
            self.announced.append((signature, slot))

    def _account(self, update: wire.UpdateAccount) -> None:
        info, slot = update.account, update.slot
        if update.is_startup:
            return
        ours = info.lamports > 0 and info.owner == bytes(self._program)
        state = AccountUpdate(
            info.pubkey, slot, info.write_version, info.data if ours else None,
            info.lamports if ours else 0, info.owner if ours else None,
        )  # fmt: skip
        if self._is_open(slot):
            held = self._opened(slot)
            there = held.accounts.get(info.pubkey)
            if there is None:
                self._grew()
            if there is None or there.write_version < state.write_version:
                held.accounts[info.pubkey] = state
            return
        seen = self.links.get(slot)
        if seen is not None and seen.versions.get(info.pubkey, -1) >= state.write_version:
            return
        if self.base is not None and slot > self.base:
            if slot > self.given:
                self._distrust()
            else:
                self.doubtful.add(info.pubkey)

    def _meta(self, meta: wire.UpdateBlockMeta) -> bool:
        slot = meta.slot
        broken = self._broken(meta)
        if broken is not None:
            self._fork(*broken)
        elif self.head is None:
            pass
        elif slot <= self.head:
            return False
        elif meta.parent_slot == self.head:
            self._seal(slot, meta)
            return True
        else:
            self.gaps += 1
        self._rebase(slot, meta)
        return True

    def _broken(self, meta: wire.UpdateBlockMeta) -> tuple[int, str] | None:
        """The first slot that is not as it was seen, if a block shows one."""
        slot, parent = meta.slot, meta.parent_slot
        known = self.links.blockhash(slot)
        if known is not None:
            return None if known == meta.blockhash else (slot, f"slot {slot} is another block now")
        above = self.links.blockhash(parent)
        if above is not None and above != meta.parent_blockhash:
            return parent, f"slot {slot} goes on from another block in slot {parent}"
        passed = self.links.before(slot)
        if above is not None and passed is not None and passed > parent:
            return parent + 1, f"slot {slot} goes on from slot {parent}, not {passed}"
        if self.head is not None and self.base is not None and slot > self.base:
            if slot <= self.head:
                return slot, f"slot {slot} is not of the fork of slot {self.head}"
            if parent < self.head:
                return parent + 1, f"slot {slot} goes on from slot {parent}, not {self.head}"
        return None

    def _seal(self, slot: int, meta: wire.UpdateBlockMeta) -> None:
        """The slot is whole, and next after `head`."""
        held = self._open.get(slot) or _Open()
        time = meta.block_time.timestamp if meta.HasField("block_time") else None
        infos = sorted(held.transactions.values(), key=lambda info: info.index)
        found = [
            streamed(
                info,
                SignatureRef(info.signature, slot, position),
                program=self._program,
                block_time=time,
            )
            for position, info in enumerate(infos)
        ]
        states: dict[bytes, AccountUpdate] = {}
        for each in found:
            if each.raw.error is None:
                for key in each.raw.writable:
                    if key in each.gone or key in each.foreign:
                        states[key] = AccountUpdate(key, slot, ABSENT, None, certain=False)
                    else:
                        states.pop(key, None)
        states |= held.accounts
        block = Block(slot, tuple(each.raw for each in found), states)
        if block.size:
            self._blocks[slot] = block
            self.size += block.size
        self.head = slot
        self._remember(slot, meta.blockhash, held)
        self._close(slot)

    def _rebase(self, slot: int, meta: wire.UpdateBlockMeta) -> None:
        """Begin anew at a slot: what is at or below it has to be had elsewhere."""
        for older in [older for older in self._open if older <= slot]:
            self.announced += [(signature, older) for signature in self._open[older].transactions]
        self._begin(slot)
        if slot not in self.links:
            # what is in it comes from elsewhere; only its hash is known from here
            self._remember(slot, meta.blockhash, _Open())
        self._close(slot)

    def _distrust(self) -> None:
        """Something came after its slot's end: what was not given is to be had elsewhere."""
        assert self.head is not None
        self.gaps += 1
        self._begin(self.head)

    def _begin(self, slot: int) -> None:
        self.base = self.head = slot
        self._blocks.clear()
        self.size = 0

    def _fork(self, slot: int, reason: str) -> None:
        """A slot is not what it was. Raises Forked unless nothing from there on has left."""
        below = self.links.before(slot)
        back_to = below if below is not None else min(self.finalized, slot - 1)
        if back_to < self.given:
            # the links stay until the mirror has gone back, so that nobody forgets it
            raise Forked(back_to, reason)
        self.links.forget_after(back_to)

    def _status(self, update: wire.UpdateSlot) -> None:
        slot = update.slot
        if update.status == wire.SLOT_DEAD:
            self.dead += 1
            self._forget(slot)
            if slot in self.links:
                self._fork(slot, f"slot {slot} is dead: {update.dead_error or 'no reason given'}")
                self._begin_below(slot)
        elif update.status == wire.SLOT_FINALIZED:
            self.finalized = max(self.finalized, slot)
            oldest = self.links.oldest()
            if (
                self.base is not None
                and self.head is not None
                and oldest is not None
                and max(self.base, oldest) < slot <= self.head
                and slot not in self.links
            ):
                self._fork(slot, f"slot {slot} is final, and was passed without a block")
                self._begin_below(slot)

    def _begin_below(self, slot: int) -> None:
        """What is proven ends below a slot, and nothing of it has left."""
        self.gaps += 1
        self._begin(self.links.before(slot) or 0)

    def _is_open(self, slot: int) -> bool:
        return self.head is None or slot > self.head

    def _opened(self, slot: int) -> _Open:
        return self._open.setdefault(slot, _Open())

    def _grew(self) -> None:
        self._open_size += 1
        if self._open_size > OPEN_LIMIT:
            raise SourceLost(
                f"the stream gave {OPEN_LIMIT} transactions and accounts of slots that it did not"
                " end with a block meta"
            )

    def _forget(self, slot: int) -> None:
        held = self._open.pop(slot, None)
        if held is not None:
            self._open_size -= held.size

    def _close(self, through: int) -> None:
        for slot in [slot for slot in self._open if slot <= through]:
            self._forget(slot)

    def _remember(self, slot: int, blockhash: str, held: _Open) -> None:
        versions = {key: state.write_version for key, state in held.accounts.items()}
        self.links.add(slot, _Seen(blockhash, frozenset(held.transactions), versions))


def whole_slots(blocks: Iterable[Block], size: int) -> list[list[Block]]:
    """Runs of about `size` transactions that never split a slot."""
    runs: list[list[Block]] = [[]]
    count = 0
    for block in blocks:
        if count >= size:
            runs.append([])
            count = 0
        runs[-1].append(block)
        count += len(block.transactions)
    return runs
