"""What a stream proves, whatever comes in whatever order: the pure part."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.indexer.sources.tape import Tape, by_json, contents, meta_update, slot_update

from choir.ids import PROGRAM_ID
from choir_indexer.model import RawTransaction
from choir_indexer.sources import Forked
from choir_indexer.sources.yellowstone import geyser_pb2 as wire
from choir_indexer.sources.yellowstone.chain import Links, StreamedChain, whole_slots

SEEDS = 400


def _copy(update: Any) -> Any:
    return type(update).FromString(update.SerializeToString())


def _chain(after: int = 0, links: Links | None = None) -> StreamedChain:
    chain = StreamedChain(PROGRAM_ID, links)
    chain.given = after
    return chain


def _told(chain: StreamedChain, tape: Tape, *indexes: int) -> None:
    for index in indexes:
        for update in (*contents(tape, tape.blocks[index]), meta_update(tape.blocks[index].block)):
            chain.add(update)


@pytest.fixture(scope="session")
def wanted(tape: Tape) -> dict[int, tuple[RawTransaction, ...]]:
    found: dict[int, tuple[RawTransaction, ...]] = {}
    for ref, record in tape.listed(tape.slots[-1]):
        found[ref.slot] = (*found.get(ref.slot, ()), by_json(ref, record))
    return found


def _right(
    tape: Tape, chain: StreamedChain, wanted: dict[int, tuple[RawTransaction, ...]], after: int
) -> None:
    """Every block is what the chain has: its transactions, and accounts at its end."""
    assert chain.base is not None
    assert chain.head is not None
    blocks = {b.slot: b for b in chain.between(max(after, chain.base), chain.head)}
    for slot in tape.slots:
        if not max(after, chain.base) < slot <= chain.head:
            continue
        there = blocks.pop(slot, None)
        assert (there.transactions if there else ()) == wanted.get(slot, ())
        if there is None:
            continue
        live = tape.live(slot)
        for key, state in there.states.items():
            written = live.get(key)
            assert state.slot == slot
            assert state.data == (written.state.data if written and written.state else None)
        for transaction in there.transactions:
            if transaction.error is None:
                unsaid = transaction.writable - there.states.keys()
                assert not unsaid & live.keys()
    assert not blocks


@pytest.mark.parametrize("part", range(4))
def test_whatever_comes_what_is_proven_is_right(
    tape: Tape, wanted: dict[int, tuple[RawTransaction, ...]], part: int
) -> None:
    """Lost slots, repetitions, dead slots, messages doubled and in any order: hundreds of ways."""
    proven = 0
    for seed in range(part * SEEDS // 4, (part + 1) * SEEDS // 4):
        chance = random.Random(seed)
        chain = _chain()
        start = chance.randrange(len(tape.blocks) // 2)
        for index in range(start, len(tape.blocks)):
            block = tape.blocks[index].block
            if chance.random() < 0.05:
                continue
            if chance.random() < 0.1:
                other = tape.blocks[chance.randrange(len(tape.blocks))]
                for update in contents(tape, other):
                    update = _copy(update)
                    if update.HasField("transaction"):
                        update.transaction.slot = block.slot
                    else:
                        update.account.slot = block.slot
                    chain.add(update)
                chain.add(slot_update(block.slot, wire.SLOT_DEAD))
            messages = contents(tape, tape.blocks[index])
            messages += [m for m in messages if chance.random() < 0.2]
            chance.shuffle(messages)
            for message in messages:
                chain.add(message)
            chain.add(meta_update(block))
            if chance.random() < 0.2 and index > start:
                again = chance.randrange(start, index)
                _told(chain, tape, again)
            if chance.random() < 0.2:
                chain.add(slot_update(block.slot, wire.SLOT_FINALIZED))
        _right(tape, chain, wanted, 0)
        assert chain.base is not None
        proven += tape.slots[-1] - chain.base
    assert proven > SEEDS


def test_a_first_meta_proves_nothing_of_its_own_slot(tape: Tape) -> None:
    chain = _chain()
    for update in contents(tape, tape.blocks[10]):
        assert not chain.add(update)
    assert chain.head is None
    assert chain.add(meta_update(tape.blocks[10].block))
    assert chain.base == chain.head == tape.slots[10]
    assert not chain.add(meta_update(tape.blocks[9].block))
    _told(chain, tape, 11)
    assert (chain.base, chain.head) == (tape.slots[10], tape.slots[11])


def test_a_hole_begins_the_proof_anew(tape: Tape) -> None:
    chain = _chain()
    _told(chain, tape, 1, 2, 4, 5)
    assert (chain.base, chain.head, chain.gaps) == (tape.slots[4], tape.slots[5], 1)


def _busy(tape: Tape) -> int:
    """A block with transactions and accounts, in the middle."""
    return next(
        n
        for n, closed in enumerate(tape.blocks)
        if n > 3 and len(tape.named(closed.block)) and len(contents(tape, closed)) > 2
    )


def test_what_comes_after_its_slots_end_undoes_the_proof_before_it_is_given(tape: Tape) -> None:
    busy = _busy(tape)
    for late in contents(tape, tape.blocks[busy]):
        chain = _chain()
        _told(chain, tape, busy - 1)
        for update in contents(tape, tape.blocks[busy]):
            if update != late:
                chain.add(update)
        chain.add(meta_update(tape.blocks[busy].block))
        assert chain.base == tape.slots[busy - 1]
        chain.add(late)
        assert chain.base == chain.head == tape.slots[busy]


def test_what_comes_after_it_was_given_is_held_against_the_mirror(tape: Tape) -> None:
    busy = _busy(tape)
    for late in contents(tape, tape.blocks[busy]):
        chain = _chain()
        _told(chain, tape, busy - 1)
        for update in contents(tape, tape.blocks[busy]):
            if update != late:
                chain.add(update)
        chain.add(meta_update(tape.blocks[busy].block))
        chain.given = tape.slots[busy]
        _told(chain, tape, busy)
        if late.HasField("transaction"):
            assert [ref.signature for ref in chain.late] == [late.transaction.transaction.signature]
        else:
            assert chain.doubtful == {late.account.account.pubkey}


def test_an_account_that_the_server_says_is_closed_is_a_certain_tombstone(tape: Tape) -> None:
    busy = _busy(tape)
    chain = _chain()
    _told(chain, tape, busy - 1)
    closed = wire.AccountInfo(pubkey=bytes([9]) * 32, owner=bytes(32), write_version=2**40)
    slot = tape.slots[busy]
    chain.add(wire.SubscribeUpdate(account=wire.UpdateAccount(account=closed, slot=slot)))
    _told(chain, tape, busy)
    (block,) = chain.between(slot - 1, slot)
    state = block.states[bytes([9]) * 32]
    assert (state.data, state.certain, state.version) == (None, True, (slot, 2**40))


def test_the_last_write_of_a_slot_stands_in_whatever_order_they_come(tape: Tape) -> None:
    slot, key = tape.slots[5], bytes([9]) * 32
    writes = [
        wire.SubscribeUpdate(
            account=wire.UpdateAccount(
                slot=slot,
                account=wire.AccountInfo(
                    pubkey=key, owner=bytes(PROGRAM_ID), lamports=1, write_version=n, data=b"%d" % n
                ),
            )
        )
        for n in (7, 8)
    ]
    for order in (writes, writes[::-1]):
        chain = _chain()
        _told(chain, tape, 4)
        for update in order:
            chain.add(update)
        _told(chain, tape, 5)
        (block,) = chain.between(slot - 1, slot)
        assert (block.states[key].data, block.states[key].write_version) == (b"8", 8)


def _another(meta: wire.SubscribeUpdate, **changes: Any) -> wire.SubscribeUpdate:
    meta = _copy(meta)
    for name, value in changes.items():
        setattr(meta.block_meta, name, value)
    return meta


def test_blocks_that_were_given_and_are_replaced_are_a_fork(tape: Tape) -> None:
    slots = tape.slots
    metas = [meta_update(closed.block) for closed in tape.blocks]
    cases: list[tuple[wire.SubscribeUpdate, int]] = [
        (_another(metas[4], blockhash="other"), slots[3]),
        (_another(metas[6], parent_blockhash="other"), slots[4]),
        (_another(metas[6], parent_slot=slots[3], parent_blockhash=metas[3].block_meta.blockhash),
         slots[3]),
        (slot_update(slots[5], wire.SLOT_DEAD), slots[4]),
    ]  # fmt: skip
    for update, back_to in cases:
        for given in (slots[5], slots[2]):
            chain = _chain()
            _told(chain, tape, 1, 2, 3, 4, 5)
            chain.given = given
            if given > back_to:
                with pytest.raises(Forked) as caught:
                    chain.add(update)
                assert caught.value.back_to == back_to
            else:
                chain.add(update)  # nothing of it has left: what is proven begins anew
                assert chain.base == chain.head
        # the next stream finds it out too
        links = Links()
        _told(_chain(links=links), tape, 1, 2, 3, 4, 5)
        with pytest.raises(Forked) as caught:
            _chain(slots[5], links).add(update)
        assert caught.value.back_to == back_to


def test_a_final_slot_that_was_passed_without_a_block_is_a_fork(tape: Tape) -> None:
    chain = _chain()
    _told(chain, tape, 1, 2)
    skipping = _another(
        meta_update(tape.blocks[4].block),
        parent_slot=tape.slots[2],
        parent_blockhash=tape.blocks[2].block.blockhash,
    )
    chain.add(skipping)
    assert chain.head == tape.slots[4]
    chain.given = tape.slots[4]
    with pytest.raises(Forked) as caught:
        chain.add(slot_update(tape.slots[3], wire.SLOT_FINALIZED))
    assert caught.value.back_to == tape.slots[2]


def test_runs_never_split_a_slot(tape: Tape) -> None:
    chain = _chain()
    _told(chain, tape, *range(len(tape.blocks)))
    assert chain.base is not None
    assert chain.head is not None
    blocks = chain.between(chain.base, chain.head)
    for size in (1, 3, 1000):
        runs = whole_slots(blocks, size)
        assert [block for run in runs for block in run] == blocks
        assert all(sum(len(b.transactions) for b in run[:-1]) < size for run in runs)
    assert chain.size == sum(block.size for block in blocks)
    chain.drop(chain.head)
    assert chain.size == 0
