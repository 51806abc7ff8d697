"""Compute units of the instructions people pay for, next to their goals and their floors.

    scripts/bench compute-units [--key-sets 3] [--token-program spl_p_token.so] [--full]

The floor of an instruction is what its calls to other programs cost by themselves. With the token
program of today's clusters (p-token) everything is measured again: it is looked for in cargo's copy
of the crate solana-program-binaries, where building a validator leaves it, or named. ``--full``
takes sixteen sets of keys, as the table that the tests hold the program to, and about half a minute
of a free core for each token program.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.program.compute_units import GOALS, KEY_SETS, LAST, NOT_LAST, Sample, collect, middle
from tests.program.harness import TOKEN_PROGRAM, World, world

SHOWN: dict[str, tuple[str, int]] = {
    "create_thread": ("create_thread", 1),
    "submit_spec": ("submit_spec", 8),
    "process_approval_8": (NOT_LAST, 8),
    "process_approval": (NOT_LAST, 16),
    "process_approval_last": (f"{LAST}: all approve", 8),
    "process_approval_last_16": (f"{LAST}: all approve", 16),
    "deposit": ("deposit", 8),
    "divest_1": ("divest", 1),
    "divest": ("divest", 16),
    "claim": ("claim", 8),
}


def p_token() -> Path | None:
    """The clusters' token program in cargo's sources, the newest; None when it is not there."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    found = sorted(home.glob("registry/src/*/solana-program-binaries-*/src/*/spl_p_token-*.so"))
    return found[-1] if found else None


def with_token_program(program: Path) -> World:
    """A world where another object stands at SPL Token's address."""
    made = World()
    made.svm.add_program_from_file(TOKEN_PROGRAM, program)
    made.initialize()
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--key-sets", type=int, default=3, help="how many sets of keys")
    parser.add_argument("--token-program", type=Path, default=p_token(), help="p-token's object")
    parser.add_argument("--full", action="store_true", help=f"{KEY_SETS} sets of keys")
    asked = parser.parse_args()
    key_sets = KEY_SETS if asked.full else asked.key_sets
    makers: dict[str, Callable[[], World]] = {"spl_token": world}
    if asked.token_program is None:
        print("p-token is not here: name its object with --token-program", file=sys.stderr)
    else:
        makers["p_token"] = partial(with_token_program, asked.token_program)
    answer: dict[str, object] = {"key_sets": key_sets}
    for token, make in makers.items():
        measured = collect(make, key_sets)
        print(f"with {token}: {'units':>11} {'worst':>8} {'token':>8} {'floor':>8} {'goal':>8}")
        for label, (name, column) in SHOWN.items():
            samples = measured[name][column]
            answer |= _line(token, label, samples, GOALS.get(name))
    print(json.dumps(answer))
    return 0


def _line(token: str, label: str, samples: list[Sample], goal: int | None) -> dict[str, int]:
    """Prints one instruction's figures and returns them under names of their own."""
    median = middle(samples)
    worst = max(sample.units for sample in samples)
    goals = f"{goal:>8,}" if goal else ""
    figures = f"{median.units:>8,} {worst:>8,} {median.token:>8,} {median.floor:>8,}"
    print(f"{label:<25} {figures} {goals}".rstrip())
    if token != "spl_token":
        return {f"{label}_{token}": median.units, f"{label}_{token}_token": median.token}
    found = {label: median.units, f"{label}_worst": worst, f"{label}_floor": median.floor}
    found[f"{label}_token"] = median.token
    return {**found, f"{label}_goal": goal} if goal else found


if __name__ == "__main__":
    sys.exit(main())
