"""Checks that do not hold on our localnet, and why; docs/localnet.md says so too.

A check that is named here and holds is an error, so that this list cannot grow stale.
"""

from __future__ import annotations

DIFFERENT: dict[str, str] = {
    "json-rpc.envelope.body-size": "bodies up to 2 MB are read",
    "solana-py.errors.missing-accounts": "the runtime of Solana 2.2 says NotEnoughAccountKeys",
}
