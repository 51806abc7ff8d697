"""The built program as committed in the library: writing it, and comparing a rebuild with it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolchain import CARGO, ToolchainError

ROOT = Path(__file__).resolve().parent.parent.parent
ARTIFACT = ROOT / "py" / "choir" / "artifact"
OBJECT, IDL, RECORD = ARTIFACT / "choir.so", ARTIFACT / "choir.json", ARTIFACT / "build.json"
MOST_BYTES = 350 * 1024


@dataclass(frozen=True)
class Build:
    """A finished build."""

    object: bytes
    idl: bytes
    versions: dict[str, str]
    """What the object depends on, tool by tool."""

    def record(self) -> dict[str, Any]:
        """What ``build.json`` says of it."""
        return {
            "toolchain": self.versions,
            "object": {
                "sha256": hashlib.sha256(self.object).hexdigest(),
                "bytes": len(self.object),
            },
            "idl": {"sha256": hashlib.sha256(self.idl).hexdigest()},
        }


def build_idl(target_dir: Path) -> bytes:
    """The IDL, by the ordinary compiler of the machine.

    Raises:
        ToolchainError: the program or the tool did not compile; cargo has said why.
    """
    cargo = shutil.which("cargo") or str(CARGO)
    command = [
        cargo,
        "run",
        "--quiet",
        "--locked",
        "--package",
        "choir-idl",
        "--",
        "programs/choir",
    ]
    env = {**os.environ, "CARGO_TARGET_DIR": str(target_dir)}
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise ToolchainError("building the IDL failed")
    return done.stdout


def write(build: Build) -> None:
    """Puts a build into the library.

    Raises:
        ToolchainError: the object is larger than it may be.
    """
    require_small(build)
    OBJECT.write_bytes(build.object)
    IDL.write_bytes(build.idl)
    RECORD.write_text(json.dumps(build.record(), indent=2) + "\n")


def require_small(build: Build) -> None:
    """Refuses an object over the limit."""
    if len(build.object) > MOST_BYTES:
        raise ToolchainError(
            f"the object has {len(build.object):,} bytes; at most {MOST_BYTES:,} are allowed"
        )


def differences(build: Build) -> tuple[list[str], list[str]]:
    """How a rebuild differs from what is committed, and remarks on what could not be compared.

    The object is compared bit for bit when the toolchain is the recorded one; another toolchain
    rightly gives other bytes.
    """
    wrong, remarks = [], []
    if not all(path.exists() for path in (OBJECT, IDL, RECORD)):
        return [f"{ARTIFACT} lacks a built program; run scripts/build-program"], []
    recorded = json.loads(RECORD.read_bytes())
    committed = Build(OBJECT.read_bytes(), IDL.read_bytes(), recorded["toolchain"])
    if committed.record() != recorded:
        wrong.append(f"{RECORD.name} does not describe {OBJECT.name} and {IDL.name} beside it")
    if build.idl != committed.idl:
        wrong.append(f"{IDL.name} is not the program's IDL any more")
    if build.versions != committed.versions:
        remarks.append(
            "the object was not compared bit for bit: it was built with "
            f"{committed.versions}, this machine has {build.versions}"
        )
    elif build.object != committed.object:
        wrong.append(f"{OBJECT.name} is not what the program builds to any more")
    return wrong, remarks
