"""The program as built: the sBPF object, the IDL, and what they were built with.

The three files beside this module are written by ``scripts/build-program`` and are rebuilt and
compared by CI, so that nobody who uses the library needs Rust.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

__all__ = ["build_record", "program_idl", "program_so"]

_HERE = Path(__file__).parent


def program_so() -> Path:
    """Path of the program's sBPF object (ELF)."""
    return _HERE / "choir.so"


def program_idl() -> dict[str, Any]:
    """The program's IDL, in Anchor's current format (spec 0.1.0); a fresh dictionary each time."""
    return cast("dict[str, Any]", json.loads((_HERE / "choir.json").read_bytes()))


def build_record() -> dict[str, Any]:
    """What the object was built with: road, versions of the tools, sha256 of object and IDL."""
    return cast("dict[str, Any]", json.loads((_HERE / "build.json").read_bytes()))
