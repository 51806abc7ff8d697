"""Random steps on the model and on the real program, which must agree on everything after each.

    CHOIR_MODEL_STEPS=500 pytest tests/program/test_state_machine.py     fewer steps, while working
    CHOIR_MODEL_SEED=123  pytest tests/program/test_state_machine.py     the steps of another run

The seed is new in every run and is printed. After a failure Hypothesis prints the smallest steps
that fail, and keeps them under ``.hypothesis/program``, from where the next runs try them first; as
calls of :class:`~tests.program.steps.Steps` they belong into ``test_kept_sequences.py``.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from tests.program import model
from tests.program.borsh import IDL
from tests.program.harness import TOKEN_2022_PROGRAM, TOKEN_PROGRAM, sha256
from tests.program.model_state import TREASURY_VAULT, U64, Key, Name, Position, Spec
from tests.program.steps import DUST, PARAMS, Steps

STEPS = int(os.environ.get("CHOIR_MODEL_STEPS", "20000"))
SEED = int(os.environ.get("CHOIR_MODEL_SEED", secrets.randbits(32)))
PHASES = [Phase.reuse, Phase.generate, Phase.shrink]
if os.environ.get("CHOIR_MODEL_SHRINK") == "no":
    PHASES.remove(Phase.shrink)
KEPT = DirectoryBasedExampleDatabase(
    Path(__file__).resolve().parents[2] / ".hypothesis" / "program"
)
STEPS_AN_EXAMPLE = 80

WALLETS, THREADS, CONTENTS = 8, 3, 4
HOLDINGS = [U64, 10**9, 10**9, 10**12, 10**6, 25_000, 10**9, 999]
WHO = st.integers(0, WALLETS - 1)
THREAD = st.sampled_from([*(f"thread {i}" for i in range(THREADS))])
ODD_IDS = st.sampled_from(["", "x", "é" * 32, "é" * 32 + "x", "y" * 64])
CONTENT = st.integers(0, CONTENTS - 1).map(lambda i: sha256(f"content {i}"))
LEVEL = st.sampled_from(["Public", "Premium", "ThreadOnly", "Encrypted"])
DECISION = st.sampled_from(["Approve", "Approve", "Deny"])
PLACE = st.integers(0, 63)
AMOUNT = st.one_of(
    st.integers(1_000, 60_000),
    st.sampled_from([0, 1, 2, 3, 999, 1_000, 9_999, 10_000, U64, U64 - 1, U64 // 2]),
    st.integers(0, U64),
)
STAKE = st.integers(1_000, 60_000) | st.sampled_from([1, 2, 999, 1_000, U64, U64 - 1, U64 // 2])
SPANS = [1, 60, 1_799, 3_599, 3_600, 3_601, 86_399, 86_400, 7 * 86_400, 30 * 86_400]


MOVES: list[tuple[str, st.SearchStrategy[dict[str, Any]]]] = []


class _Nothing(Exception):
    """There is nothing yet that a move could act on."""


def move(weight: int = 1, **arguments: st.SearchStrategy[Any]) -> Callable[..., Any]:
    """A method the machine may choose as its next step, ``weight`` times as often as others.

    Hypothesis's own rules are left out at random for a whole run, and a run without a spec or
    without a decision goes nowhere: so there is one rule, and these are its argument.
    """

    def register(method: Callable[..., None]) -> Callable[..., None]:
        MOVES.extend([(method.__name__, st.fixed_dictionaries(arguments))] * weight)
        return method

    return register


class Both(RuleBasedStateMachine):
    """Wallets, threads and specs, in both worlds."""

    token_program: ClassVar[Any] = TOKEN_PROGRAM
    counts: ClassVar[Counter[tuple[str, str]]]
    settled: ClassVar[Counter[tuple[str, int]]]
    steps: ClassVar[int]

    @initialize(dust=st.booleans(), who=WHO, crowd=st.integers(0, 3))
    def begin(self, dust: bool, who: int, crowd: int) -> None:
        self.both = Steps(self.token_program, HOLDINGS)
        signer = self.both.state.upgrade_authority
        self.both.initialize(self.both.wallets[who])
        assert self.both.initialize(signer, params=DUST if dust else PARAMS) == "done"
        rich = self.both.wallets[1]
        assert self.both.create_thread(rich, "thread 0", 50_000, "Public") == "done"
        assert (
            self.both.create_thread(self.both.wallets[0], "thread 1", 10_000, "Premium") == "done"
        )
        for wallet in self.both.wallets[2 : 2 + crowd]:
            spec_id = ("thread 0", wallet, sha256("let me in"))
            assert self.both.submit_spec(wallet, "thread 0", spec_id[2], 1_003) == "done"
            for author in self.both.state.threads["thread 0"].co_authors:
                assert self.both.process_approval(author, spec_id, "Approve") == "done"

    def teardown(self) -> None:
        if hasattr(self, "both"):
            type(self).counts += self.both.counts
            type(self).settled += self.both.settled
            type(self).steps += self.both.steps

    # ---- who and what

    def _spec(self, place: int, *, pending: bool = False) -> Spec:
        specs = [
            spec
            for spec in self.both.state.specs.values()
            if spec.status == "Pending" or not pending
        ]
        if not specs:
            raise _Nothing
        return specs[place % len(specs)]

    def _position(self, place: int) -> Position:
        positions = list(self.both.state.positions.values())
        return positions[place % len(positions)]

    def _author(self, place: int) -> tuple[Key, str]:
        """One of all threads' co-authors, and the thread."""
        threads = self.both.state.threads.values()
        seats = [(author, thread.thread_id) for thread in threads for author in thread.co_authors]
        return seats[place % len(seats)]

    # ---- instructions

    @move(3, who=WHO, thread=THREAD | ODD_IDS, amount=AMOUNT, level=LEVEL)
    def create_thread(self, who: int, thread: str, amount: int, level: str) -> None:
        self.both.create_thread(self.both.wallets[who], thread, amount, level)

    @move(who=WHO, thread=THREAD, amount=AMOUNT)
    def deposit(self, who: int, thread: str, amount: int) -> None:
        self.both.deposit(self.both.wallets[who], thread, amount)

    @move(2, place=PLACE, amount=AMOUNT)
    def deposit_more(self, place: int, amount: int) -> None:
        author, thread_id = self._author(place)
        self.both.deposit(author, thread_id, amount)

    @move(place=PLACE, off=st.integers(0, 2))
    def deposit_everything(self, place: int, off: int) -> None:
        """All of a wallet, or so much that a sum just does not fit."""
        (author, thread_id), state = self._author(place), self.both.state
        held = state.tokens["token", author]
        room = U64 - state.threads[thread_id].balance
        self.both.deposit(author, thread_id, max(0, min(held, room + 1) - off))

    @move(place=PLACE, amount=AMOUNT)
    def divest(self, place: int, amount: int) -> None:
        position = self._position(place)
        self.both.divest(position.owner, position.thread_id, amount)

    @move(3, place=PLACE, parts=st.integers(1, 7), off=st.integers(-1, 1))
    def divest_part(self, place: int, parts: int, off: int) -> None:
        """A part of what somebody's shares are worth, to the unit."""
        position = self._position(place)
        thread = self.both.state.threads[position.thread_id]
        worth = position.shares * thread.balance // max(1, thread.total_shares)
        amount = min(U64, max(0, worth // parts + off))
        self.both.divest(position.owner, position.thread_id, amount)

    @move(who=WHO, thread=THREAD)
    def claim(self, who: int, thread: str) -> None:
        self.both.claim(self.both.wallets[who], thread)

    @move(3, place=PLACE)
    def claim_owed(self, place: int) -> None:
        state = self.both.state
        owed = [p for p in state.positions.values() if model.owed(state, p)]
        position = owed[place % len(owed)] if owed else self._position(place)
        self.both.claim(position.owner, position.thread_id)

    @move(3, place=PLACE, content=CONTENT)
    def post(self, place: int, content: bytes) -> None:
        author, thread_id = self._author(place)
        self.both.post_message(author, thread_id, content)

    @move(who=WHO, thread=THREAD, level=LEVEL)
    def set_privacy(self, who: int, thread: str, level: str) -> None:
        self.both.set_privacy(self.both.wallets[who], thread, level)

    @move(place=PLACE, level=LEVEL)
    def set_own_privacy(self, place: int, level: str) -> None:
        author, thread_id = self._author(place)
        self.both.set_privacy(author, thread_id, level)

    @move(who=WHO, thread=THREAD, content=CONTENT, stake=AMOUNT)
    def submit_anything(self, who: int, thread: str, content: bytes, stake: int) -> None:
        self.both.submit_spec(self.both.wallets[who], thread, content, stake)

    @move(9, who=WHO, place=PLACE, content=CONTENT, stake=STAKE)
    def submit(self, who: int, place: int, content: bytes, stake: int) -> None:
        thread_id = self._author(place)[1]
        self.both.submit_spec(self.both.wallets[who], thread_id, content, stake)

    @move(place=PLACE, stake=st.integers(1, 2_000))
    def submit_again(self, place: int, stake: int) -> None:
        spec = self._spec(place)
        self.both.submit_spec(spec.author, spec.thread_id, spec.content_hash, stake)

    @move(6, place=PLACE, seat=PLACE, decision=DECISION)
    def decide(self, place: int, seat: int, decision: str) -> None:
        spec = self._spec(place, pending=True)
        authors = self.both.state.threads[spec.thread_id].co_authors
        self.both.process_approval(authors[seat % len(authors)], spec.id, decision)

    @move(14, place=PLACE, decisions=st.lists(DECISION, min_size=1, max_size=3))
    def decide_all(self, place: int, decisions: list[str]) -> None:
        """All co-authors who have not decided do, taking turns in the decisions."""
        spec = self._spec(place, pending=True)
        for number, author in enumerate(self.both.state.threads[spec.thread_id].co_authors):
            self.both.process_approval(author, spec.id, decisions[number % len(decisions)])

    @move(
        3,
        place=PLACE,
        who=WHO,
        authors=st.booleans(),
        decision=DECISION,
        off=st.integers(-1, 1),
        other=CONTENT,
    )
    def decide_oddly(
        self, place: int, who: int, authors: bool, decision: str, off: int, other: bytes
    ) -> None:
        """By anybody or a co-author, on any spec, of another epoch or another content."""
        spec = self._spec(place, pending=authors)
        people = self.both.wallets
        if authors:
            people = list(self.both.state.threads[spec.thread_id].co_authors)
        self.both.process_approval(
            people[who % len(people)],
            spec.id,
            decision,
            epochs_off=off,
            content_hash=other if off == 0 else None,
        )

    @move(place=PLACE)
    def expire(self, place: int) -> None:
        self.both.expire_spec(self._spec(place).id)

    @move(2, place=PLACE, off=st.integers(-1, 1))
    def expire_at_the_end(self, place: int, off: int) -> None:
        """At the very end of a window, a second before or after."""
        spec = self._spec(place, pending=True)
        self._until(spec.expires_at + off)
        self.both.expire_spec(spec.id)

    # ---- the world around

    @move(1, span=st.sampled_from(SPANS))
    def wait(self, span: int) -> None:
        self.both.set_time(self.both.state.now + span)

    @move(2, place=PLACE, off=st.integers(-1, 1))
    def wait_for_cooldown(self, place: int, off: int) -> None:
        config = self.both.state.config
        assert config is not None
        self._until(self._position(place).last_stake_at + config.params.divest_cooldown + off)

    @move(place=PLACE, off=st.integers(-1, 1))
    def wait_for_hour(self, place: int, off: int) -> None:
        self._until(self._position(place).window_start + model.HOUR + off)

    def _until(self, moment: int) -> None:
        self.both.set_time(max(self.both.state.now, moment))

    @move(place=PLACE, amount=st.sampled_from([1, 7, 10**6, 10**9, U64 // 3]))
    def donate(self, place: int, amount: int) -> None:
        """A stranger sends tokens into a vault, an escrow or the treasury's vault."""
        state = self.both.state
        targets = [name for name in state.tokens if name[0] != "token"]
        target = targets[place % len(targets)]
        if state.tokens[target] + amount <= U64:
            self.both.donate(target, amount)

    @move(place=PLACE, who=WHO, content=CONTENT, amount=st.sampled_from([1_000_000, 10**8]))
    def send_lamports(self, place: int, who: int, content: bytes, amount: int) -> None:
        """A stranger sends lamports where an account will be, or is."""
        thread_id, author = f"thread {place % THREADS}", self.both.wallets[who]
        thread = self.both.state.threads.get(thread_id)
        targets: list[Name] = [
            ("thread", thread_id),
            ("vault", thread_id),
            ("position", thread_id, author),
            ("spec", thread_id, author, content),
            ("escrow", thread_id, author, content),
            ("message", thread_id, thread.message_count if thread else 0),
            TREASURY_VAULT,
        ]
        self.both.send_lamports(targets[place % len(targets)], amount)

    @move(
        bits=st.sampled_from([0, 1, 2, 4, 8, 16, 32, 63]), length=st.sampled_from([0, 1, 60, 3_600])
    )
    def pause(self, bits: int, length: int) -> None:
        self.both.pause(bits, self.both.state.now + length)

    @move(
        who=st.sampled_from([-1, -1, -1, 0]),
        change=st.sampled_from(
            [
                {},
                {"guardian": bytes(32)},
                {"treasury_signers": ()},
                {"treasury_signers": (b"\1" * 32, b"\1" * 32)},
                {"treasury_threshold": 4},
                {"parameter_timelock": 90 * model.DAY + 1},
            ]
        ),
    )
    def initialize_again(self, who: int, change: dict[str, Any]) -> None:
        keys = list(self.both.keys)
        assert self.both.initialize(keys[who + 1], **change) != "done"

    @rule(move=st.deferred(lambda: st.sampled_from(MOVES).flatmap(_with_arguments)))
    def step(self, move: tuple[str, dict[str, Any]]) -> None:
        """One step: a method above and what it is called with."""
        name, arguments = move
        with suppress(_Nothing):
            getattr(self, name)(**arguments)


def _with_arguments(
    move: tuple[str, st.SearchStrategy[dict[str, Any]]],
) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(move[0]), move[1])


def _report(title: str, counts: Counter[tuple[str, str]], steps: int) -> str:
    lines = [f"\n{title}: {steps} steps, seed {SEED}"]
    for name in sorted({instruction for instruction, _ in counts}):
        refused = Counter({why: n for (i, why), n in counts.items() if i == name and why != "done"})
        why = ", ".join(f"{error} {n}" for error, n in refused.most_common())
        lines.append(f"  {name}: {counts[name, 'done']} done, {refused.total()} refused ({why})")
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["token", "token-2022"])
def test_the_program_does_what_the_model_does(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    wanted = STEPS // 2

    class Machine(Both):
        token_program = TOKEN_PROGRAM if name == "token" else TOKEN_2022_PROGRAM
        counts: ClassVar[Counter[tuple[str, str]]] = Counter()
        settled: ClassVar[Counter[tuple[str, int]]] = Counter()
        steps = 0

    Machine.__qualname__ = Machine.__name__ = f"Machine of {name}"
    seed(SEED + (name == "token-2022"))(Machine)
    how = settings(
        max_examples=3 * wanted // (2 * STEPS_AN_EXAMPLE) + 1,
        stateful_step_count=STEPS_AN_EXAMPLE,
        deadline=None,
        print_blob=True,
        phases=PHASES,
        database=KEPT,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(Machine, settings=how)
    finally:
        with capfd.disabled():
            print(_report(name, Machine.counts, Machine.steps), file=sys.stderr)
            outcomes = sorted(Machine.settled.items())
            settled = ", ".join(f"{how} by {seats}: {n}" for (how, seats), n in outcomes)
            print(f"  specs settled: {settled}", file=sys.stderr)
    assert Machine.steps >= wanted, f"only {Machine.steps} of {wanted} steps were run"
    done = {instruction for instruction, result in Machine.counts if result == "done"}
    missing = {entry["name"] for entry in IDL["instructions"]} - done
    crowd = sum(n for (how, seats), n in Machine.settled.items() if how != "Expired" and seats > 1)
    assert crowd, "no spec was ever decided by several co-authors"
    assert not missing, f"never succeeded: {sorted(missing)}"
