"""Compute units of each instruction, with 1, 8 and 16 co-authors.

Measured in the virtual machine with fixed keys. Deriving an address costs 1,500 for each bump that
is tried, so what creates accounts varies with the keys; the tables give the median of several.
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from pathlib import Path

from tests.program.harness import DAY, Spec, Thread, Wallet, World, world

TABLE = Path(__file__).with_suffix(".json")
PAGE = Path(__file__).with_suffix(".md")
AUTHORS = (1, 8, 16)
Samples = dict[str, dict[int, list[int]]]


def _decide(spec: Spec, decisions: list[str], name: str, samples: list[tuple[str, int]]) -> None:
    """All decide; notes the units of the first and of the last, which settles."""
    by_key = {wallet.key: wallet for wallet in spec.thread.people}
    authors = [by_key[author] for author in spec.thread.state["co_authors"]]
    units = [
        spec.decide(author, decision).compute_units
        for author, decision in zip(authors, decisions, strict=True)
    ]
    if len(units) > 1:
        samples.append(("process_approval, not the last", units[0]))
    samples.append((f"process_approval, the last: {name}", units[-1]))


def _one_thread(place: World, number: int, authors: int) -> list[tuple[str, int]]:
    alice = place.wallet()
    thread = Thread(place, f"measured {authors} {number}")
    samples = [("create_thread", thread.create(alice).compute_units)]
    thread.join(*(place.wallet() for _ in range(authors - 1)))
    samples.append(("deposit", thread.deposit(alice, 5_000).compute_units))
    samples.append(("post_message", thread.post(alice).compute_units))
    samples.append(("set_privacy", thread.set_privacy(alice, "Premium").compute_units))

    def submit(content: str) -> Spec:
        spec = thread.submit(place.wallet(), content)
        assert spec.submitted is not None
        samples.append(("submit_spec", spec.submitted.compute_units))
        return spec

    if authors < 16:
        late = submit("late")
        _decide(submit("no"), ["Deny"] * authors, "all deny", samples)
        if authors > 1:
            _decide(submit("maybe"), ["Deny", *["Approve"] * (authors - 1)], "split", samples)
        _decide(submit("yes"), ["Approve"] * authors, "all approve", samples)
        place.pass_time(7 * DAY)
        samples.append(("expire_spec", late.expire().compute_units))
        samples.append(("claim", thread.claim(alice).compute_units))
    else:
        place.pass_time(7 * DAY)
    samples.append(("divest", thread.divest(alice, 1_000).compute_units))
    return samples


def measure() -> dict[str, dict[str, int]]:
    """Median units by instruction and number of co-authors; a full thread takes 15, then 16."""
    samples: Samples = defaultdict(lambda: defaultdict(list))
    fresh = World()
    samples["initialize"][0].append(fresh.initialize().compute_units)
    place = world()
    for authors in AUTHORS:
        for number in range(5 if authors == 1 else 2):
            for name, units in _one_thread(place, number, authors):
                samples[name][authors].append(units)
    for number in range(2):
        for name, units in _filling_up(place, number):
            samples[name][16].append(units)
    return {
        name: {
            str(authors): int(statistics.median_high(units))
            for authors, units in by_authors.items()
        }
        for name, by_authors in sorted(samples.items())
    }


def _filling_up(place: World, number: int) -> list[tuple[str, int]]:
    """Specs decided in a thread of 16: submitted while there was a seat, settled without one."""
    alice: Wallet = place.wallet()
    thread = place.open(alice, f"filling {number}")
    thread.join(*(place.wallet() for _ in range(14)))
    samples: list[tuple[str, int]] = []
    waiting = [thread.submit(place.wallet(), content) for content in ("no", "maybe")]
    _decide(thread.submit(place.wallet(), "yes"), ["Approve"] * 15, "all approve", samples)
    _decide(waiting[0], ["Deny"] * 16, "all deny", samples)
    _decide(waiting[1], ["Deny", *["Approve"] * 15], "split", samples)
    samples.append(("claim", thread.claim(alice).compute_units))
    return samples


def page(table: dict[str, dict[str, int]]) -> str:
    """The table for people."""
    columns = [str(authors) for authors in AUTHORS]
    lines = [
        "# Compute units",
        "",
        "Of each instruction by the number of co-authors, with SPL Token; `initialize` has none.",
        "Measured by `python -m tests.program.compute_units` in LiteSVM, whose SPL Token spends",
        "about 6,200 on a transfer and 4,200 on a new token account; the token program of today's",
        "clusters spends a tenth of that. Deciding in a full thread can only be unanimous approval",
        "with 15, the sixteenth being who joins.",
        "",
        f"| instruction | {' | '.join(columns)} |",
        f"|---|{'---:|' * len(columns)}",
    ]
    for name, units in table.items():
        cells = [f"{units[c]:,}" if c in units else "" for c in columns]
        if "0" in units:
            cells[0] = f"{units['0']:,}"
        lines.append(
            f"| `{name.split(',')[0]}`{name[len(name.split(',')[0]) :]} | {' | '.join(cells)} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    found = measure()
    TABLE.write_text(json.dumps(found, indent=2) + "\n")
    PAGE.write_text(page(found))
