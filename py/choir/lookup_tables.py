"""Address lookup tables: fewer bytes for accounts that many transactions name.

An address in a transaction takes 32 bytes; in a table it takes one, and naming the table 34. So a
table saves from the second of its addresses on, and costs rent (returned when it is closed), a
transaction for every 25 addresses, and the wait until what was added can be used: one slot.

    tables = LookupTables(client.sender, payer=wallet)
    address = await tables.create(worth_a_table(instructions, payer=wallet.pubkey))
    table = await tables.load(address)
    await client.sender.send(instructions, signers=[wallet], tables=[table])

A transaction is compiled with and without the tables it is given, and the smaller one is sent.
Signers and programs that are called directly can never come from a table.

Source: https://docs.anza.xyz/proposals/versioned-transactions (limits, states)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Final

from solders.address_lookup_table_account import (
    AddressLookupTableAccount,
    derive_lookup_table_address,
)
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import (
    CloseLookupTableParams,
    CreateLookupTableParams,
    DeactivateLookupTableParams,
    ExtendLookupTableParams,
    close_lookup_table,
    create_lookup_table,
    deactivate_lookup_table,
    extend_lookup_table,
)

from choir.errors import ChoirError, DecodeError, InvalidInput, NotFound, WrongOwner
from choir.rpc import Account, memcmp
from choir.transactions import NEVER, Receipt
from choir.wallet import Signer

if TYPE_CHECKING:
    from choir.sending import Sender

__all__ = [
    "LOOKUP_TABLE_PROGRAM",
    "MAX_TABLE_ADDRESSES",
    "LookupTable",
    "LookupTables",
    "TableCooling",
    "worth_a_table",
]

LOOKUP_TABLE_PROGRAM: Final = Pubkey.from_string("AddressLookupTab1e1111111111111111111111111")
MAX_TABLE_ADDRESSES: Final = 256
COOLING_SLOTS: Final = 513
"""Slots between deactivating a table and closing it: none that used it can be in flight then."""
_PER_TRANSACTION: Final = 25
_AUTHORITY_AT: Final = 21
_META: Final = Struct("<IQQBB32s2x")
_POLL: Final = 0.2


class TableCooling(ChoirError):
    """A table that was deactivated a moment ago; it can be closed from about slot `at` on."""

    def __init__(self, message: str, *, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A table as it is on the chain.

    `deactivated_at` is a slot, None while it is active; addresses from `usable_from` to the end
    were added in slot `extended_at` and can be used in the slots after it.
    """

    address: Pubkey
    addresses: tuple[Pubkey, ...]
    authority: Pubkey | None
    deactivated_at: int | None
    extended_at: int
    usable_from: int

    @classmethod
    def decode(cls, address: Pubkey, account: Account) -> LookupTable:
        """From an account as fetched. Raises WrongOwner, DecodeError."""
        if account.owner != LOOKUP_TABLE_PROGRAM:
            raise WrongOwner(f"{address} is no lookup table: it belongs to {account.owner}")
        data = account.data
        if len(data) < _META.size or (len(data) - _META.size) % 32:
            raise DecodeError(f"{address} has {len(data)} bytes, which is no lookup table")
        kind, deactivated, extended, start, has_authority, authority = _META.unpack_from(data)
        if kind != 1:
            raise DecodeError(f"the lookup table {address} is not initialized")
        return cls(
            address=address,
            addresses=tuple(Pubkey(data[i : i + 32]) for i in range(_META.size, len(data), 32)),
            authority=Pubkey(authority) if has_authority else None,
            deactivated_at=None if deactivated == NEVER else deactivated,
            extended_at=extended,
            usable_from=start,
        )

    def usable(self, slot: int) -> AddressLookupTableAccount:
        """What a transaction that lands after `slot` may use of it."""
        if self.deactivated_at is not None:
            return AddressLookupTableAccount(self.address, [])
        count = len(self.addresses) if slot >= self.extended_at else self.usable_from
        return AddressLookupTableAccount(self.address, list(self.addresses[:count]))


def worth_a_table(instructions: Iterable[Instruction], *, payer: Pubkey) -> list[Pubkey]:
    """The accounts of these instructions that a table could hold, in the order first named.

    Empty when a table would not make a transaction smaller.
    """
    listed = list(instructions)
    programs = {instruction.program_id for instruction in listed}
    metas = [meta for instruction in listed for meta in instruction.accounts]
    signers = {meta.pubkey for meta in metas if meta.is_signer} | {payer}
    held = list(
        dict.fromkeys(
            m.pubkey for m in metas if m.pubkey not in signers and m.pubkey not in programs
        )
    )
    # 32 bytes for naming the table, one for each of its two lists' lengths
    return held if 31 * len(held) > 34 else []


