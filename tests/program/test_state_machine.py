"""Random steps on the model and on the real program, which must agree on everything after each.

    CHOIR_MODEL_STEPS=500 pytest tests/program/test_state_machine.py     fewer steps, while working
    CHOIR_MODEL_SEED=123  pytest tests/program/test_state_machine.py     the steps of another run
    CHOIR_MODEL_SEED=new  pytest tests/program/test_state_machine.py     steps nobody has seen

Every object has a seed of its own, so that whoever tests it takes the same steps; it is printed.
After a failure Hypothesis prints the smallest steps
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
from tests.program.borsh import IDL
from tests.program.harness import ERRORS, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, sha256
from tests.program.moves import (
    HOLDINGS,
    MOVES,
    WHO,
)
from tests.program.moves_all import EveryMove, as_steps
from tests.program.steps import Steps

from choir.artifact import program_so

STEPS = int(os.environ.get("CHOIR_MODEL_STEPS", "20000"))
ASKED = os.environ.get("CHOIR_MODEL_SEED", "")
OF_THE_OBJECT = int.from_bytes(sha256(program_so().read_bytes())[:4], "little")
SEED = secrets.randbits(32) if ASKED == "new" else int(ASKED or OF_THE_OBJECT)
PHASES = [Phase.reuse, Phase.generate, Phase.shrink]
if os.environ.get("CHOIR_MODEL_SHRINK") == "no":
    PHASES.remove(Phase.shrink)
KEPT = DirectoryBasedExampleDatabase(
    Path(__file__).resolve().parents[2] / ".hypothesis" / "program"
)
STEPS_AN_EXAMPLE = 120

FEWEST_SUCCESSES = 5
"""How often each instruction must succeed in 10,000 steps, at the least."""
FEWEST_ERRORS = 60
"""How many of the program's errors 10,000 steps must meet, at the least."""
MOST_ROUNDS = 4
"""How often so many steps are run, at the most, until all that has come about."""


class Both(EveryMove, RuleBasedStateMachine):
    """Wallets, threads and specs, in both worlds."""

    token_program: ClassVar[Any] = TOKEN_PROGRAM
    counts: ClassVar[Counter[tuple[str, str]]]
    settled: ClassVar[Counter[tuple[str, int]]]
    steps: ClassVar[int]

    @initialize(dust=st.booleans(), who=WHO, crowd=st.integers(0, 4), mints=st.booleans())
    def begin(self, dust: bool, who: int, crowd: int, mints: bool) -> None:
        self.both = Steps(self.token_program, HOLDINGS, treasury_mints=mints)
        self.open_for_all(dust=dust, who=who, crowd=crowd)

    def teardown(self) -> None:
        if hasattr(self, "both"):
            type(self).counts += self.both.counts
            type(self).settled += self.both.settled
            type(self).steps += self.both.steps
            if sys.exc_info()[0] is None:
                self.both.compare()

    @rule(move=st.deferred(lambda: as_steps(MOVES)))
    def step(self, move: tuple[str, dict[str, Any]]) -> None:
        """One step: a method above and what it is called with."""
        self.run(*move)


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
