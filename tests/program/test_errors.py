"""Which of the program's errors the tests provoke."""

from __future__ import annotations

import re
from pathlib import Path

from tests.program.harness import ERRORS, IDL

# Cannot be provoked from outside: they guard against mistakes in the program itself, and against
# sums that the supply of the mint, a u64 too, does not allow.
GUARDS = {
    "AccountAlreadyExists",
    "ArithmeticOverflow",
    "ConfigInvariant",
    "EscrowInvariant",
    "PositionInvariant",
    "SpecInvariant",
    "ThreadClosed",
    "ThreadInvariant",
    "TreasuryInvariant",
    "VaultInsolvent",
}


def test_every_error_but_the_guards_is_provoked() -> None:
    tests = "\n".join(path.read_text() for path in sorted(Path(__file__).parent.glob("test_*.py")))
    provoked = set(re.findall(r'"([A-Z]\w+)"', tests.replace(_own_source(), "")))
    assert set(ERRORS) - GUARDS - provoked == set()
    assert set(ERRORS) >= GUARDS


def _own_source() -> str:
    return Path(__file__).read_text()


def test_codes_are_consecutive_and_explained() -> None:
    codes = [error["code"] for error in IDL["errors"]]
    assert codes == list(range(6_000, 6_000 + len(codes)))
    assert all(len(error["msg"]) > 15 for error in IDL["errors"])
    assert len({error["msg"] for error in IDL["errors"]}) == len(codes)


def test_everything_in_the_idl_is_documented() -> None:
    for instruction in IDL["instructions"]:
        assert instruction["docs"], instruction["name"]
        for account in instruction["accounts"]:
            generated = account["name"] in ("event_authority", "program")
            assert generated or account.get("docs"), (instruction["name"], account["name"])
    for definition in IDL["types"]:
        for member in definition["type"].get("fields", []) or definition["type"].get(
            "variants", []
        ):
            assert definition["type"]["kind"] == "enum" or member.get("docs"), (
                definition["name"],
                member,
            )
