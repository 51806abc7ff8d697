"""The file of other programs: what is in it, and what is said when it is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from solders.pubkey import Pubkey

from choir.idl import load_idl
from choir.ids import PROGRAM_ID
from choir_indexer.programs import ProgramsError, load_programs

ONE, OTHER = str(Pubkey(bytes([1]) * 32)), str(Pubkey(bytes([2]) * 32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "idl.json").write_text(json.dumps(load_idl()))
    (tmp_path / "old.json").write_text('{"name": "old", "version": "0.1.0"}')
    (tmp_path / "cut.json").write_text("{")
    return tmp_path


def load(folder: Path, *programs: Any, name: str = "programs.json") -> Any:
    (folder / name).write_text(json.dumps(list(programs)))
    return load_programs(folder / name, choir=PROGRAM_ID)


def test_toml_and_json_say_the_same(folder: Path) -> None:
    (folder / "programs.toml").write_text(
        f'[[programs]]\nprogram_id = "{ONE}"\nidl = "idl.json"\naccounts = ["Thread", "Spec"]\n'
        f'[[programs]]\nprogram_id = "{OTHER}"\nidl = "{folder / "idl.json"}"\n'
    )
    first, second = load_programs(folder / "programs.toml", choir=PROGRAM_ID)
    same = {"program_id": ONE, "idl": "idl.json", "accounts": ["Spec", "Thread"]}
    (folder / "more.json").write_text(json.dumps({"programs": [same]}))
    (again,) = load_programs(folder / "more.json", choir=PROGRAM_ID)
    assert str(first.program) == ONE
    assert set(first.decoder.accounts) == {"Thread", "Spec"}
    assert first.kept is not None
    assert (again.kept, again.fingerprint) == (first.kept, first.fingerprint)
    assert second.kept is None
    assert second.fingerprint != first.fingerprint
    assert load(folder) == []


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("x", r"programs\[0\]\.program_id: must be given"),
        ({"idl": "idl.json"}, r"programs\[0\]\.program_id: must be an address"),
        ({"program_id": "x", "idl": "idl.json"}, "program_id: must be an address"),
        ({"program_id": str(PROGRAM_ID), "idl": "idl.json"}, "program_id: is Choir's own"),
        ({"program_id": ONE, "idle": "idl.json"}, r"idle: there is no such setting, only accounts"),
        ({"program_id": ONE}, "idl: must be the path of the program's IDL"),
        ({"program_id": ONE, "idl": "gone.json"}, r"idl: .*gone\.json: No such file"),
        ({"program_id": ONE, "idl": "cut.json"}, r"idl: .*cut\.json is not JSON"),
        ({"program_id": ONE, "idl": "old.json"}, r"idl: .*old\.json: .*anchor idl convert"),
        ({"program_id": ONE, "idl": "idl.json", "accounts": []}, "accounts: must be a list"),
        (
            {"program_id": ONE, "idl": "idl.json", "accounts": ["Thred"]},
            "the IDL has no account 'Thred'; it has: Config, ",
        ),
    ],
)
def test_an_error_says_what_is_wrong_and_where(folder: Path, entry: Any, why: str) -> None:
    with pytest.raises(ProgramsError, match=why) as said:
        load(folder, entry)
    assert str(said.value).startswith(f"{folder / 'programs.json'}: programs[0].")


def test_so_does_one_about_the_file(folder: Path) -> None:
    good = {"program_id": ONE, "idl": "idl.json"}
    with pytest.raises(ProgramsError, match=r"programs\[1\]\.program_id: .* is there twice"):
        load(folder, good, good)
    with pytest.raises(ProgramsError, match=r"gone\.toml: No such file"):
        load_programs(folder / "gone.toml", choir=PROGRAM_ID)
    for name, text, why in (
        ("a.toml", "programs = ", "Invalid value"),
        ("a.json", "[", "Expecting value"),
        ("b.json", '{"program": []}', "there is no setting 'program', only programs"),
        ("c.json", "7", "programs must be a list"),
    ):
        (folder / name).write_text(text)
        with pytest.raises(ProgramsError, match=why):
            load_programs(folder / name, choir=PROGRAM_ID)
