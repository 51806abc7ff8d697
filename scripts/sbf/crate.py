"""Building a crate of the workspace to an sBPF object."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import parts
from toolchain import CARGO, RUSTC, Toolchain, ToolchainError, run

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = HERE / "sbpf-solana-solana.json"


def _digest(script: str) -> str:
    return hashlib.sha256((HERE / script).read_bytes()).hexdigest()[:16]


def _rust_flags(library: Path, target_dir: Path) -> str:
    cargo_home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    # No path of this machine may get into the object.
    renamed = {library: "/rust", cargo_home: "/cargo", target_dir: "/target", ROOT: "/choir"}
    return " ".join(
        [
            "-C target-cpu=v2",
            "-C target-feature=+allows-misaligned-mem-access",
            # System calls are called by the hash of their name, not looked up by the loader.
            '--cfg=target_feature="static-syscalls"',
            "-Z unstable-options -A explicit_builtin_cfgs_in_flags",
            # cargo does not notice when its wrapper changes, but does when a flag does
            f'--cfg=sbf_wrapper="{_digest("rustc.py")}"',
            *(f"--remap-path-prefix={path}={name}" for path, name in renamed.items()),
        ]
    )


def _forget_other_links(
    package: str, target_dir: Path, env: dict[str, str], built: parts.Parts
) -> None:
    """Makes cargo link again when the linker has changed, of which cargo knows nothing."""
    stamp = target_dir / f"{package}.linked-with"
    now = f"{built.plugin.name} {built.runtime.name} {_digest('linker.py')}"
    if stamp.exists() and stamp.read_text() == now:
        return
    clean = [
        str(CARGO),
        "clean",
        "--quiet",
        "--release",
        "--package",
        package,
        "--target",
        str(TARGET),
    ]
    run(*clean, "-Z", "json-target-spec", env=env, cwd=ROOT)
    stamp.write_text(now)


def build(tools: Toolchain, package: str, target_dir: Path, *, quiet: bool = False) -> Path:
    """Builds a package and returns the object's path.

    Args:
        tools: the toolchain.
        package: name of a package of the workspace with a ``cdylib``.
        target_dir: where the build is kept; a warm one saves a minute.
        quiet: keep cargo's progress to itself.

    Raises:
        ToolchainError: cargo failed; what it said went to standard error.
    """
    target_dir = target_dir.resolve()
    built = parts.build(tools, target_dir / "parts")
    triple = TARGET.stem.upper().replace("-", "_")
    env = {
        **os.environ,
        "RUSTC": str(RUSTC),
        "RUSTC_WRAPPER": str(HERE / "rustc.py"),
        # The target and the standard library's own build are unstable options of a stable compiler.
        "RUSTC_BOOTSTRAP": "1",
        "RUSTC_BOOTSTRAP_SYNTHETIC_TARGET": "1",
        "__CARGO_TESTS_ONLY_SRC_ROOT": str(built.library),
        "CARGO_TARGET_DIR": str(target_dir),
        f"CARGO_TARGET_{triple}_LINKER": str(HERE / "linker.py"),
        f"CARGO_TARGET_{triple}_RUSTFLAGS": _rust_flags(built.library, target_dir),
        "CHOIR_SBF_PLUGIN": str(built.plugin),
        "CHOIR_SBF_RUNTIME": str(built.runtime),
        "CHOIR_SBF_LINKER": str(tools.sbpf_linker),
    }
    for name in (
        "RUSTUP_TOOLCHAIN",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
    ):
        env.pop(name, None)
    _forget_other_links(package, target_dir, env, built)
    command = [
        *(str(CARGO), "build", "--release", "--locked", "--package", package, "--lib"),
        *("--target", str(TARGET), "-Z", "json-target-spec"),
        *("-Z", "build-std=core,alloc,std,panic_abort", "-Z", "build-std-features="),
        # A panic is a bare abort: its message would cost more than the program.
        *("-Z", "panic-immediate-abort", "--config", 'profile.release.panic="immediate-abort"'),
        *(["--quiet"] if quiet else []),
    ]
    if subprocess.run(command, cwd=ROOT, env=env, check=False).returncode != 0:
        raise ToolchainError(f"building {package} for sBPF failed")
    return target_dir / TARGET.stem / "release" / f"lib{package.replace('-', '_')}.so"
