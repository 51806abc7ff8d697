"""The pure parts of scripts/sbf, and that the committed artifact is in order."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "sbf"))

import artifact  # noqa: E402 - scripts are not a package
import linker  # noqa: E402
import rustc  # noqa: E402
import toolchain  # noqa: E402


def test_the_record_describes_the_artifact() -> None:
    record = json.loads(artifact.RECORD.read_text())
    program = artifact.OBJECT.read_bytes()
    assert record["object"] == {
        "sha256": hashlib.sha256(program).hexdigest(),
        "bytes": len(program),
    }
    assert record["idl"]["sha256"] == hashlib.sha256(artifact.IDL.read_bytes()).hexdigest()
    assert {"road"} < set(record["toolchain"])
    assert len(program) <= artifact.MOST_BYTES


def test_the_object_names_no_place() -> None:
    program = artifact.OBJECT.read_bytes()
    for place in (b"/root", b"/home", b"/usr/src", b"/tmp/", str(ROOT).encode()):
        assert place not in program


def test_linker_arguments(tmp_path: Path) -> None:
    response = tmp_path / "arguments"
    response.write_text("b.rlib\n--cpu\nv2\n--debug\n")
    words = [
        "a.o",
        f"@{response}",
        "-o",
        "out.so",
        "-O3",
        "-L",
        "somewhere",
        "--export-symbols",
        "list",
    ]
    wanted = linker.parse(words)
    assert wanted.output == Path("out.so")
    assert (wanted.objects, wanted.libraries) == ([Path("a.o")], [Path("b.rlib")])
    assert wanted.cpu == ["--cpu", "v2"]


@pytest.mark.parametrize("words", [["a.o"], ["a.o", "-o", "out.so", "--new-flag"]])
def test_linker_arguments_it_cannot_honour(words: list[str]) -> None:
    with pytest.raises(toolchain.ToolchainError):
        linker.parse(words)


def test_differences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, file in {"OBJECT": "choir.so", "IDL": "choir.json", "RECORD": "build.json"}.items():
        monkeypatch.setattr(artifact, name, tmp_path / file)
    same = artifact.Build(b"object", b"idl", {"rustc": "1"})
    assert artifact.differences(same)[0] != []
    artifact.write(same)
    assert artifact.differences(same) == ([], [])
    wrong, remarks = artifact.differences(artifact.Build(b"other", b"idl", {"rustc": "1"}))
    assert ("choir.so" in wrong[0], remarks) == (True, [])
    wrong, remarks = artifact.differences(artifact.Build(b"other", b"idl", {"rustc": "2"}))
    assert (wrong, len(remarks)) == ([], 1)
    wrong, _ = artifact.differences(artifact.Build(b"object", b"another", {"rustc": "1"}))
    assert "choir.json" in wrong[0]
    (tmp_path / "choir.so").write_bytes(b"tampered")
    assert "does not describe" in artifact.differences(same)[0][0]


def test_an_object_over_the_limit_is_refused() -> None:
    with pytest.raises(toolchain.ToolchainError, match="at most"):
        artifact.require_small(artifact.Build(bytes(artifact.MOST_BYTES + 1), b"", {}))


def test_a_failing_tool_says_what_it_said() -> None:
    with pytest.raises(toolchain.ToolchainError, match="no such directory at all"):
        toolchain.run("sh", "-c", "echo no such directory at all >&2; exit 3")


def test_crates_are_named_by_what_they_are() -> None:
    environment = {
        "CARGO_PKG_NAME": "alloc",
        "CARGO_PKG_VERSION": "0.0.0",
        "CARGO_CRATE_NAME": "alloc",
    }
    words = [
        "--target",
        "/a/sbpf-solana-solana.json",
        "-C",
        "metadata=1",
        "-C",
        "extra-filename=-1",
    ]
    elsewhere = ["--target", "/b/sbpf-solana-solana.json", "-C", "metadata=2"]
    named = rustc.rename(words, environment)
    assert named[3] == rustc.rename(elsewhere, environment)[3] != "metadata=1"
    assert named[:3] + named[4:] == words[:3] + words[4:]
    other = {**environment, "CARGO_PKG_NAME": "core"}
    assert rustc.rename(words, other)[3] != named[3]
    assert rustc.rename(["-C", "metadata=1"], environment) == ["-C", "metadata=1"]
