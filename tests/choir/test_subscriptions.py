"""Subscriptions on the real localnet, with its sockets cut, and the order of updates by chance."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir import ids
from choir.accounts import OFFSETS, Position, Thread
from choir.errors import ChainChanged, OutcomeUnknown, RpcError
from choir.ids import PROGRAM_ID, content_hash
from choir.rpc import Account, HttpRpc, memcmp
from choir.subscriptions import AccountUpdate, Backoff, Gap, Logs, PubSub, _Latest
from choir.testing import ManualClock

QUICK = Backoff(first=0.01, longest=0.05)


def following(world, **more):
    return PubSub(world.localnet.ws_url, world.rpc, backoff=QUICK, chance=random.Random(1), **more)


async def soon(updates, count=1):
    """The next updates; a test that waits in vain fails instead of hanging."""
    async with asyncio.timeout(10):
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


async def test_logs_are_told_in_order_and_a_gap_is_said(world):
    alice = await world.person()
    await alice.create_thread("t", deposit=10_000)
    async with following(world) as pubsub:
        lines = pubsub.logs(ids.thread_pda("t"))
        waiting = asyncio.create_task(soon(lines))
        while not world.localnet.pubsub.subscriptions:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0)
        receipt = await alice.post_message("t", content_hash("a"))
        heard = await waiting
        assert isinstance(heard, Logs)
        assert (heard.signature, heard.err) == (receipt.signature, None)
        assert any("PostMessage" in line for line in heard.logs)
        world.localnet.websocket.drop()
        gap = await soon(lines)
        assert gap == Gap(heard.slot)


async def test_a_signature_is_waited_for_with_its_error(world):
    alice = await world.person()
    async with following(world) as pubsub:
        receipt = await alice.create_thread("t", deposit=10_000)
        status = await pubsub.signature(receipt.signature)
        assert (status.slot, status.err) == (receipt.slot, None)


async def test_a_signature_that_never_comes_is_unknown_not_failed(world):
    clock = ManualClock()
    async with following(world, clock=clock) as pubsub:
        with pytest.raises(OutcomeUnknown, match="within 5 s"):
            await pubsub.signature(Signature.new_unique(), within=5)
    assert clock.slept == [5]


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
    attempts = 0
    arrived = asyncio.Event()

    async def refuse(url):
        nonlocal attempts
        attempts += 1
        if attempts == 8:
            arrived.set()
            await asyncio.Event().wait()
        raise OSError("refused")

    clock = ManualClock()
    async with PubSub("ws://nowhere", None, connect=refuse, clock=clock) as pubsub:
        reading = asyncio.create_task(anext(pubsub.account(Pubkey.new_unique())))
        async with asyncio.timeout(10):
            await arrived.wait()
        reading.cancel()
    bounds = [0.2 * 2**n for n in range(7)]
    assert all(b / 4 <= s <= b for s, b in zip(clock.slept, bounds, strict=True))


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
    inbox, told = _Latest(), {}

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
