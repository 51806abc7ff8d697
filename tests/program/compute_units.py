"""Compute units of each instruction, with 1, 8 and 16 co-authors.

Measured in the virtual machine with fixed keys, sixteen sets of them: an address whose first hash
is a wallet's takes another, so what creates accounts varies with the keys. The tables give the
median and the worst, and how much of it the token program took, which is not the same program
everywhere.

    python -m tests.program.compute_units     measures anew and writes the tables
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from solders.system_program import ID as SYSTEM_PROGRAM
from tests.program.harness import (
    DAY,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
    Done,
    Spec,
    Thread,
    World,
    world,
)

TABLE = Path(__file__).with_suffix(".json")
PAGE = Path(__file__).with_suffix(".md")
AUTHORS = (1, 8, 16)
KEY_SETS = 16
LAST = "process_approval, the last"
NOT_LAST = "process_approval, not the last"
GOALS: dict[str, int] = {
    "create_thread": 30_000,
    "submit_spec": 25_000,
    NOT_LAST: 8_000,
    f"{LAST}: all approve": 40_000,
    f"{LAST}: all approve, of a co-author": 40_000,
    f"{LAST}: all deny": 40_000,
    f"{LAST}: split": 40_000,
    "divest": 18_000,
}
"""What the median of no number of co-authors may exceed, SPL Token included."""

_CALL, _SYSTEM = 1_000, 150
"""What LiteSVM charges for a call, and the system program for any of its instructions."""

_TOKEN = re.compile(rf"Program (?:{TOKEN_PROGRAM}|{TOKEN_2022_PROGRAM}) consumed (\d+) of")


class Cost(TypedDict):
    """Units of one instruction with one number of co-authors."""

    median: int
    worst: int
    token: int
    """The token program's part of the median; a call itself costs another 946 to 1,000."""


Table = dict[str, dict[str, Cost]]


@dataclass(frozen=True)
class Sample:
    """One measurement."""

    name: str
    authors: int
    units: int
    token: int
    floor: int
    """What the calls alone cost, which no program can avoid that makes them."""

    @classmethod
    def of(cls, name: str, authors: int, done: Done) -> Sample:
        token = sum(int(found) for line in done.logs for found in _TOKEN.findall(line))
        calls = [line for line in done.logs if line.endswith("invoke [2]")]
        system = sum(str(SYSTEM_PROGRAM) in line for line in calls)
        floor = len(calls) * _CALL + system * _SYSTEM + token
        return cls(name, authors, done.compute_units, token, floor)


def _decide(spec: Spec, decisions: list[str], name: str) -> Iterator[Sample]:
    """All decide; notes the units of the last but one and of the last, which settles."""
    by_key = {wallet.key: wallet for wallet in spec.thread.people}
    authors = [by_key[author] for author in spec.thread.state["co_authors"]]
    done = [
        spec.decide(author, decision) for author, decision in zip(authors, decisions, strict=True)
    ]
    if len(done) > 1:
        yield Sample.of(NOT_LAST, len(authors), done[-2])
    yield Sample.of(f"{LAST}: {name}", len(authors), done[-1])


def _one_thread(place: World, authors: int, keys: int) -> Iterator[Sample]:
    """A thread of so many co-authors, or with 15 and then 16: who is to join needs a seat."""
    alice = place.wallet()
    thread = Thread(place, f"measured {authors} {keys}")
    yield Sample.of("create_thread", 1, thread.create(alice))
    seats = min(authors, 15)
    thread.join(*(place.wallet() for _ in range(seats - 1)))

    def submit(content: str) -> Spec:
        return thread.submit(place.wallet(), content)

    late, no, maybe, yes = (submit(content) for content in ("late", "no", "maybe", "yes"))
    again = thread.submit(yes.author, "again")
    for spec in (late, no, maybe, yes, again):
        assert spec.submitted is not None
        yield Sample.of("submit_spec", seats, spec.submitted)
    yield from _decide(no, ["Deny"] * seats, "all deny")
    if seats > 1:
        yield from _decide(maybe, ["Deny", *["Approve"] * (seats - 1)], "split")
    if authors == 16:
        yield from _decide(yes, ["Approve"] * seats, "all approve")
        yield from _decide(again, ["Approve"] * authors, "all approve, of a co-author")
    present = authors if authors == 16 else seats
    yield Sample.of("deposit", present, thread.deposit(alice, 5_000))
    yield Sample.of("post_message", present, thread.post(alice))
    yield Sample.of("set_privacy", present, thread.set_privacy(alice, "Premium"))
    place.pass_time(7 * DAY)
    yield Sample.of("expire_spec", present, late.expire())
    yield Sample.of("divest", present, thread.divest(alice, 1_000))
    if authors < 16:
        fresh = thread.submit(place.wallet(), "fresh")
        yield from _decide(fresh, ["Approve"] * seats, "all approve")
        yield Sample.of("claim", authors + 1, thread.claim(alice))
    else:
        yield Sample.of("claim", authors, thread.claim(alice))


