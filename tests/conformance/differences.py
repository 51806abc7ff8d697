"""Checks that do not hold on our localnet, and why; docs/localnet.md says so too.

A check that is named here and holds is an error, so that this list cannot grow stale.
"""

from __future__ import annotations

_WORDS = "refused with the same code in other words"

DIFFERENT: dict[str, str] = {
    "json-rpc.envelope.body-size": "bodies up to 2 MB are read",
    "json-rpc.refuses.token-largest-of-nothing": _WORDS,
    "json-rpc.refuses.memcmp-characters": _WORDS,
    "json-rpc.refuses.memcmp-size": _WORDS,
    "json-rpc.refuses.too-many-parameters": _WORDS,
    "json-rpc.pubsub.errors": _WORDS,
    "solana-py.errors.missing-accounts": "the runtime of Solana 2.2 says NotEnoughAccountKeys",
    "solana-py.errors.duplicate-budget": "refused by the simulation (-32002)",
    "solana-py.history.block": "the rewards of a block's transaction are empty, not null",
}
