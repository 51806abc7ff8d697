"""Checks that do not hold on our localnet, and why; docs/localnet.md says so too.

A check that is named here and holds is an error, so that this list cannot grow stale.
"""

from __future__ import annotations

_WORDS = "said with the same code in other words"

DIFFERENT: dict[str, str] = {
    "json-rpc.envelope.parse-error": _WORDS,
    "json-rpc.envelope.content-type": "any content type is read",
    "json-rpc.refuses.missing-parameter": _WORDS,
    "json-rpc.refuses.parameter-type": _WORDS,
    "json-rpc.refuses.pubkey-characters": _WORDS,
    "json-rpc.refuses.pubkey-size": _WORDS,
    "json-rpc.refuses.commitment": _WORDS,
    "json-rpc.refuses.encoding": _WORDS,
    "json-rpc.refuses.signature": _WORDS,
    "json-rpc.refuses.transaction-base58": _WORDS,
    "json-rpc.refuses.transaction-base64": _WORDS,
    "json-rpc.refuses.transaction-encoding": _WORDS,
    "json-rpc.refuses.transaction-size": _WORDS,
    "json-rpc.refuses.message-base64": _WORDS,
    "json-rpc.refuses.blockhash": _WORDS,
    "json-rpc.refuses.history-before-unknown": "answered with an empty list",
    "kit.errors.codes": _WORDS,
    "json-rpc.pubsub.notification": "a notification's context has apiVersion too",
    "json-rpc.pubsub.errors": _WORDS,
    "solana-py.history.transaction": "has no transactionIndex",
    "solana-py.history.entries": "has no transactionIndex",
    "solana-py.errors.signature": "refused before the simulation (-32003)",
    "solana-py.simulate.signature": "refused before the simulation (-32003)",
    "solana-py.simulate.fields": "tells no fee, balances, data size and loaded addresses",
    "web3js.tokens.wrapped": "genesis has no native mint",
}
