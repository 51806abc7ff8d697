"""The tools that build an sBPF object from Debian's Rust: finding, naming, installing them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

LLVM = "22"
SBPF_LINKER_VERSION = "0.2.6"
APT_PACKAGES = (
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    f"llvm-{LLVM}",
    f"llvm-{LLVM}-dev",
    f"clang-{LLVM}",
    "g++",
    "patch",
)
RUSTC = Path("/usr/bin/rustc")
CARGO = Path("/usr/bin/cargo")


class ToolchainError(Exception):
    """A tool is missing or failed; the message says which and what to do."""


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """Runs a command and returns its standard output.

    Raises:
        ToolchainError: it failed; the message carries the end of what it said.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, env=env, cwd=cwd, check=False)
    if done.returncode != 0:
        shown = " ".join(words)[:2000]
        raise ToolchainError(
            f"failed with status {done.returncode}: {shown}\n{done.stderr[-6000:]}"
        )
    return done.stdout


@dataclass(frozen=True)
class Toolchain:
    """A complete set of tools."""

    sbpf_linker: Path
    rust_version: str
    """Of Debian's compiler, such as ``1.96.0``."""
    rust_source: Path
    """Its standard library's source, unpatched."""

    def versions(self) -> dict[str, str]:
        """What the object depends on: the same versions give the same bytes."""
        return {
            "road": "debian",
            "rustc": run(RUSTC, "--version").strip(),
            "cargo": run(CARGO, "--version").strip(),
            "llvm": run(f"llvm-config-{LLVM}", "--version").strip(),
            "clang": run(f"clang-{LLVM}", "--version").splitlines()[0],
            "sbpf-linker": " ".join(run(self.sbpf_linker, "--version").split()),
        }


def _sbpf_linker() -> Path | None:
    cargo_home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    found = shutil.which("sbpf-linker", path=f"{cargo_home / 'bin'}:{os.environ.get('PATH', '')}")
    return Path(found) if found else None


def _rust_version() -> str | None:
    if not RUSTC.exists():
        return None
    match = re.search(r"rustc (\d+\.\d+\.\d+)", run(RUSTC, "--version"))
    return match.group(1) if match else None


def missing() -> list[str]:
    """What is not there, in words; empty when an object can be built."""
    gaps = []
    version = _rust_version()
    if version is None or not CARGO.exists():
        gaps.append(f"Debian's Rust at {RUSTC} and {CARGO} (packages rustc-web, cargo-web)")
    elif not Path(f"/usr/src/rustc-{version}/library").is_dir():
        gaps.append(f"the source of Rust {version}'s standard library (package rust-web-src)")
    gaps += [
        f"{tool} (package {package})"
        for tool, package in (
            (f"llvm-config-{LLVM}", f"llvm-{LLVM}-dev"),
            (f"opt-{LLVM}", f"llvm-{LLVM}"),
            (f"llvm-link-{LLVM}", f"llvm-{LLVM}"),
            (f"llvm-ar-{LLVM}", f"llvm-{LLVM}"),
            (f"clang-{LLVM}", f"clang-{LLVM}"),
            ("g++", "g++"),
            ("patch", "patch"),
        )
        if shutil.which(tool) is None
    ]
    if _sbpf_linker() is None:
        gaps.append(f"sbpf-linker {SBPF_LINKER_VERSION} (crates.io)")
    return gaps


def find() -> Toolchain:
    """The tools on this machine.

    Raises:
        ToolchainError: some are missing; the message lists them.
    """
    gaps = missing()
    if gaps:
        listed = "\n".join(f"  - {gap}" for gap in gaps)
        raise ToolchainError(
            f"missing to build the program:\n{listed}\n"
            "`scripts/build-program --install` installs them (Debian or Ubuntu, as root)."
        )
    linker, version = _sbpf_linker(), _rust_version()
    if linker is None or version is None:
        raise ToolchainError("the tools changed while they were being looked for; try again")
    return Toolchain(linker, version, Path(f"/usr/src/rustc-{version}/library"))


def install() -> None:
    """Installs what is missing with apt and cargo. Needs root.

    Raises:
        ToolchainError: not root, no apt, or a step failed.
    """
    if not missing():
        return
    if shutil.which("apt-get") is None:
        raise ToolchainError(
            "--install needs apt-get; see scripts/sbf/README.md for what to install"
        )
    if os.geteuid() != 0:
        raise ToolchainError("--install needs root, to install packages with apt-get")
    apt = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", env=apt)
    run("apt-get", "install", "--yes", *APT_PACKAGES, env=apt)
    if _sbpf_linker() is None:
        env = {**os.environ, "LLVM_PREFIX": f"/usr/lib/llvm-{LLVM}", "RUSTC": str(RUSTC)}
        command = (
            f"install sbpf-linker --locked --version {SBPF_LINKER_VERSION} --no-default-features"
        )
        run(CARGO, *command.split(), "--features", f"bpf-linker/llvm-{LLVM}", env=env)
    gaps = missing()
    if gaps:
        raise ToolchainError(f"still missing after the installation: {', '.join(gaps)}")
