"""The node's port: the real one over HTTP, its errors, and the fake held to the localnet."""

import asyncio
import traceback

import httpx
import orjson
import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import ID as SYSTEM
from solders.system_program import TransferParams, transfer
from tests.choir.chain import World

from choir._urls import place_of
from choir.accounts import DISCRIMINATORS, OFFSETS, Position
from choir.errors import (
    BlockhashExpired,
    MethodNotServed,
    NodeBehind,
    RateLimited,
    RpcError,
    RpcUnreachable,
)
from choir.ids import PROGRAM_ID
from choir.localnet import Localnet, Settings
from choir.rpc import Account, HttpRpc, discriminator_filter, memcmp
from choir.sending import Sender, SendPolicy
from choir.subscriptions import _connect
from choir.testing import FakeRpc
from choir.wallet import KeypairSigner


def answering(status=200, json=None, content=None, headers=None):
    def handle(request):
        body = content if content is not None else orjson.dumps(json)
        return httpx.Response(status, content=body, headers=headers)

    return HttpRpc("http://node", transport=httpx.MockTransport(handle))


def an_error(code, data=None):
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "no", "data": data}}


@pytest.mark.parametrize(
    ("answer", "kind", "attributes"),
    [
        ({"status": 429, "content": b""}, RateLimited, {"retry_after": None, "code": 429}),
        (
            {"status": 429, "content": b"", "headers": {"retry-after": "3"}},
            RateLimited,
            {"retry_after": 3.0},
        ),
        (
            {"status": 503, "content": b"", "headers": {"retry-after": "Wed, 21 Oct 2026"}},
            RateLimited,
            {"retry_after": None},
        ),
        ({"json": an_error(-32005, {"numSlotsBehind": 42})}, NodeBehind, {"slots_behind": 42}),
        ({"json": an_error(-32016, {"contextSlot": 5})}, NodeBehind, {"slots_behind": None}),
        ({"json": an_error(-32601)}, MethodNotServed, {"code": -32601}),
        ({"json": an_error(-32602)}, RpcError, {"code": -32602}),
        ({"status": 502, "content": b"<html>"}, RpcUnreachable, {"code": 502}),
        ({"json": []}, RpcUnreachable, {}),
        ({"json": {"id": 7, "result": 1}}, RpcUnreachable, {}),
    ],
)
async def test_every_error_of_a_node_has_its_type(answer, kind, attributes):
    async with answering(**answer) as rpc:
        with pytest.raises(RpcError) as caught:
            await rpc.get_slot()
    assert type(caught.value) is kind
    for name, value in attributes.items():
        assert getattr(caught.value, name) == value


async def test_a_node_that_is_not_there_is_told_with_its_address():
    async with HttpRpc("http://127.0.0.1:1") as rpc:
        with pytest.raises(RpcUnreachable, match=r"http://127\.0\.0\.1:1"):
            await rpc.get_slot()
    async with HttpRpc("nonsense") as rpc:
        with pytest.raises(RpcUnreachable, match="nonsense"):
            await rpc.get_slot()


def batching(answer):
    """A node that answers a batch with what `answer` makes of its calls."""

    def handle(request):
        return httpx.Response(200, content=orjson.dumps(answer(orjson.loads(request.content))))

    return HttpRpc("http://node", transport=httpx.MockTransport(handle))


async def test_many_are_asked_in_one_request_and_answered_in_order():
    def backwards(calls):
        return [{"id": call["id"], "result": call["params"]} for call in reversed(calls)]

    async with batching(backwards) as rpc:
        assert await rpc.request_many("any", [[1], [2], [3]]) == [[1], [2], [3]]
        assert await rpc.request_many("any", []) == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda calls: {"id": None, "error": {"code": -32600, "message": "one"}}, RpcError),
        (lambda calls: {"id": calls[0]["id"], "result": 1}, RpcUnreachable),
        (lambda calls: [{"id": calls[0]["id"], "result": 1}], RpcUnreachable),
        (lambda calls: [{"id": [], "result": 1} for _ in calls], RpcUnreachable),
        (lambda calls: ["what"], RpcUnreachable),
        (
            lambda calls: [
                {"id": calls[0]["id"], "result": 1},
                {"id": calls[1]["id"], "error": {"code": -32005, "message": "behind"}},
            ],
            NodeBehind,
        ),
    ],
)
async def test_many_are_answered_whole_or_not_at_all(answer, kind):
    async with batching(answer) as rpc:
        with pytest.raises(RpcError) as caught:
            await rpc.request_many("any", [[1], [2]])
    assert type(caught.value) is kind


async def test_a_batch_is_what_the_localnet_answers(world):
    [slot, there] = await world.rpc.request_many("getSlot", [[], []])
    assert isinstance(slot, int)
    assert there >= slot


@pytest.mark.parametrize(
    "result",
    [None, {}, {"context": {"slot": 1}}, {"context": {"slot": 1}, "value": {"lamports": 1}}, "x"],
)
async def test_an_answer_that_is_no_answer_is_an_error_of_the_node(result):
    async with answering(json={"id": 1, "result": result}) as rpc:
        with pytest.raises(RpcError):
            await rpc.get_account(Pubkey.default())


