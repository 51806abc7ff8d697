"""Subscriptions on the real localnet, with its sockets cut, and the order of updates by chance."""

import asyncio
import json
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature
from tests.choir.fake_pubsub import KEYS as KEYS_OF_FAKE
from tests.choir.fake_pubsub import FakeChain, FakeReads, connecting

from choir import ids
from choir._inbox import Latest, Stream
from choir.accounts import OFFSETS, Position, Thread
from choir.errors import ChainChanged, MethodNotServed, OutcomeUnknown, RpcError
from choir.ids import PROGRAM_ID, content_hash
from choir.rpc import Account, HttpRpc, memcmp
from choir.subscriptions import AccountUpdate, Backoff, Gap, Logs, PubSub, _connect
from choir.testing import SteppedClock

QUICK = Backoff(first=0.01, longest=0.05)


def following(world, **more):
    return PubSub(world.localnet.ws_url, world.rpc, backoff=QUICK, chance=random.Random(1), **more)


async def soon(updates, count=1):
    """The next updates; a test that waits in vain fails instead of hanging."""
    async with asyncio.timeout(60):
        found = [await anext(updates) for _ in range(count)]
    return found[0] if count == 1 else found


async def test_an_account_from_absence_through_changes(world):
    alice = await world.person()
    async with following(world) as pubsub:
        updates = pubsub.account(ids.thread_pda("t"))
        assert (await soon(updates)).account is None
        await alice.create_thread("t", deposit=10_000)
        created = await soon(updates)
        assert Thread.decode(created.account.data).balance == 10_000
        await alice.deposit("t", 5_000)
        deposited = await soon(updates)
        assert Thread.decode(deposited.account.data).balance == 15_000
        assert deposited.slot > created.slot


async def test_what_happened_while_the_connection_was_lost_is_fetched(world):
    alice = await world.person()
    await alice.create_thread("t", deposit=10_000)
    async with following(world) as pubsub:
        updates = pubsub.account(ids.thread_pda("t"))
        await soon(updates)
        connects = world.localnet.websocket.drop()
        assert connects == 1
        await alice.deposit("t", 5_000)
        update = await soon(updates)
        assert Thread.decode(update.account.data).balance == 15_000


async def test_a_close_is_told_and_differs_from_nothing_heard(world):
    address = Pubkey.new_unique()
    await world.rpc.request_airdrop(address, 5_000_000)
    await world.localnet.advance()
    async with following(world) as pubsub:
        updates = pubsub.account(address)
        assert (await soon(updates)).account.lamports == 5_000_000
        await world.rpc.request("localnet_setAccount", [str(address), None])
        await world.localnet.advance()
        assert (await soon(updates)).account is None


async def test_a_program_with_filters_tells_everything_then_every_change(world):
    alice, bob = await world.person(), await world.person()
    await alice.create_thread("t", deposit=10_000)
    await bob.create_thread("u", deposit=10_000)
    mine = memcmp(OFFSETS[Position]["owner"], bytes(alice.wallet))
    async with following(world) as pubsub:
        updates = pubsub.program(PROGRAM_ID, filters=[mine])
        first = await soon(updates)
        assert Position.decode(first.account.data).owner == alice.wallet
        world.localnet.websocket.drop()
        await bob.deposit("u", 1)
        await alice.deposit("t", 7)
        changed = await soon(updates)
        assert changed.address == ids.position_pda(ids.thread_pda("t"), alice.wallet)


async def heard_first(world, alice, lines):
    """Post until the subscription stands and tells of it."""
    waiting = asyncio.create_task(soon(lines))
    while not world.localnet.pubsub.subscriptions:  # noqa: ASYNC110 - nothing announces it
        await asyncio.sleep(0)
    receipt = await alice.post_message("t", content_hash("a"))
    return receipt, await waiting


async def test_logs_are_told_once_and_in_order_and_those_missed_are_read(world):
    alice = await world.person()
    await alice.create_thread("t", deposit=10_000)
    async with following(world) as pubsub:
        lines = pubsub.logs(ids.thread_pda("t"))
        receipt, heard = await heard_first(world, alice, lines)
        assert isinstance(heard, Logs)
        assert (heard.signature, heard.err) == (receipt.signature, None)
        assert any(str(ids.PROGRAM_ID) in line for line in heard.logs)
        world.localnet.websocket.drop()
        missed = await alice.post_message("t", content_hash("b"))
        again = await soon(lines)
        assert (again.signature, again.slot) == (missed.signature, missed.slot)
        assert any(str(ids.PROGRAM_ID) in line for line in again.logs)
        later = await alice.post_message("t", content_hash("c"))
        assert (await soon(lines)).signature == later.signature


