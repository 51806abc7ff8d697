#!/usr/bin/env python3
"""The linker rustc calls for the sBPF target: LLVM bitcode in, an sBPF shared object out.

rustc passes bitcode objects and libraries of bitcode. They are linked into one module, optimised
as a whole, made palatable to LLVM's BPF backend, and handed to ``sbpf-linker``, which generates the
code and writes the object Solana loads.

Environment: ``CHOIR_SBF_PLUGIN`` and ``CHOIR_SBF_RUNTIME`` (see parts.py), ``CHOIR_SBF_LINKER``,
and, to look at the steps, ``CHOIR_SBF_KEEP``: a directory to leave them in.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from toolchain import LLVM, ToolchainError, run

# What the loader enters, and what the code generator may call by itself.
EXPORTS = "entrypoint,memcpy,memmove,memset,memcmp,bcmp"
# What is alike is shared afterwards: accounts of several instructions are read the same way. Only
# with passes that give the same module every time: LLVM 22's gvn-sink, which would take off some
# more, goes by the addresses of its own objects.
OPTIMISE = (
    "forceattrs,internalize,globaldce,function(lower-atomic),default<O3>,"
    "mergefunc,globaldce,sbf-arithmetic"
)
# Making an error is inlined at every check unless it is said to be rare, and is then most of the
# program: functions of this crate are kept apart and off the paths that succeed.
ERROR_CRATE = "anchor_lang_error"
# The helpers come in late, or the optimiser would take them for what they replace.
LEGALISE = "internalize,globaldce,sbf-arithmetic,sbf-signatures,globaldce,function(sroa,dce),verify"
CODE_GENERATOR = (
    "--arch=v0",
    "--llvm-args=-bpf-stack-size=4096",
    "--llvm-args=--bpf-max-stores-per-memfunc=5",
    "--llvm-args=--disable-gotox",
    "--llvm-args=--disable-ldsx",
    "--llvm-args=--disable-movsx",
)
_BITCODE = (b"BC\xc0\xde", b"\xde\xc0\x17\x0b")


@dataclass
class Arguments:
    """What is wanted of rustc's arguments; the rest is for linkers of other kinds."""

    output: Path = Path()
    objects: list[Path] = field(default_factory=list)
    libraries: list[Path] = field(default_factory=list)
    cpu: list[str] = field(default_factory=list)


def parse(words: list[str]) -> Arguments:
    """Reads rustc's arguments, response files included.

    Raises:
        ToolchainError: there is no output, or an argument is not known.
    """
    expanded: list[str] = []
    for word in words:
        expanded += Path(word[1:]).read_text().splitlines() if word.startswith("@") else [word]
    wanted = Arguments()
    rest = iter(expanded)
    for word in rest:
        if word == "-o":
            wanted.output = Path(next(rest))
        elif word in ("--cpu", "--cpu-features"):
            wanted.cpu += [word, next(rest)]
        elif word in ("--export-symbols", "-L"):
            next(rest)
        elif word.endswith(".rlib"):
            wanted.libraries.append(Path(word))
        elif word.endswith(".o"):
            wanted.objects.append(Path(word))
        elif not (word.startswith("-O") or word == "--debug"):
            raise ToolchainError(f"rustc passed an argument this linker does not know: {word}")
    if wanted.output == Path():
        raise ToolchainError("rustc passed no output file")
    return wanted


def is_bitcode(path: Path) -> bool:
    """Whether a file is LLVM bitcode, by its first bytes."""
    with path.open("rb") as file:
        return file.read(4) in _BITCODE


def members(library: Path, into: Path) -> list[Path]:
    """Unpacks a library and returns its bitcode objects, in its order."""
    into.mkdir()
    names = [name for name in run(f"llvm-ar-{LLVM}", "t", library).split() if name.endswith(".o")]
    run(f"llvm-ar-{LLVM}", "x", "--output", into, library)
    return [into / name for name in names if is_bitcode(into / name)]


def keep_errors_apart(module: Path, listing: Path) -> str:
    """Writes which functions make errors, and returns the optimiser's flag that reads it."""
    symbols = [line.split()[-1] for line in run(f"llvm-nm-{LLVM}", module).splitlines()]
    named = [symbol for symbol in symbols if ERROR_CRATE in symbol]
    listing.write_text("".join(f"{symbol},noinline\n{symbol},cold\n" for symbol in named))
    return f"-forceattrs-csv-path={listing}"


def link(wanted: Arguments, work: Path) -> None:
    """Writes the output; steps go into ``work``."""
    plugin, runtime = os.environ["CHOIR_SBF_PLUGIN"], os.environ["CHOIR_SBF_RUNTIME"]
    optimiser = (
        f"opt-{LLVM}",
        f"-load-pass-plugin={plugin}",
        f"-internalize-public-api-list={EXPORTS}",
    )
    linker = f"llvm-link-{LLVM}"

    own = [path for path in wanted.objects if is_bitcode(path)]
    others = [
        member
        for number, library in enumerate(wanted.libraries)
        for member in members(library, work / f"library-{number}")
    ]
    run(linker, *own, "-o", work / "own.bc")
    run(linker, work / "own.bc", "--only-needed", *others, "-o", work / "whole.bc")
    apart = keep_errors_apart(work / "whole.bc", work / "errors.csv")
    optimise = (*optimiser, "-mcpu=v2", apart, f"-passes={OPTIMISE}")
    run(*optimise, work / "whole.bc", "-o", work / "optimised.bc")
    run(linker, work / "optimised.bc", "--override", runtime, "-o", work / "complete.bc")
    run(*optimiser, f"-passes={LEGALISE}", work / "complete.bc", "-o", work / "legal.o")
    run(
        os.environ["CHOIR_SBF_LINKER"],
        work / "legal.o",
        *("-o", wanted.output, "-O0", "--export", EXPORTS),
        *wanted.cpu,
        *CODE_GENERATOR,
    )


def main() -> int:
    """Links, and reports failures on standard error as rustc expects."""
    keep = os.environ.get("CHOIR_SBF_KEEP")
    work = Path(keep) if keep else Path(tempfile.mkdtemp(prefix="sbf-link-"))
    try:
        if keep:
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
        link(parse(sys.argv[1:]), work)
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if not keep:
            shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
