"""What a random step may be: the register of moves, and who and what they act on.

A move is a method that makes one or a few instructions on a :class:`~tests.program.steps.Steps`.
The modules ``moves_*`` have them; ``test_state_machine.py`` draws them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from hypothesis import strategies as st
from tests.program.harness import sha256
from tests.program.model_state import U64, Config, Key, Position, Spec, State, Thread
from tests.program.steps import Steps

THREADS, CONTENTS = 4, 4
HOLDINGS = [U64, 10**9, 10**9, 10**12, 10**6, 25_000, 10**9, 999]
WALLETS = len(HOLDINGS)
WHO = st.integers(0, WALLETS - 1)
THREAD = st.sampled_from([*(f"thread {i}" for i in range(THREADS))])
ODD_IDS = st.sampled_from(["", "x", "é" * 32, "é" * 32 + "x", "y" * 64])
CONTENT = st.integers(0, CONTENTS - 1).map(lambda i: sha256(f"content {i}"))
LEVEL = st.sampled_from(["Public", "Premium", "ThreadOnly", "Encrypted"])
LEVEL_SEEN = st.sampled_from([*[""] * 16, "Public", "Premium", "ThreadOnly", "Encrypted"])
"""The level an author believes a thread to have; most often the one it has."""
DECISION = st.sampled_from(["Approve", "Approve", "Deny"])
PLACE = st.integers(0, 63)
OFF = st.integers(-1, 1)
AMOUNT = st.one_of(
    st.integers(1_000, 60_000),
    st.sampled_from([0, 1, 2, 3, 999, 1_000, 9_999, 10_000, U64, U64 - 1, U64 // 2]),
    st.integers(0, U64),
)
STAKE = st.integers(1_000, 60_000) | st.sampled_from([1, 2, 999, 1_000, U64, U64 - 1, U64 // 2])

Move = tuple[str, st.SearchStrategy[dict[str, Any]]]
MOVES: list[Move] = []
"""Every move, as often as its weight."""
INSTRUCTIONS: list[Move] = []
"""Those that are instructions and nothing else: a transaction may hold several."""

Item = TypeVar("Item")


class Nothing(Exception):
    """There is nothing yet that a move could act on."""


def move(
    weight: int = 1, *, alone: bool = False, **arguments: st.SearchStrategy[Any]
) -> Callable[..., Any]:
    """A method that may be the next step, ``weight`` times as often as others.

    ``alone`` is one that also does what no instruction can, such as letting time pass.

    Hypothesis's own rules are left out at random for a whole run, and a run without a spec or
    without a decision goes nowhere: so there is one rule, and these are its argument.
    """

    def register(method: Callable[..., None]) -> Callable[..., None]:
        entry = (method.__name__, st.fixed_dictionaries(arguments))
        MOVES.extend([entry] * weight)
        if not alone:
            INSTRUCTIONS.extend([entry] * weight)
        return method

    return register


class Moves:
    """A mirror, and ways to choose from what is on it."""

    both: Steps

    @property
    def state(self) -> State:
        """The state now."""
        return self.both.state

    @property
    def config(self) -> Config:
        """The settings now."""
        assert self.state.config is not None
        return self.state.config

    @staticmethod
    def pick(place: int, items: Iterable[Item]) -> Item:
        """One of some things.

        Raises:
            Nothing: there are none.
        """
        found = list(items)
        if not found:
            raise Nothing
        return found[place % len(found)]

    def a_spec(self, place: int, *, pending: bool = False) -> Spec:
        """One of all specs, or of those that wait for decisions; few of which wait in vain."""
        specs = list(self.state.specs.values())
        if pending:
            specs = [spec for spec in specs if spec.status == "Pending"]
            waiting = [spec for spec in specs if self.state.now < spec.expires_at]
            specs = waiting if waiting and place % 8 else specs
        return self.pick(place, specs)

    def a_position(self, place: int) -> Position:
        """One of all positions."""
        return self.pick(place, self.state.positions.values())

    def a_seat(self, place: int) -> tuple[Key, str]:
        """One of all threads' co-authors, and the thread; most of them in use."""
        threads = list(self.state.threads.values())
        used = [thread for thread in threads if thread.status == "Open"]
        return self.pick(
            place,
            (
                (author, thread.thread_id)
                for thread in (used if used and place % 8 else threads)
                for author in thread.co_authors
            ),
        )

    def a_thread(self, place: int, *statuses: str, authors: int = 1) -> Thread:
        """A thread in one of some states, with at least so many co-authors."""
        return self.pick(
            place,
            (
                thread
                for thread in self.state.threads.values()
                if thread.status in statuses and len(thread.co_authors) >= authors
            ),
        )

    def in_one_transaction(self, *steps: Callable[[], object]) -> None:
        """Steps as instructions of one transaction; of the one that is being made, if one is."""
        if self.both.busy:
            for step in steps:
                step()
        else:
            self.both.together(*steps)

    def until(self, moment: int) -> None:
        """Lets time pass until a moment, unless it has."""
        self.both.set_time(max(self.state.now, moment))