async def test_accounts_are_asked_for_in_parts():
    rpc = FakeRpc()
    address = Pubkey.new_unique()
    rpc.accounts[address] = Account(7, PROGRAM_ID, b"x")
    addresses = [Pubkey.new_unique() for _ in range(250)]
    addresses[220] = address
    answer = await rpc.get_accounts(addresses)
    assert [i for i, account in enumerate(answer.value) if account] == [220]
    assert rpc.calls["getMultipleAccounts"] == 3
    assert (await rpc.get_accounts([])).value == []


async def test_program_accounts_pass_filters_and_slices(world):
    alice, bob = await world.person(), await world.person()
    await alice.create_thread("a", deposit=10_000)
    await bob.create_thread("b", deposit=10_000)
    filters = [
        discriminator_filter(DISCRIMINATORS[Position]),
        memcmp(OFFSETS[Position]["owner"], bytes(bob.wallet)),
    ]
    answer = await world.rpc.get_program_accounts(PROGRAM_ID, filters=filters, data_slice=(42, 32))
    ((_, account),) = answer.value
    assert account.data == bytes(bob.wallet)


class Fake:
    """The fake as a node with a wallet in it."""

    def __init__(self):
        self.rpc = FakeRpc(lag=0)

    async def fund(self, address):
        self.rpc.accounts[address] = Account(10**10, SYSTEM, b"")

    async def pass_blocks(self, count):
        self.rpc.advance(count)


class Real:
    """The localnet, likewise."""

    def __init__(self, world):
        self.world, self.rpc = world, world.rpc

    async def fund(self, address):
        await self.rpc.request_airdrop(address, 10**10)

    async def pass_blocks(self, count):
        await self.world.localnet.advance(count)


@pytest.fixture(params=["fake", "localnet"])
async def node(request):
    if request.param == "fake":
        yield Fake()
        return
    settings = Settings(http_port=0, ws_port=0, production="transaction", finality_slots=31)
    async with Localnet(settings) as localnet, World(localnet) as world:
        yield Real(world)


async def signed_transfer(node, keypair):
    sender = Sender(node.rpc)
    instruction = transfer(
        TransferParams(from_pubkey=keypair.pubkey(), to_pubkey=keypair.pubkey(), lamports=1)
    )
    prepared = await sender.prepare([instruction], payer=keypair.pubkey())
    from choir.wallet import sign_message

    return prepared, await sign_message(prepared.message, [KeypairSigner(keypair)])


async def test_what_a_node_says_of_what_it_does_not_have(node):
    nowhere = Pubkey.new_unique()
    assert (await node.rpc.get_account(nowhere)).value is None
    assert (await node.rpc.get_balance(nowhere)).value == 0
    assert (await node.rpc.get_accounts([nowhere] * 2)).value == [None, None]
    statuses = await node.rpc.get_signature_statuses([Signature.new_unique()], search_history=True)
    assert statuses.value == [None]
    assert await node.rpc.get_transaction(Signature.new_unique()) is None
    with pytest.raises(MethodNotServed):
        await node.rpc.request("getNothing")


async def test_blocks_and_blockhashes_age_alike(node):
    first = await node.rpc.get_latest_blockhash()
    tip = await node.rpc.get_tip()
    assert first.value.last_valid_block_height == tip.value + 150
    await node.pass_blocks(5)
    later, now = await node.rpc.get_latest_blockhash(), await node.rpc.get_tip()
    assert later.value.last_valid_block_height == first.value.last_valid_block_height + 5
    assert (now.value, now.slot) == (tip.value + 5, tip.slot + 5)
    assert await node.rpc.get_block_height() == now.value
    assert later.value.hash != first.value.hash


async def test_a_transaction_is_seen_at_each_commitment_in_turn(node):
    keypair = Keypair()
    await node.fund(keypair.pubkey())
    _, signed = await signed_transfer(node, keypair)
    signature = await node.rpc.send_transaction(bytes(signed))
    assert signature == signed.signatures[0]
    await node.pass_blocks(1)
    (status,) = (await node.rpc.get_signature_statuses([signature])).value
    assert (status.err, status.confirmation) == (None, "confirmed")
    assert await node.rpc.send_transaction(bytes(signed)) == signature  # again changes nothing
    await node.pass_blocks(35)
    (again,) = (await node.rpc.get_signature_statuses([signature])).value
    assert (again.slot, again.confirmation) == (status.slot, "finalized")
    found = await node.rpc.get_transaction(signature)
    assert (found["slot"], found["meta"]["err"]) == (status.slot, None)


async def test_an_expired_blockhash_never_lands_and_is_proven_dead(node):
    keypair = Keypair()
    await node.fund(keypair.pubkey())
    prepared, signed = await signed_transfer(node, keypair)
    await node.pass_blocks(152 + 31)  # dead for a finalized bank too
    sender = Sender(node.rpc, policy=SendPolicy(poll_first=0.01))
    async with asyncio.timeout(60):
        with pytest.raises(BlockhashExpired, match="never ran"):
            await sender.submit(
                signed,
                last_valid_block_height=prepared.last_valid_block_height,
                min_context_slot=prepared.min_context_slot,
            )
    (status,) = (
        await node.rpc.get_signature_statuses([signed.signatures[0]], search_history=True)
    ).value
    assert status is None