class Forgetful(HttpRpc):
    """A node without a history."""

    async def get_signatures_for_address(self, *_, **__):
        raise MethodNotServed("no history", code=-32601)


async def test_a_gap_that_cannot_be_read_is_said(world):
    alice = await world.person()
    await alice.create_thread("t", deposit=10_000)
    async with (
        Forgetful(world.localnet.rpc_url) as rpc,
        PubSub(world.localnet.ws_url, rpc, backoff=QUICK) as pubsub,
    ):
        lines = pubsub.logs(ids.thread_pda("t"))
        _, heard = await heard_first(world, alice, lines)
        world.localnet.websocket.drop()
        assert await soon(lines) == Gap(heard.slot)


async def test_a_reader_too_slow_for_the_logs_is_told_of_the_gap():
    stream = Stream(kept=3)
    some = [Logs(n, Signature(bytes([n]) * 64), None, ()) for n in range(1, 8)]
    stream.offer(some[0])
    assert await stream.next() == some[0]
    for logs in some:
        stream.offer(logs)
    read = [await stream.next() for _ in range(2)]
    assert read == [Gap(1), some[6]]  # what came after the first gap was dropped with it


def test_a_gap_covers_what_is_dropped_though_newer_logs_were_read():
    """Logs read from the history can be older than what the reader has had."""
    stream = Stream(kept=2)
    late = [Logs(slot, Signature.new_unique(), None, ()) for slot in (110, 105, 111, 112)]
    stream.offer(late[0])
    assert stream._take() == late[0]
    for logs in late[1:]:
        stream.offer(logs)
    assert stream._take() == Gap(104)
    assert stream._take() == late[3]


async def test_a_signature_is_waited_for_with_its_error(world):
    alice = await world.person()
    async with following(world) as pubsub:
        receipt = await alice.create_thread("t", deposit=10_000)
        status = await pubsub.signature(receipt.signature)
        assert (status.slot, status.err) == (receipt.slot, None)


async def test_a_signature_that_never_comes_is_unknown_not_failed(world):
    clock = SteppedClock()
    async with following(world, clock=clock) as pubsub:
        waiting = asyncio.create_task(pubsub.signature(Signature.new_unique(), within=5))
        await clock.rest()
        clock.advance(5)
        with pytest.raises(OutcomeUnknown, match="within 5 s"):
            await waiting


async def test_a_refused_subscription_is_an_error_not_silence(world):
    async with following(world) as pubsub:
        with pytest.raises(RpcError):
            await soon(pubsub.program(PROGRAM_ID, filters=[{"nonsense": 1}]))


class Moving(HttpRpc):
    """A node behind an address that can be given to another chain."""

    moved = False

    async def get_genesis_hash(self):
        return Hash.default() if self.moved else await super().get_genesis_hash()


async def test_another_chain_under_the_same_address_is_an_error_not_silence(world):
    ws_url = world.localnet.ws_url
    async with Moving(world.localnet.rpc_url) as rpc, PubSub(ws_url, rpc, backoff=QUICK) as pubsub:
        updates = pubsub.account(ids.thread_pda("t"))
        await soon(updates)
        rpc.moved = True
        world.localnet.websocket.drop()
        with pytest.raises(ChainChanged, match="read everything anew"):
            await soon(updates)


async def test_a_node_that_cannot_be_reached_is_tried_with_growing_pauses():
    attempts = []
    clock, troubles = SteppedClock(), []

    async def refuse(url):
        attempts.append(clock.monotonic())
        raise OSError("refused")

    async with PubSub(
        "ws://nowhere", None, connect=refuse, clock=clock, trouble=troubles.append
    ) as pubsub:
        reading = asyncio.create_task(anext(pubsub.account(Pubkey.new_unique())))
        await clock.run_until(lambda: len(attempts) == 8)
        reading.cancel()
    bounds = [0.2 * 2**n for n in range(7)]
    pauses = [after - before for before, after in pairwise(attempts)]
    assert all(b / 4 <= s <= b + 1e-6 for s, b in zip(pauses, bounds, strict=True))
    assert len(troubles) == 8


