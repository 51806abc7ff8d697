"""Random steps on the model and on the real program, which must agree on everything after each.

    CHOIR_MODEL_STEPS=500 pytest tests/program/test_state_machine.py     fewer steps, while working
    CHOIR_MODEL_SEED=123  pytest tests/program/test_state_machine.py     the steps of another run

The seed is new in every run and is printed. After a failure Hypothesis prints the smallest steps
that fail, and keeps them under ``.hypothesis/program``, from where the next runs try them first; as
calls of :class:`~tests.program.steps.Steps` they belong into ``test_kept_sequences.py``.

A run that never gets anywhere proves nothing: every instruction must succeed often enough, and
enough of the program's errors be met. Chance alone may leave a rare instruction out of the first
steps, so a run goes on, for a few rounds at most, until it has.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections import Counter
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
from tests.program.harness import ERRORS, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, sha256
from tests.program.model_state import TREASURY_VAULT, U64, Name
from tests.program.moves import (
    CONTENT,
    HOLDINGS,
    INSTRUCTIONS,
    MOVES,
    OFF,
    PLACE,
    THREADS,
    WHO,
    Move,
    Nothing,
    move,
)
from tests.program.moves_governance import GovernanceMoves
from tests.program.moves_specs import SpecMoves
from tests.program.moves_threads import ThreadMoves
from tests.program.steps import DUST, PARAMS, Steps

STEPS = int(os.environ.get("CHOIR_MODEL_STEPS", "20000"))
SEED = int(os.environ.get("CHOIR_MODEL_SEED", secrets.randbits(32)))
PHASES = [Phase.reuse, Phase.generate, Phase.shrink]
if os.environ.get("CHOIR_MODEL_SHRINK") == "no":
    PHASES.remove(Phase.shrink)
KEPT = DirectoryBasedExampleDatabase(
    Path(__file__).resolve().parents[2] / ".hypothesis" / "program"
)
STEPS_AN_EXAMPLE = 120
SPANS = [1, 60, 1_799, 3_599, 3_600, 3_601, 86_399, 86_400, 7 * 86_400, 30 * 86_400]

FEWEST_SUCCESSES = 5
"""How often each instruction must succeed in 10,000 steps, at the least."""
FEWEST_ERRORS = 60
"""How many of the program's errors 10,000 steps must meet, at the least."""
MOST_ROUNDS = 4
"""How often so many steps are run, at the most, until all that has come about."""


