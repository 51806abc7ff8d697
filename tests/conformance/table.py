"""Results of several clusters side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.differences import DIFFERENT
from tests.conformance.registry import Result

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


@dataclass(frozen=True)
class Column:
    """One cluster's results."""

    name: str
    version: str
    """What `getVersion` says."""
    results: tuple[Result, ...]

    def result(self, check_id: str) -> Result | None:
        """What came of a check here."""
        return next((r for r in self.results if r.id == check_id), None)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "cluster": self.name,
            "version": self.version,
            "passed": sum(r.ok for r in self.results),
            "failed": sum(not r.ok for r in self.results),
            "checks": [r.to_json() for r in self.results],
        }


def _ids(columns: Sequence[Column]) -> dict[str, str]:
    return {r.id: r.title for column in columns for r in column.results}


def for_terminal(columns: Sequence[Column]) -> str:
    """A line a check, failures with what was wrong below it."""
    ids = _ids(columns)
    width = max((len(i) for i in ids), default=0)
    lines = ["  ".join([*(f"{c.name[:12]:12}" for c in columns), "check"])]
    for check_id, title in ids.items():
        found = [column.result(check_id) for column in columns]
        lines.append(
            "  ".join([*(f"{_word(r):12}" for r in found), f"{check_id:{width}}  {title}"])
        )
        for column, result in zip(columns, found, strict=True):
            if result is not None and result.error:
                lines.append(f"{'':12}  {column.name}: {result.error[:600]}")
    for column in columns:
        passed = sum(r.ok for r in column.results)
        lines.append(f"{column.name} ({column.version}): {passed} of {len(column.results)} hold")
    return "\n".join(lines)


def _word(result: Result | None) -> str:
    if result is None:
        return "not run"
    return f"ok {result.seconds:6.1f} s" if result.ok else "FAILED"


def for_page(columns: Sequence[Column]) -> str:
    """The table in Markdown."""
    heads = [f"{c.name} {c.version}" for c in columns]
    lines = [
        f"| check | what holds | {' | '.join(heads)} |",
        f"|---|---|{'---|' * len(heads)}",
    ]
    for check_id, title in _ids(columns).items():
        cells = []
        for column in columns:
            result = column.result(check_id)
            cells.append(_cell(result))
        lines.append(f"| `{check_id}` | {title} | {' | '.join(cells)} |")
    lines.append("")
    for column, head in zip(columns, heads, strict=True):
        passed = sum(r.ok for r in column.results)
        lines.append(f"- {head}: {passed} of {len(column.results)} checks hold.")
    return "\n".join(lines)


def _cell(result: Result | None) -> str:
    if result is None:
        return "not run"
    if result.ok:
        return "yes"
    return f"**no**: {DIFFERENT[result.id]}" if result.id in DIFFERENT else "**no**"


def write_into(page: Path, columns: Sequence[Column]) -> None:
    """Replace what is between the marks of a page."""
    text = page.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{for_page(columns)}\n{END}{after}")
