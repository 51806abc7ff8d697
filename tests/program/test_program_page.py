"""docs/program.md follows the program: its interface, its checks, its events, its measurements."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.program.borsh import IDL
from tests.program.guards import GUARDS
from tests.program.harness import pda
from tests.program.honest import NAMES, Call, honest
from tests.program.program_page import (
    PAGE,
    blocks,
    errors_of,
    events_of,
    filled,
    paragraph,
    sections,
)
from tests.program.wrongs import FAMILIES, wrongs

TEXT = PAGE.read_text()
SECTIONS = sections(TEXT)
EVENTS = {event["name"] for event in IDL["events"]}


def test_its_made_parts_are_up_to_date() -> None:
    assert filled(TEXT) == TEXT, "run python -m tests.program.program_page"


def test_it_has_every_made_part_once() -> None:
    found = re.findall(r"<!-- made: (.+?) -->", TEXT)
    assert sorted(found) == sorted(blocks())


@pytest.mark.parametrize("name", NAMES)
def test_an_instructions_section_says_everything(name: str) -> None:
    section = SECTIONS[name]
    for title in ("Checks", "Effects", "Events"):
        assert paragraph(section, title).strip(), f"{name} has no {title}"


@pytest.mark.parametrize("name", NAMES)
def test_the_checks_named_are_those_that_are_provoked(name: str) -> None:
    provoked = {error for instruction, error in wrongs() if instruction == name}
    assert errors_of(SECTIONS[name]) == provoked


def test_every_error_is_a_check_or_a_guard() -> None:
    checks = set().union(*map(errors_of, SECTIONS.values()))
    guards = {error for _, error in GUARDS}
    assert {error["name"] for error in IDL["errors"]} == checks | guards


def _rebased(name: str) -> Call:
    """The call of somebody who has all shares, each worth more than a unit."""
    call = honest(name)
    stage = call.stage
    stage.deny(stage.carol, 70_000)
    stage.world.pass_time(7 * 86_400)
    return stage.deposit(stage.alice, 70) if name == "deposit" else stage.divest(stage.alice, 70)


@pytest.mark.parametrize("name", NAMES)
def test_the_events_named_are_those_that_are_emitted(name: str) -> None:
    calls = [honest(name)]
    if name in ("deposit", "divest"):
        calls.append(_rebased(name))
    emitted = {kind for call in calls for kind, _ in call.send().events}
    assert events_of(SECTIONS[name]) == emitted


def test_every_event_is_some_instructions() -> None:
    assert set().union(*map(events_of, SECTIONS.values())) == EVENTS


def test_the_families_are_the_programs() -> None:
    (listed,) = re.findall(r"The families, by bit: (.+?)\. Cleanups", TEXT, re.DOTALL)
    found: dict[int, tuple[str, ...]] = {}
    for part in listed.split(";"):
        bit, _, names = part.strip().partition(" ")
        found[int(bit)] = tuple(re.findall(r"`(\w+)`", names))
    assert {bit: set(names) for bit, names in found.items()} == {
        bit: set(names) for bit, names in FAMILIES.items()
    }


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"initialize"}))
def test_a_pause_of_all_families_stops_only_what_is_in_one(name: str) -> None:
    call = honest(name)
    in_family = any(name in names for names in FAMILIES.values())
    if not in_family and name != "unpause":
        config: dict[str, Any] = call.world.read("Config", pda(b"config"))
        end = [call.world.now + 5] * 7 if name != "pause" else config["paused_until"]
        call.world.rewrite("Config", pda(b"config"), {**config, "paused_until": end})
        call.send()
    else:
        assert in_family == ((name, "Paused") in wrongs())


def test_links_of_the_page_lead_somewhere() -> None:
    for path in re.findall(r"`((?:programs|tests|scripts|src)/[\w./]+)", TEXT):
        place = "programs/choir/" + path if path.startswith("src/") else path
        assert (PAGE.parents[1] / place).exists(), path
