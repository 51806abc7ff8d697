"""What the road builds once: the pass plugin, the runtime, the patched standard library."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from toolchain import LLVM, Toolchain, run

HERE = Path(__file__).resolve().parent
LEGALIZE = HERE / "legalize"
RUNTIME = HERE / "runtime"
STD_PATCH = HERE / "rust-std-solana.patch"

# `instcombine` recognises a wide multiplication or an overflow check in the code that stands for it
# and would make the helper call itself; these passes do not look for idioms.
_RUNTIME_PASSES = "function(sroa,early-cse,simplifycfg,reassociate,early-cse,dce,simplifycfg)"


@dataclass(frozen=True)
class Parts:
    """Where the built parts are."""

    plugin: Path
    """The LLVM passes, loaded by ``opt``."""
    runtime: Path
    """The run-time helpers, LLVM bitcode."""
    library: Path
    """The standard library's source, patched for Solana."""


def _digest(*paths: Path, extra: str = "") -> str:
    state = hashlib.sha256(extra.encode())
    files = [file for path in paths for file in ([path] if path.is_file() else path.iterdir())]
    for file in sorted(files):
        state.update(file.name.encode() + b"\0" + file.read_bytes())
    return state.hexdigest()[:16]


def _build_plugin(out: Path) -> None:
    # LLVM's own flags, without the one that says what the plugin does with exceptions.
    flags = [
        flag
        for flag in run(f"llvm-config-{LLVM}", "--cxxflags").split()
        if flag != "-fno-exceptions"
    ]
    sources = sorted(LEGALIZE.glob("*.cpp"))
    run("g++", *flags, "-std=c++17", "-shared", "-fPIC", "-fno-rtti", "-O1", *sources, "-o", out)


def _build_runtime(out: Path) -> None:
    clang = (
        f"clang-{LLVM} -target bpfel -O2 -fno-builtin -Xclang -disable-llvm-passes -emit-llvm -c"
    )
    with tempfile.TemporaryDirectory() as scratch:
        modules = []
        for source in sorted(RUNTIME.glob("*.c")):
            module = Path(scratch) / f"{source.stem}.bc"
            run(*clang.split(), source.name, "-o", module, cwd=RUNTIME)
            modules.append(module)
        linked = Path(scratch) / "linked.bc"
        run(f"llvm-link-{LLVM}", *modules, "-o", linked)
        run(f"opt-{LLVM}", f"-passes={_RUNTIME_PASSES}", linked, "-o", out)


def _copy_library(source: Path, root: Path) -> None:
    root.mkdir()
    shutil.copytree(source, root / "library", symlinks=True)
    run("patch", "--batch", "--forward", "--strip=1", f"--input={STD_PATCH}", cwd=root)


def build(tools: Toolchain, cache: Path) -> Parts:
    """Builds what the cache does not have yet; a part is kept under the hash of its sources."""
    cache.mkdir(parents=True, exist_ok=True)
    plugin = cache / f"legalize-{_digest(LEGALIZE, extra=LLVM)}.so"
    runtime = cache / f"runtime-{_digest(RUNTIME, extra=_RUNTIME_PASSES)}.bc"
    library = cache / f"rust-{tools.rust_version}-{_digest(STD_PATCH)}"
    if not plugin.exists():
        _make(plugin, _build_plugin)
    if not runtime.exists():
        _make(runtime, _build_runtime)
    if not library.exists():
        _make(library, lambda out: _copy_library(tools.rust_source, out))
    return Parts(plugin, runtime, library / "library")


def _make(final: Path, build_into: Callable[[Path], object]) -> None:
    """Builds beside the final place and moves there, so that what exists is whole."""
    unfinished = final.with_name(f".{os.getpid()}-{final.name}")
    build_into(unfinished)
    unfinished.rename(final)
