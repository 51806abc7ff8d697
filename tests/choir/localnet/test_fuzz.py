"""Whatever is sent, the answer is JSON-RPC and never an internal error."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from choir.localnet.bank import Landed
from choir.localnet.chain import Chain
from choir.localnet.errors import INTERNAL_ERROR
from choir.localnet.faults import Faults
from choir.localnet.genesis import genesis_accounts, genesis_hash, load_keys
from choir.localnet.producer import Producer
from choir.localnet.pubsub import PubSub
from choir.localnet.rpc import Dispatcher
from choir.localnet.rpc.context import METHODS, Context
from choir.localnet.settings import Settings
from choir.localnet.subscriptions import KINDS
from choir.localnet.testing import ManualClock

TOKEN = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
# Slow by nature or about files, and tested elsewhere.
LEFT_OUT = {"localnet_advance", "localnet_save"}


def new_chain() -> Chain:
    given = Settings(production="manual", choir=False, finality_slots=2)
    keys = load_keys(None)
    chain = Chain(given, ManualClock(), keys, genesis_hash(keys, bytes(32)))
    chain.start(list(genesis_accounts(given, keys, chain.bank.svm.rent_exempt)))
    landed = chain.transfer_from_faucet(keys.identity.pubkey(), 10**9)
    assert isinstance(landed, Landed)
    for _ in range(5):
        chain.confirm(chain.close_slot())
    return chain


CHAIN = new_chain()
RECORD = next(CHAIN.ledger.of_address(CHAIN.keys.identity.pubkey()))
WORDS = [
    TOKEN,
    "1" * 32,
    str(CHAIN.keys.faucet.pubkey()),
    str(CHAIN.keys.stake_mint.pubkey()),
    RECORD.signature,
    CHAIN.bank.blockhash.__str__(),
    "base64",
    "base58",
    "jsonParsed",
    "base64+zstd",
    "processed",
    "confirmed",
    "all",
    "signatures",
    "accounts",
    "AQAB",
    "",
]
NAMES = [
    "commitment",
    "encoding",
    "filters",
    "dataSlice",
    "minContextSlot",
    "offset",
    "length",
    "memcmp",
    "dataSize",
    "bytes",
    "mint",
    "programId",
    "limit",
    "before",
    "until",
    "accounts",
    "addresses",
    "skipPreflight",
    "sigVerify",
    "replaceRecentBlockhash",
    "transactionDetails",
    "maxSupportedTransactionVersion",
    "mentions",
    "identity",
    "kind",
    "lamports",
    "data",
    "owner",
]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.integers(0, 6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(WORDS)
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=6,
)
many = settings(
    deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)


@many
@given(
    method=st.sampled_from(sorted(set(METHODS) - LEFT_OUT)), params=st.lists(anything, max_size=3)
)
def test_no_parameters_break_a_method(method: str, params: list[Any]) -> None:
    async def call() -> bytes:
        dispatcher = Dispatcher(Context(CHAIN, Producer(CHAIN, None), Faults()))
        body = orjson.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
        answer = dispatcher.answer(body)
        return await answer if inspect.isawaitable(answer) else answer

    answer = orjson.loads(asyncio.run(call()))
    assert answer["id"] == 7
    assert ("result" in answer) != ("error" in answer)
    if "error" in answer:
        error = answer["error"]
        assert error["message"]
        assert error["code"] != INTERNAL_ERROR or error["message"] != "Internal error", answer


class Heard:
    """A client that keeps what it is sent."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def send(self, message: str) -> None:
        self.messages.append(orjson.loads(message))


@many
@given(kind=st.sampled_from(KINDS), params=st.lists(anything, max_size=3))
def test_a_subscription_is_made_or_refused(kind: str, params: list[Any]) -> None:
    pubsub, client = PubSub(CHAIN), Heard()
    call = {"jsonrpc": "2.0", "id": 3, "method": f"{kind}Subscribe", "params": params}
    pubsub.request(client, orjson.dumps(call))
    answer = client.messages[0]
    assert answer["id"] == 3
    if "error" in answer:
        assert answer["error"]["code"] == -32602
        assert pubsub.subscriptions == 0
    else:
        pubsub.leave(client)
        assert pubsub.subscriptions == 0


@many
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_break_the_dispatcher(body: bytes) -> None:
    dispatcher = Dispatcher(Context(CHAIN, Producer(CHAIN, None), Faults()))
    answer = dispatcher.answer(body)
    if isinstance(answer, bytes):
        parsed = orjson.loads(answer)
        assert parsed["error"]["code"] in (-32700, -32600)
    else:
        answer.close()  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