async def test_a_node_whose_chain_went_back_is_believed_after_a_while():
    """A localnet restored from an earlier save: the same chain, at lower slots."""
    chain = FakeChain(random.Random(1))
    clock = SteppedClock()
    async with PubSub(
        "ws://node", FakeReads(chain), clock=clock, connect=connecting(chain), backoff=QUICK
    ) as pubsub:
        updates = pubsub.account(KEYS_OF_FAKE[0])
        told = []

        async def read():
            async for update in updates:
                told.append(update)

        reading = asyncio.create_task(read())
        chain.states[KEYS_OF_FAKE[0]].append((90, Account(9, PROGRAM_ID, b"")))
        chain.states[KEYS_OF_FAKE[0]].append((95, Account(5, PROGRAM_ID, b"")))
        await clock.run_until(lambda: told)
        assert (told[-1].slot, told[-1].account.lamports) == (100, 5)
        chain.slot = 92
        for socket in list(chain.sockets):
            socket.cut()
        await clock.run_until(lambda: len(told) == 2, within=300)
        assert (told[-1].slot, told[-1].account.lamports) == (92, 9)
        reading.cancel()


class Overheard:
    """A connection whose conversation is kept."""

    def __init__(self, connection):
        self.connection, self.said, self.heard = connection, [], []

    async def send(self, message):
        self.said.append(json.loads(message))
        await self.connection.send(message)

    async def recv(self):
        message = await self.connection.recv()
        self.heard.append(json.loads(message))
        return message

    async def close(self):
        await self.connection.close()


def shape(value):
    """A message with its texts and numbers taken out."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return type(value).__name__


async def conversation(url, rpc, connect, subscribed, happen):
    """The shapes of the answer to a subscription and of the first thing told."""
    overheard = []

    async def listening(url):
        overheard.append(Overheard(await connect(url)))
        return overheard[0]

    async with PubSub(url, rpc, connect=listening) as pubsub:
        updates = subscribed(pubsub)
        reading = asyncio.create_task(anext(updates))
        while len(overheard) != 1 or len(overheard[0].heard) < 2:
            await happen()
        reading.cancel()
    return [shape(message) for message in (overheard[0].said[0], *overheard[0].heard[:2])]


@pytest.mark.parametrize("kind", ["account", "program", "logs"])
async def test_the_fake_socket_talks_as_the_localnets_does(world, kind):
    alice = await world.person()
    await alice.create_thread("t", deposit=10_000)
    chain = FakeChain(random.Random(1))

    def of(address):
        return {
            "account": lambda pubsub: pubsub.account(address),
            "program": lambda pubsub: pubsub.program(PROGRAM_ID),
            "logs": lambda pubsub: pubsub.logs(PROGRAM_ID),
        }[kind]

    async def change():
        await alice.deposit("t", 100)

    async def step():
        chain.step(1.0)
        await asyncio.sleep(0)

    url, thread = world.localnet.ws_url, ids.thread_pda("t")
    real = await conversation(url, world.rpc, _connect, of(thread), change)
    made = await conversation(url, FakeReads(chain), connecting(chain), of(KEYS_OF_FAKE[0]), step)
    assert made == real


@given(st.integers(1, 1_000), st.integers(0, 2**32))
def test_pauses_are_jittered_and_bounded(attempt, seed):
    pause = Backoff(first=0.2, longest=15).pause(attempt, random.Random(seed))
    assert 0.05 <= pause <= 15


KEYS = [Pubkey.new_unique() for _ in range(3)]


@given(
    st.lists(st.tuples(st.sampled_from(KEYS), st.integers(1, 12), st.booleans()), max_size=60),
    st.randoms(use_true_random=False),
)
async def test_no_order_of_arrival_goes_back_or_ends_on_an_old_state(arrivals, chance):
    """The state at a slot is one and the same whoever tells it."""
    inbox, told = Latest(), {}

    async def read():
        while inbox._waiting:
            update = await inbox.next()
            assert update.slot > told.get(update.address, (0, None))[0]
            told[update.address] = (update.slot, update.account)

    for address, slot, _ in arrivals:
        exists = (slot + KEYS.index(address)) % 3 > 0
        account = Account(slot, PROGRAM_ID, b"") if exists else None
        inbox.offer(AccountUpdate(slot, address, account))
        if chance.random() < 0.5:
            await read()
    await read()
    for address in KEYS:
        newest = max((slot for key, slot, _ in arrivals if key == address), default=None)
        if newest is None:
            assert address not in told
            continue
        exists = (newest + KEYS.index(address)) % 3 > 0
        assert (told[address][1] is not None) == exists
        if exists:
            assert told[address][1].lamports == newest
