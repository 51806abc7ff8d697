"""Lookup tables on the localnet: made, used where they save, extended, cooled down, closed."""

import pytest
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from choir.errors import DecodeError, InvalidInput, NotFound, TransactionFailed, WrongOwner
from choir.lookup_tables import (
    LOOKUP_TABLE_PROGRAM,
    MAX_TABLE_ADDRESSES,
    LookupTable,
    TableCooling,
    worth_a_table,
)
from choir.rpc import Account
from choir.transactions import MAX_TRANSACTION_BYTES, measure

KEYS = [Pubkey.new_unique() for _ in range(50)]


def pays(wallet, keys):
    return [
        transfer(TransferParams(from_pubkey=wallet, to_pubkey=key, lamports=1_000_000))
        for key in keys
    ]


@pytest.fixture
async def alice(world):
    await world.localnet.advance(40)  # a table's address needs a finalized slot
    return await world.person()


async def test_a_table_lets_more_into_one_transaction(world, alice):
    instructions = pays(alice.wallet, KEYS)
    assert measure(alice.wallet, instructions).size > MAX_TRANSACTION_BYTES
    with pytest.raises(InvalidInput, match="send fewer"):
        await alice.send(*instructions)
    address = await alice.lookup_tables.create(worth_a_table(instructions, payer=alice.wallet))
    table = await alice.lookup_tables.load(address)
    assert table.addresses == KEYS
    await alice.send(*instructions, tables=[table])
    assert (await world.rpc.get_balance(KEYS[-1])).value == 1_000_000
    assert (await alice.send_batch(instructions, tables=[table], atomic=True)).atomic
    # and a refusal through a table is as typed as any
    broke = pays(alice.wallet, KEYS[:2])
    broke[1] = transfer(
        TransferParams(from_pubkey=alice.wallet, to_pubkey=KEYS[3], lamports=10**15)
    )
    with pytest.raises(TransactionFailed) as caught:
        await alice.send(*broke, tables=[table])
    assert caught.value.name == "ResultWithNegativeLamports"


async def test_a_table_is_left_out_where_it_would_not_save(alice):
    (one,) = pays(alice.wallet, KEYS[:1])
    assert worth_a_table([one], payer=alice.wallet) == []
    table = await alice.lookup_tables.load(await alice.lookup_tables.create(KEYS[:5]))
    short = await alice.prepare(one, tables=[table])
    assert not short.message.address_table_lookups
    several = await alice.prepare(*pays(alice.wallet, KEYS[:3]), tables=[table])
    (lookup,) = several.message.address_table_lookups
    assert bytes(lookup.writable_indexes) == bytes([0, 1, 2])


async def test_extending_adds_what_is_missing_and_waits_until_it_can_be_used(alice):
    tables = alice.lookup_tables
    address = await tables.create(KEYS[:2])
    table = await tables.extend(address, [*KEYS[:40], KEYS[0]])
    assert list(table.addresses) == KEYS[:40]
    assert await tables.mine() == [table]
    assert (await tables.extend(address, KEYS[:40])) == table
    await alice.send(*pays(alice.wallet, KEYS[:40]), tables=[await tables.load(address)])


async def test_a_table_cools_down_before_it_is_closed_for_its_rent(world, alice):
    tables = alice.lookup_tables
    address = await tables.create(KEYS[:30])
    with pytest.raises(InvalidInput, match="must be deactivated"):
        await tables.close(address)
    await tables.deactivate(address)
    assert (await tables.load(address)).addresses == []
    with pytest.raises(InvalidInput, match="was deactivated"):
        await tables.active(address)
    with pytest.raises(TableCooling, match="can be closed after slot") as caught:
        await tables.close(address)
    await world.localnet.advance(caught.value.at - await world.rpc.get_slot() + 2)
    before = (await world.rpc.get_balance(alice.wallet)).value
    await tables.close(address)
    assert (await world.rpc.get_balance(alice.wallet)).value > before
    with pytest.raises(NotFound):
        await tables.read(address)


async def test_too_many_and_doubled_addresses_are_refused_before_anything_is_sent(alice):
    many = [Pubkey.new_unique() for _ in range(MAX_TABLE_ADDRESSES + 1)]
    with pytest.raises(InvalidInput, match="256 addresses, not 257"):
        await alice.lookup_tables.create(many)
    with pytest.raises(InvalidInput, match="twice"):
        await alice.lookup_tables.create([KEYS[0], KEYS[0]])


def test_only_addresses_of_earlier_slots_can_be_used():
    table = LookupTable(KEYS[0], tuple(KEYS[1:4]), None, None, extended_at=10, usable_from=2)
    assert table.usable(9).addresses == KEYS[1:3]
    assert table.usable(10).addresses == KEYS[1:4]


@pytest.mark.parametrize(
    ("account", "error"),
    [
        (Account(1, Pubkey.default(), bytes(56)), WrongOwner),
        (Account(1, LOOKUP_TABLE_PROGRAM, bytes(56)), DecodeError),
        (Account(1, LOOKUP_TABLE_PROGRAM, b"\1" + bytes(60)), DecodeError),
    ],
)
def test_what_is_no_table_is_said(account, error):
    with pytest.raises(error):
        LookupTable.decode(KEYS[0], account)