def _column(authors: int) -> int:
    """The column a number of co-authors goes to: 15 decide who is the sixteenth."""
    return min(AUTHORS, key=lambda column: abs(column - authors))


def collect(
    make: Callable[[], World] = world, key_sets: int = KEY_SETS
) -> dict[str, dict[int, list[Sample]]]:
    """Measurements by instruction and column.

    Args:
        make: makes the world to measure in, initialized.
        key_sets: how many sets of keys.
    """
    samples: dict[str, dict[int, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    samples["initialize"][1].append(Sample.of("initialize", 1, World().initialize()))
    place = make()
    for authors in AUTHORS:
        for keys in range(key_sets):
            for sample in _one_thread(place, authors, keys):
                samples[sample.name][_column(sample.authors)].append(sample)
    return samples


def measure() -> Table:
    """What each instruction costs, by number of co-authors."""
    return {
        name: {str(column): _cost(found) for column, found in sorted(by_column.items())}
        for name, by_column in sorted(collect().items())
    }


def middle(samples: list[Sample]) -> Sample:
    """The median one."""
    return sorted(samples, key=lambda sample: sample.units)[len(samples) // 2]


def _cost(samples: list[Sample]) -> Cost:
    median = middle(samples)
    worst = max(sample.units for sample in samples)
    return Cost(median=median.units, worst=worst, token=median.token)


def page(table: Table) -> str:
    """The tables for people."""
    columns = [str(authors) for authors in AUTHORS]
    return "\n".join(
        [
            "# Compute units",
            "",
            "Of each instruction by the number of co-authors, token program included: the median",
            "over sixteen sets of keys, and the worst where it differs. Measured by",
            "`python -m tests.program.compute_units` in LiteSVM. With 16, a spec by which somebody",
            "joins was decided by 15.",
            "",
            f"| instruction | {' | '.join(columns)} | goal |",
            f"|---|{'---:|' * (len(columns) + 1)}",
            *(
                f"| {_code(name)} | "
                + " | ".join(_cell(costs.get(column)) for column in columns)
                + f" | {_number(GOALS.get(name))} |"
                for name, costs in table.items()
            ),
            "",
            "The token program's part of the median, which depends on the program a cluster runs:",
            "LiteSVM's SPL Token takes about 6,200 for a transfer and 4,200 for a new account, the",
            "one of today's clusters a tenth of it (`scripts/bench compute-units` measures both).",
            "",
            f"| instruction | {' | '.join(columns)} |",
            f"|---|{'---:|' * len(columns)}",
            *(
                f"| {_code(name)} | "
                + " | ".join(_number(costs[c]["token"] if c in costs else None) for c in columns)
                + " |"
                for name, costs in table.items()
                if any(cost["token"] for cost in costs.values())
            ),
            "",
        ]
    )


def _code(name: str) -> str:
    instruction, comma, rest = name.partition(",")
    return f"`{instruction}`{comma}{rest}"


def _cell(cost: Cost | None) -> str:
    if cost is None:
        return ""
    worst = f" ({cost['worst']:,})" if cost["worst"] > cost["median"] else ""
    return f"{cost['median']:,}{worst}"


def _number(units: int | None) -> str:
    return "" if units is None else f"{units:,}"


if __name__ == "__main__":
    found = measure()
    TABLE.write_text(json.dumps(found, indent=2) + "\n")
    PAGE.write_text(page(found))