class LookupTables:
    """Makes, extends and ends tables over a `Sender`; `payer` is also their authority.

    Methods raise what `Sender.send` raises.
    """

    def __init__(self, sender: Sender, *, payer: Signer) -> None:
        self._sender = sender
        self._payer = payer

    async def read(self, address: Pubkey) -> LookupTable:
        """A table. Raises NotFound, WrongOwner, DecodeError, RpcError."""
        found = await self._sender.rpc.get_account(
            address, commitment=self._sender.policy.commitment
        )
        if found.value is None:
            raise NotFound(f"there is no lookup table at {address}")
        return LookupTable.decode(address, found.value)

    async def mine(self) -> list[LookupTable]:
        """Every table the payer governs, such as one whose making was cut off."""
        found = await self._sender.rpc.get_program_accounts(
            LOOKUP_TABLE_PROGRAM,
            filters=[memcmp(_AUTHORITY_AT, b"\x01" + bytes(self._payer.pubkey))],
            commitment=self._sender.policy.commitment,
        )
        return [LookupTable.decode(address, account) for address, account in found.value]

    async def create(self, addresses: Sequence[Pubkey] = ()) -> Pubkey:
        """A new table with these addresses, all of them usable when this returns.

        It is made and filled by one transaction for every 25 addresses.
        """
        _check_addresses(addresses)
        # the address is derived from a recent slot, which must be one the chain still knows
        slot = await self._sender.rpc.get_slot(commitment="finalized")
        key = self._payer.pubkey
        made, address = create_lookup_table(
            CreateLookupTableParams(authority_address=key, payer_address=key, recent_slot=slot)
        )
        first, rest = addresses[:_PER_TRANSACTION], addresses[_PER_TRANSACTION:]
        await self._send([made, *([_extend(address, key, first)] if first else [])])
        for start in range(0, len(rest), _PER_TRANSACTION):
            await self._send([_extend(address, key, rest[start : start + _PER_TRANSACTION])])
        if addresses:
            await self.active(address)
        return address

    async def extend(self, address: Pubkey, addresses: Sequence[Pubkey]) -> LookupTable:
        """Add what is not in the table yet; again does nothing. All are usable on return."""
        table = await self.read(address)
        missing = [a for a in dict.fromkeys(addresses) if a not in set(table.addresses)]
        _check_addresses([*table.addresses, *missing])
        for start in range(0, len(missing), _PER_TRANSACTION):
            part = missing[start : start + _PER_TRANSACTION]
            await self._send([_extend(address, self._payer.pubkey, part)])
        return await self.active(address)

    async def active(self, address: Pubkey) -> LookupTable:
        """Wait until every address in the table can be used: until the slot after the last one's.

        Raises InvalidInput for a table that was deactivated.
        """
        sender = self._sender
        while True:
            table = await self.read(address)
            if table.deactivated_at is not None:
                raise InvalidInput(
                    f"the lookup table {address} was deactivated in slot {table.deactivated_at}"
                )
            slot = await sender.rpc.get_slot(commitment="processed")
            if slot > table.extended_at:
                return table
            await sender.clock.sleep(_POLL)

    async def load(self, address: Pubkey) -> AddressLookupTableAccount:
        """What `Sender.send` takes: the addresses that can be used now."""
        table = await self.read(address)
        slot = await self._sender.rpc.get_slot(commitment=self._sender.policy.commitment)
        return table.usable(slot)

    async def deactivate(self, address: Pubkey) -> Receipt:
        """Begin the end of a table: from now on no transaction should use it."""
        return await self._send(
            [
                deactivate_lookup_table(
                    DeactivateLookupTableParams(
                        lookup_table_address=address, authority_address=self._payer.pubkey
                    )
                )
            ]
        )

    async def close(self, address: Pubkey) -> Receipt:
        """Close a table that was deactivated 513 slots ago, and take its rent back.

        Raises TableCooling while it is too early, InvalidInput when it was not deactivated.
        """
        table = await self.read(address)
        if table.deactivated_at is None:
            raise InvalidInput(
                f"the lookup table {address} must be deactivated before it is closed"
            )
        at = table.deactivated_at + COOLING_SLOTS
        slot = await self._sender.rpc.get_slot(commitment=self._sender.policy.commitment)
        if slot <= at:
            raise TableCooling(
                f"the lookup table {address} was deactivated in slot {table.deactivated_at}; it "
                f"can be closed after slot {at} (now {slot}, about {(at - slot) * 0.4:.0f} s)",
                at=at,
            )
        return await self._send(
            [
                close_lookup_table(
                    CloseLookupTableParams(
                        lookup_table_address=address,
                        authority_address=self._payer.pubkey,
                        recipient_address=self._payer.pubkey,
                    )
                )
            ]
        )

    def address_at(self, recent_slot: int) -> Pubkey:
        """The address of the table the payer made with that slot."""
        return derive_lookup_table_address(self._payer.pubkey, recent_slot)[0]

    async def _send(self, instructions: Sequence[Instruction]) -> Receipt:
        return await self._sender.send(instructions, signers=[self._payer])


def _extend(table: Pubkey, authority: Pubkey, addresses: Sequence[Pubkey]) -> Instruction:
    return extend_lookup_table(
        ExtendLookupTableParams(
            lookup_table_address=table,
            authority_address=authority,
            payer_address=authority,
            new_addresses=list(addresses),
        )
    )


def _check_addresses(addresses: Sequence[Pubkey]) -> None:
    if len(addresses) > MAX_TABLE_ADDRESSES:
        raise InvalidInput(
            f"a lookup table holds {MAX_TABLE_ADDRESSES} addresses, not {len(addresses)}"
        )
    if len(set(addresses)) != len(addresses):
        raise InvalidInput("an address is given twice for the same lookup table")