def _as_steps(moves: list[Move]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """One of some moves, with arguments."""
    return st.sampled_from(moves).flatmap(lambda one: st.tuples(st.just(one[0]), one[1]))


class Both(ThreadMoves, SpecMoves, GovernanceMoves, RuleBasedStateMachine):
    """Wallets, threads and specs, in both worlds."""

    token_program: ClassVar[Any] = TOKEN_PROGRAM
    counts: ClassVar[Counter[tuple[str, str]]]
    settled: ClassVar[Counter[tuple[str, int]]]
    steps: ClassVar[int]

    @initialize(dust=st.booleans(), who=WHO, crowd=st.integers(0, 4), mints=st.booleans())
    def begin(self, dust: bool, who: int, crowd: int, mints: bool) -> None:
        self.both = Steps(self.token_program, HOLDINGS, treasury_mints=mints)
        signer = self.both.state.upgrade_authority
        self.both.initialize(self.both.wallets[who])
        assert self.both.initialize(signer, params=DUST if dust else PARAMS) == "done"
        rich, whale = self.both.wallets[1], self.both.wallets[0]
        assert self.both.create_thread(rich, "thread 0", 50_000, "Public") == "done"
        assert self.both.create_thread(whale, "thread 1", 10_000, "Premium") == "done"
        for wallet in self.both.wallets[2 : 2 + crowd]:
            spec_id = ("thread 0", wallet, sha256("let me in"))
            assert self.both.submit_spec(wallet, "thread 0", spec_id[2], 1_003) == "done"
            for author in self.state.threads["thread 0"].co_authors:
                assert self.both.process_approval(author, spec_id, "Approve") == "done"

    def teardown(self) -> None:
        if hasattr(self, "both"):
            type(self).counts += self.both.counts
            type(self).settled += self.both.settled
            type(self).steps += self.both.steps
            if sys.exc_info()[0] is None:
                self.both.compare()

    # ---- the world around

    @move(1, alone=True, span=st.sampled_from(SPANS))
    def wait(self, span: int) -> None:
        self.both.set_time(self.state.now + span)

    @move(2, alone=True, place=PLACE, off=OFF)
    def wait_for_cooldown(self, place: int, off: int) -> None:
        position = self.a_position(place)
        terms = self.state.threads[position.thread_id]
        cooldown = min(self.config.params.divest_cooldown, terms.divest_cooldown)
        self.until(position.last_stake_at + cooldown + off)

    @move(alone=True, place=PLACE, off=OFF)
    def wait_for_hour(self, place: int, off: int) -> None:
        self.until(self.a_position(place).window_start + model.HOUR + off)

    @move(2, alone=True, place=PLACE, amount=st.sampled_from([1, 7, 10**6, 10**9, U64 // 3]))
    def donate(self, place: int, amount: int) -> None:
        """A stranger sends tokens into a vault, an escrow or the treasury's vault."""
        targets = [name for name in self.state.tokens if name[0] != "token"]
        target = self.pick(place, [TREASURY_VAULT, *targets])
        if self.state.tokens[target] + amount <= U64:
            self.both.donate(target, amount)

    @move(alone=True, place=PLACE, who=WHO, content=CONTENT, amount=st.sampled_from([10**6, 10**8]))
    def send_lamports(self, place: int, who: int, content: bytes, amount: int) -> None:
        """A stranger sends lamports where an account will be, or is."""
        thread_id, author = f"thread {place % THREADS}", self.both.wallets[who]
        thread, treasury = self.state.threads.get(thread_id), self.state.treasury
        targets: list[Name] = [
            ("thread", thread_id),
            ("vault", thread_id),
            ("position", thread_id, author),
            ("spec", thread_id, author, content),
            ("escrow", thread_id, author, content),
            ("message", thread_id, thread.message_count if thread else 0),
            ("proposal", treasury.proposal_count if treasury else 0),
            TREASURY_VAULT,
        ]
        self.both.send_lamports(self.pick(place, targets), amount)

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
                {"parameter_timelock": model.DAY - 1},
            ]
        ),
    )
    def initialize_again(self, who: int, change: dict[str, Any]) -> None:
        keys = list(self.both.keys)
        assert self.both.initialize(keys[who + 1], **change) != "done"

    @move(4, alone=True, moves=st.lists(_as_steps(INSTRUCTIONS), min_size=2, max_size=3))
    def several_at_once(self, moves: list[tuple[str, dict[str, Any]]]) -> None:
        """Any few moves in one transaction."""
        self.both.together(*(lambda one=one: self._run(*one) for one in moves))

    def _run(self, name: str, arguments: dict[str, Any]) -> None:
        with suppress(Nothing):
            getattr(self, name)(**arguments)

    @rule(move=st.deferred(lambda: _as_steps(MOVES)))
    def step(self, move: tuple[str, dict[str, Any]]) -> None:
        """One step: a method above and what it is called with."""
        self._run(*move)


def _report(title: str, counts: Counter[tuple[str, str]], steps: int) -> str:
    lines = [f"\n{title}: {steps} steps, seed {SEED}"]
    for name in sorted({instruction for instruction, _ in counts}):
        refused = Counter({why: n for (i, why), n in counts.items() if i == name and why != "done"})
        why = ", ".join(f"{error} {n}" for error, n in refused.most_common())
        lines.append(f"  {name}: {counts[name, 'done']} done, {refused.total()} refused ({why})")
    errors = {why for _, why in counts} & ERRORS.keys()
    lines.append(f"  {len(errors)} of the program's {len(ERRORS)} errors met")
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
    how = settings(
        max_examples=3 * wanted // (2 * STEPS_AN_EXAMPLE) + 1,
        stateful_step_count=STEPS_AN_EXAMPLE,
        deadline=None,
        print_blob=True,
        phases=PHASES,
        database=KEPT,
        suppress_health_check=list(HealthCheck),
    )
    lacking: list[str] = []
    try:
        for round_ in range(MOST_ROUNDS):
            seed(SEED + 2 * round_ + (name == "token-2022"))(Machine)
            run_state_machine_as_test(Machine, settings=how)
            lacking = _lacking(Machine, wanted)
            if not lacking:
                break
    finally:
        with capfd.disabled():
            print(_report(name, Machine.counts, Machine.steps), file=sys.stderr)
            outcomes = sorted(Machine.settled.items())
            settled = ", ".join(f"{how} by {seats}: {n}" for (how, seats), n in outcomes)
            print(f"  specs settled: {settled}", file=sys.stderr)
    assert not lacking, f"after {MOST_ROUNDS} rounds: {'; '.join(lacking)}"


def _lacking(machine: type[Both], wanted: int) -> list[str]:
    """What has not come about often enough for `wanted` steps to prove anything."""
    missing = []
    if machine.steps < wanted:
        missing.append(f"only {machine.steps} of {wanted} steps were run")
    if not sum(n for (how, seats), n in machine.settled.items() if how != "Expired" and seats > 1):
        missing.append("no spec was ever decided by several co-authors")
    least = FEWEST_SUCCESSES * wanted // 10_000
    seldom = {
        entry["name"]: machine.counts[entry["name"], "done"]
        for entry in IDL["instructions"]
        if machine.counts[entry["name"], "done"] < least
    }
    if seldom:
        missing.append(f"succeeded less than {least} times: {seldom}")
    reached = {why for _, why in machine.counts} & ERRORS.keys()
    if len(reached) < min(FEWEST_ERRORS, FEWEST_ERRORS * wanted // 10_000):
        missing.append(f"only {len(reached)} of the program's errors: {sorted(reached)}")
    return missing
