#!/usr/bin/env python3
"""rustc, told crate identities that do not depend on where things lie.

cargo mixes the path of the standard library's source into the identity of every crate built from
it and on it, and rustc derives type ids from that, which get into the object. For the sBPF target
this wrapper names a crate by its package, version and name instead: cargo calls it with the real
rustc and its arguments.
"""

from __future__ import annotations

import hashlib
import os
import sys

TARGET = "sbpf-solana-solana.json"
NAMES = ("CARGO_PKG_NAME", "CARGO_PKG_VERSION", "CARGO_CRATE_NAME")


def rename(arguments: list[str], environment: dict[str, str]) -> list[str]:
    """The arguments with another ``-C metadata`` when they are for the target."""
    if not any(argument.endswith(TARGET) for argument in arguments):
        return arguments
    identity = " ".join(environment.get(name, "") for name in NAMES)
    metadata = f"metadata={hashlib.sha256(identity.encode()).hexdigest()[:16]}"
    return [metadata if word.startswith("metadata=") else word for word in arguments]


if __name__ == "__main__":
    rustc, *rest = sys.argv[1:]
    os.execv(rustc, [rustc, *rename(rest, dict(os.environ))])  # noqa: S606 - that is the point