async def test_a_wrong_signature_is_refused_alike(node):
    keypair = Keypair()
    await node.fund(keypair.pubkey())
    prepared, _ = await signed_transfer(node, keypair)
    raw = bytes(prepared.transaction)
    with pytest.raises(RpcError) as caught:
        await node.rpc.send_transaction(raw, skip_preflight=False)
    assert caught.value.code == -32002
    # without a preflight nobody looks: it is taken, and never seen again
    signature = await node.rpc.send_transaction(raw)
    await node.pass_blocks(1)
    assert (await node.rpc.get_signature_statuses([signature])).value == [None]


async def test_the_localnets_faults_reach_the_sender_and_do_no_harm(world):
    """Answers lost after the effect, refusals and silence, from a real node."""
    alice = await world.person()
    faults = [
        {"kind": "drop", "count": 1, "methods": ["sendTransaction"]},
        {"kind": "status", "count": 2, "status": 429, "methods": ["getSignatureStatuses"]},
    ]
    for fault in faults:
        await world.rpc.request("localnet_injectFault", [fault])
    await alice.create_thread("t", deposit=10_000)
    assert (await alice.thread("t")).balance == 10_000
    assert await alice.token_balance(alice.wallet) == 990_000


SECRET = "0123456789abcdef-key"
KEYED = f"https://user:pass-{SECRET}@node.example:8443/v2/{SECRET}/?api-key={SECRET}"


def _raises(error):
    def handle(request):
        raise error

    return handle


@pytest.mark.parametrize(
    "handle",
    [
        _raises(httpx.ReadTimeout("late")),
        _raises(httpx.ConnectError(f"no route to {KEYED}")),
        lambda request: httpx.Response(429),
        lambda request: httpx.Response(502, text=f"cannot POST {KEYED} ({request.url.query})"),
        lambda request: httpx.Response(404, text=f"cannot POST {request.url.path}"),
        lambda request: httpx.Response(200, json={"id": -1, "result": 1}),
        lambda request: httpx.Response(
            200, json={"id": 1, "error": {"code": -32000, "message": f"{request.url} is over"}}
        ),
        lambda request: httpx.Response(200, json={"id": 1, "error": f"{SECRET} is over"}),
    ],
)
async def test_no_error_shows_the_key_in_the_address_of_a_node(handle):
    async with HttpRpc(KEYED, transport=httpx.MockTransport(handle)) as rpc:
        with pytest.raises(RpcError) as caught:
            await rpc.get_slot()
    assert SECRET not in "".join(traceback.format_exception_only(caught.value))
    assert SECRET not in repr(caught.value)


async def test_no_error_of_a_subscription_shows_it_either():
    for url in (f"not-ws://node/?api-key={SECRET}", f"ws://127.0.0.1:1/{SECRET}?k={SECRET}"):
        with pytest.raises(RpcError) as caught:
            await _connect(url)
        assert SECRET not in "".join(traceback.format_exception_only(caught.value))
        assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (KEYED, "https://node.example:8443"),
        ("http://127.0.0.1:8899", "http://127.0.0.1:8899"),
        ("ws://[::1]:8900/x", "ws://[::1]:8900"),
        (f"node.example?api-key={SECRET}", "node.example"),
        (f"user:{SECRET}@node.example", "node.example"),
        ("nonsense", "nonsense"),
    ],
)
def test_an_address_is_named_without_its_secrets(url, place):
    assert place_of(url) == place


async def _streamed(rpc):
    async with rpc.stream("getProgramAccounts", ["p"]) as pieces:
        return b"".join([piece async for piece in pieces])


async def test_a_stream_is_the_answer_unread():
    body = b'{"jsonrpc":"2.0","result":{"context":{"slot":1},"value":[ ]},"id":1}'
    assert await _streamed(answering(content=body)) == body
    rpc = FakeRpc()
    parsed = orjson.loads(await _streamed_from_fake(rpc))
    assert parsed["result"] == await rpc.get_slot()


async def _streamed_from_fake(rpc):
    async with rpc.stream("getSlot", [{"commitment": "confirmed"}]) as pieces:
        return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 429, "content": b""}, RateLimited),
        ({"json": an_error(-32005)}, NodeBehind),
        ({"json": an_error(-32601)}, MethodNotServed),
        ({"content": b"<html>"}, RpcUnreachable),
        ({"content": b""}, RpcUnreachable),
    ],
)
async def test_a_stream_raises_as_a_request_does(answer, kind):
    with pytest.raises(kind):
        await _streamed(answering(**answer))


async def test_a_stream_that_breaks_off_says_so_without_the_key():
    class Cut(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield b'{"result":['
            raise httpx.ReadError("http://node/secret-key broke off")

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Cut()))
    with pytest.raises(RpcUnreachable, match="broke off") as caught:
        await _streamed(HttpRpc("http://node/secret-key", transport=transport))
    assert "secret-key" not in str(caught.value)
