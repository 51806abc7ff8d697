"""Which programs are mirrored beside Choir: a file in TOML or JSON, checked whole at the start."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from solders.pubkey import Pubkey

from choir.errors import IdlError
from choir.idl_decoder import IdlDecoder

__all__ = ["ProgramConfig", "ProgramsError", "load_programs"]

KEYS: Final = frozenset({"program_id", "idl", "accounts"})


class ProgramsError(Exception):
    """The file of programs, or an IDL it names, cannot be used; says where and why."""


@dataclass(frozen=True, slots=True)
class ProgramConfig:
    """A program to mirror. `kept` are the account types whose accounts are kept, each with its
    discriminator; None when all are, also those of no known type."""

    program: Pubkey
    decoder: IdlDecoder
    kept: tuple[str, ...] | None

    @property
    def fingerprint(self) -> str:
        """Changes whenever rows might be decoded otherwise."""
        said = json.dumps([self.decoder.fingerprint, self.kept])
        return sha256(said.encode()).hexdigest()


def load_programs(path: Path, *, choir: Pubkey) -> list[ProgramConfig]:
    """Every program of the file, with its IDL compiled.

    The file is a list `programs` of `program_id`, `idl` (a path, relative to the file) and
    optionally `accounts`, the account types to keep.

    Args:
        path: `.toml`, or JSON.
        choir: Choir's own program, which has its own tables.

    Raises:
        ProgramsError: naming the file, the entry and what is wrong with it.
    """
    said = _read(path)
    entries = said.get("programs") if isinstance(said, Mapping) else said
    unknown = set(said) - {"programs"} if isinstance(said, Mapping) else set()
    if unknown:
        raise ProgramsError(f"{path}: there is no setting {min(unknown)!r}, only programs")
    if not isinstance(entries, list):
        raise ProgramsError(f"{path}: programs must be a list of tables")
    programs: list[ProgramConfig] = []
    for number, entry in enumerate(entries):
        try:
            found = _program(entry, path.parent, choir)
            if any(each.program == found.program for each in programs):
                raise ProgramsError(f"program_id: {found.program} is there twice")  # noqa: TRY301 - gets its place below
        except ProgramsError as error:
            raise ProgramsError(f"{path}: programs[{number}].{error}") from None
        programs.append(found)
    return programs


def _program(entry: Any, folder: Path, choir: Pubkey) -> ProgramConfig:
    if not isinstance(entry, Mapping):
        raise ProgramsError("program_id: must be given, in a table")
    unknown = set(entry) - KEYS
    if unknown:
        known = ", ".join(sorted(KEYS))
        raise ProgramsError(f"{min(unknown)}: there is no such setting, only {known}")
    try:
        program = Pubkey.from_string(str(entry.get("program_id")))
    except ValueError:
        raise ProgramsError("program_id: must be an address (base58 of 32 bytes)") from None
    if program == choir:
        raise ProgramsError("program_id: is Choir's own program, which is mirrored anyway")
    wanted = entry.get("accounts")
    if wanted is not None and not (
        isinstance(wanted, list) and wanted and all(isinstance(each, str) for each in wanted)
    ):
        raise ProgramsError("accounts: must be a list of names of the IDL's accounts; or left out")
    name = entry.get("idl")
    if not isinstance(name, str) or not name:
        raise ProgramsError("idl: must be the path of the program's IDL")
    try:
        idl = json.loads((folder / name).read_bytes())
        decoder = IdlDecoder(idl, accounts=wanted)
    except OSError as error:
        raise ProgramsError(f"idl: {folder / name}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ProgramsError(f"idl: {folder / name} is not JSON: {error}") from None
    except IdlError as error:
        raise ProgramsError(f"idl: {folder / name}: {error}") from None
    kept = None
    if wanted is not None:
        marks = {each["name"]: bytes(each["discriminator"]).hex() for each in idl["accounts"]}
        kept = tuple(sorted(f"{each}:{marks[each]}" for each in set(wanted)))
    return ProgramConfig(program, decoder, kept)


def _read(path: Path) -> Any:
    try:
        text = path.read_text()
        return tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise ProgramsError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ProgramsError(f"{path}: {error}") from None
