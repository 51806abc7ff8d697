"""Writes the parts of docs/program.md that follow from the program's interface.

    python -m tests.program.program_page     brings the page up to interface and measurements

Between ``<!-- made: NAME -->`` and ``<!-- end -->`` the page is made here; everything else on it is
written by hand, and read by the tests: what an instruction's section says of checks and events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.program.borsh import IDL

PAGE = Path(__file__).resolve().parents[2] / "docs" / "program.md"
UNITS = Path(__file__).with_name("compute_units.json")
_MADE = re.compile(r"<!-- made: (.+?) -->\n.*?<!-- end -->", re.DOTALL)
_TYPES: dict[str, Any] = {entry["name"]: entry for entry in IDL["types"]}
_INSTRUCTIONS: dict[str, Any] = {entry["name"]: entry for entry in IDL["instructions"]}
_GIVEN = ("event_authority", "program")
_WIDTHS = {"u8": 1, "bool": 1, "u16": 2, "u32": 4, "u64": 8, "i64": 8, "pubkey": 32}
_HEADING = re.compile(r"^### `(\w+)(?:\(.*\))?`$", re.MULTILINE)


def kind(of: Any) -> str:
    """A type of the interface as a person writes it."""
    if isinstance(of, str):
        return of
    if "array" in of:
        return f"[{kind(of['array'][0])}; {of['array'][1]}]"
    if "vec" in of:
        return f"Vec<{kind(of['vec'])}>"
    if "option" in of:
        return f"Option<{kind(of['option'])}>"
    return str(of["defined"]["name"])


def width(of: Any) -> int | None:
    """Bytes a value takes; None when that depends on the value."""
    if isinstance(of, str):
        return _WIDTHS.get(of)
    if "array" in of:
        one = width(of["array"][0])
        return None if one is None else one * int(of["array"][1])
    if "defined" not in of:
        return None
    definition = _TYPES[of["defined"]["name"]]["type"]
    if definition["kind"] == "enum":
        plain = not any(variant.get("fields") for variant in definition["variants"])
        return 1 if plain else None
    widths = [width(field["type"]) for field in definition["fields"]]
    return None if None in widths else sum(filter(None, widths))


def _prose(entry: dict[str, Any]) -> str:
    return " ".join(entry.get("docs", [])).replace("|", "\\|")


def signature(name: str) -> str:
    """An instruction with its arguments."""
    arguments = ", ".join(
        f"{argument['name']}: {kind(argument['type'])}" for argument in _INSTRUCTIONS[name]["args"]
    )
    return f"{name}({arguments})"


def _units(name: str) -> str:
    table: dict[str, dict[str, Any]] = json.loads(UNITS.read_text())
    lines = []
    for what, by_authors in table.items():
        if what.split(",")[0] != name:
            continue
        variant = what[len(name) :].lstrip(", ")
        figures = " · ".join(
            f"{cost['median']:,}" if what == "initialize" else f"{cost['median']:,} with {authors}"
            for authors, cost in by_authors.items()
        )
        lines.append(f"{variant}: {figures}" if variant else figures)
    return "; ".join(lines)


def _instruction(name: str) -> str:
    definition = _INSTRUCTIONS[name]
    lines = [_prose(definition), "", "| account | | what |", "|---|---|---|"]
    for account in definition["accounts"]:
        if account["name"] in _GIVEN:
            continue
        marks = [word for word in ("signer", "writable") if account.get(word)]
        lines.append(f"| `{account['name']}` | {', '.join(marks)} | {_prose(account)} |")
    units = _units(name)
    if units:
        lines += ["", f"**Compute units**: {units}."]
    return "\n".join(lines)


def _layout(name: str) -> str:
    definition = _TYPES[name]
    head = ["| at | bytes | field | type | what |", "|---:|---:|---|---|---|"]
    lines = [_prose(definition), "", *head]
    at: int | None = 8
    for field in definition["type"]["fields"]:
        size = width(field["type"])
        lines.append(
            f"| {'' if at is None else at} | {'' if size is None else size} | `{field['name']}` "
            f"| {kind(field['type'])} | {_prose(field)} |"
        )
        at = None if at is None or size is None else at + size
    return "\n".join(lines)


def _types() -> str:
    accounts = {entry["name"] for entry in IDL["accounts"]}
    events = {entry["name"] for entry in IDL["events"]}
    lines = ["| type | what |", "|---|---|"]
    for name, entry in sorted(_TYPES.items()):
        if name in accounts | events:
            continue
        definition = entry["type"]
        parts = []
        if definition["kind"] == "struct":
            parts = [
                f"`{field['name']}: {kind(field['type'])}` {_prose(field)}"
                for field in definition["fields"]
            ]
        else:
            for number, variant in enumerate(definition["variants"]):
                fields = ", ".join(
                    f"{field['name']}: {kind(field['type'])}" for field in variant.get("fields", [])
                )
                shown = f"{variant['name']} {{ {fields} }}" if fields else variant["name"]
                parts.append(f"{number} `{shown}` {_prose(variant)}".rstrip())
        lines.append(f"| `{name}` | {'<br>'.join([_prose(entry), *parts])} |")
    return "\n".join(lines)


def _events() -> str:
    lines = ["| event | what | fields |", "|---|---|---|"]
    for entry in sorted(IDL["events"], key=lambda event: str(event["name"])):
        definition = _TYPES[entry["name"]]
        fields = ", ".join(f"`{field['name']}`" for field in definition["type"]["fields"])
        lines.append(f"| `{entry['name']}` | {_prose(definition)} | {fields} |")
    return "\n".join(lines)


def _errors() -> str:
    lines = ["| code | error | what it says |", "|---:|---|---|"]
    for error in IDL["errors"]:
        lines.append(f"| {error['code']} | `{error['name']}` | {error['msg']} |")
    return "\n".join(lines)


def blocks() -> dict[str, Callable[[], str]]:
    """What is made, by the name that stands on the page."""
    made: dict[str, Callable[[], str]] = {
        "types": _types,
        "events": _events,
        "errors": _errors,
    }
    for name in _INSTRUCTIONS:
        made[name] = partial(_instruction, name)
    for account in IDL["accounts"]:
        name = account["name"]
        made[f"layout {name}"] = partial(_layout, name)
    return made


def filled(page: str) -> str:
    """A page with its made parts, and the headings of instructions, as they should be."""
    made = blocks()

    def block(found: re.Match[str]) -> str:
        name = found.group(1)
        return f"<!-- made: {name} -->\n{made[name]()}\n<!-- end -->"

    def heading(found: re.Match[str]) -> str:
        name = found.group(1)
        return f"### `{signature(name)}`" if name in _INSTRUCTIONS else found.group(0)

    return _HEADING.sub(heading, _MADE.sub(block, page))


def sections(page: str) -> dict[str, str]:
    """What is written by hand of each instruction, by its name."""
    headings = list(_HEADING.finditer(page))
    found = {}
    for place, heading in enumerate(headings):
        end = headings[place + 1].start() if place + 1 < len(headings) else len(page)
        text = page[heading.end() : end].split("\n## ")[0]
        found[heading.group(1)] = _MADE.sub("", text)
    return found


def paragraph(section: str, title: str) -> str:
    """One titled paragraph of a section."""
    _, _, rest = section.partition(f"**{title}.**")
    return rest.split("\n\n")[0]


def errors_of(section: str) -> set[str]:
    """The program's errors an instruction's section names among its checks."""
    known = {error["name"] for error in IDL["errors"]}
    return known & set(re.findall(r"`(\w+)`", paragraph(section, "Checks")))


def events_of(section: str) -> set[str]:
    """The events an instruction's section names."""
    return set(re.findall(r"`(\w+)`", paragraph(section, "Events")))


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
