"""A history of the program as a chain had it: slots, what was written in them, and forks.

It is recorded once (`recording`) and played as often as one likes: `Played` is the chain of
`synthetic`, one moment further with each step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.indexer.synthetic import SyntheticChain

from choir.ids import PROGRAM_ID
from choir_indexer.decode import decode_transaction
from choir_indexer.delta import EventRow
from choir_indexer.model import (
    AccountUpdate,
    Hint,
    SignatureRef,
    SignatureSeen,
    SlotSeen,
)
from choir_indexer.transactions import from_json

__all__ = ["Branch", "Fork", "History", "Moment", "Played", "Slot", "Told", "Write"]


@dataclass(frozen=True)
class Told:
    """A transaction that names the program, as `getTransaction` answers."""

    ref: SignatureRef
    answer: Mapping[str, Any]

    def json(self) -> Mapping[str, Any]:
        """The node's answer."""
        return self.answer

    @cached_property
    def events(self) -> tuple[EventRow, ...]:
        """What it emitted, decoded."""
        return decode_transaction(from_json(self.ref, self.answer)).events


@dataclass(frozen=True, slots=True)
class Write:
    """An account of the program as a transaction left it; no data when it is closed."""

    pubkey: bytes
    data: bytes | None
    lamports: int
    write_version: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A closed slot: transactions in order, writes in order, and the newest final slot then."""

    slot: int
    final: int
    transactions: tuple[Told, ...]
    writes: tuple[Write, ...]


@dataclass(frozen=True, slots=True)
class Fork:
    """The chain goes on from the end of `back_to`; what was after it never was."""

    back_to: int


Moment = Slot | Fork


@dataclass(frozen=True, slots=True)
class History:
    """What happened, in order; `genesis` names the chain in base58."""

    genesis: str
    moments: tuple[Moment, ...]

    def surviving(self) -> History:
        """The branch that is left in the end, as if there had been no other."""
        kept: list[Slot] = []
        for moment in self.moments:
            if isinstance(moment, Fork):
                while kept and kept[-1].slot > moment.back_to:
                    kept.pop()
            else:
                kept.append(moment)
        return History(self.genesis, tuple(kept))

    @property
    def transactions(self) -> int:
        """How many there are, on all branches."""
        return sum(len(m.transactions) for m in self.moments if isinstance(m, Slot))

    @property
    def forks(self) -> int:
        """How often slots were dropped."""
        return sum(isinstance(moment, Fork) for moment in self.moments)


@dataclass
class Branch:
    """The chain as it was once, or is."""

    transactions: list[Told]
    written: dict[bytes, list[tuple[int, Write]]]

    def upto(self, slot: int) -> list[Told]:
        """The transactions in the slots to `slot`, in chain order."""
        return [told for told in self.transactions if told.ref.slot <= slot]

    def state(self, pubkey: bytes, slot: int) -> tuple[bytes | None, int]:
        """An account's data and lamports at the end of `slot`."""
        found: tuple[bytes | None, int] = (None, 0)
        for when, write in self.written.get(pubkey, ()):
            if when <= slot:
                found = (write.data, write.lamports)
        return found

    def within(self, pubkey: bytes, slot: int) -> list[tuple[bytes | None, int]]:
        """The states an account had in `slot`, in order."""
        return [(w.data, w.lamports) for when, w in self.written.get(pubkey, ()) if when == slot]

    def lives_through(self, pubkey: bytes, slot: int) -> bool:
        """Whether an account is there at the end of `slot`, and was not closed since."""
        since = [write.data for when, write in self.written.get(pubkey, ()) if when > slot]
        return self.state(pubkey, slot)[0] is not None and None not in since


@dataclass
class Played(SyntheticChain):
    """A history up to a moment."""

    moments: Sequence[Moment] = ()
    at_moment: int = 0
    every_write: bool = False
    """Announces each write and each closing, as Geyser does; a node's pub/sub only the state at a
    slot's end."""
    written: dict[bytes, list[tuple[int, Write]]] = field(default_factory=dict)
    left: list[Branch] = field(default_factory=list)
    """What the chain was before each fork."""

    @classmethod
    def of(cls, history: History, *, every_write: bool = False) -> Played:
        return cls(genesis=history.genesis, moments=history.moments, every_write=every_write)

    @property
    def over(self) -> bool:
        """Whether there is nothing left to play."""
        return self.at_moment == len(self.moments)

    def step(self) -> None:
        """Let the next moment happen; after a fork, the one that begins the new branch as well."""
        moment = self.moments[self.at_moment]
        self.at_moment += 1
        if isinstance(moment, Slot):
            self._slot(moment)
        else:
            self._fork(moment.back_to)
            self.step()

    @property
    def branch(self) -> Branch:
        """The chain as it is."""
        return Branch(self.transactions, self.written)

    def _fork(self, back_to: int) -> None:
        self.forks += 1
        self.left.append(self.branch)
        self.slot = back_to
        self.blocks = [slot for slot in self.blocks if slot <= back_to]
        self.transactions = [t for t in self.transactions if t.ref.slot <= back_to]
        self.written = {
            pubkey: [each for each in writes if each[0] <= back_to]
            for pubkey, writes in self.written.items()
        }
        self.states = {
            pubkey: [each for each in states if each[0] <= back_to]
            for pubkey, states in self.states.items()
        }

    def _slot(self, moment: Slot) -> None:
        self.slot = self._highest = moment.slot
        self.final = moment.final
        self.blocks.append(self.slot)
        hints: list[Hint] = [SlotSeen(self.slot)]
        last: dict[bytes, Write] = {}
        for told in moment.transactions:
            self.transactions.append(told)
            hints.append(SignatureSeen(told.ref.signature, self.slot))
        for write in moment.writes:
            last.pop(write.pubkey, None)
            last[write.pubkey] = write
            self.written.setdefault(write.pubkey, []).append((self.slot, write))
            self.states.setdefault(write.pubkey, []).append((self.slot, write.data))
        announced = moment.writes if self.every_write else last.values()
        for number, write in enumerate(announced):
            if write.data is None and not self.every_write:
                continue  # a node does not announce what is closed
            owner = None if write.data is None else bytes(PROGRAM_ID)
            version = write.write_version if self.every_write else number + 1
            hints.append(
                AccountUpdate(write.pubkey, self.slot, version, write.data, write.lamports, owner)
            )
        for listener in self.listeners:
            listener(hints)

    def lamports(self, pubkey: bytes, slot: int) -> int:
        """What an account held at the end of `slot`."""
        found = 0
        for when, write in self.written.get(pubkey, ()):
            if when <= slot:
                found = write.lamports
        return found
