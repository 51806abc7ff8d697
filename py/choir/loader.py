"""The upgradeable loader (BPF loader v3): its accounts and instructions, without any network.

Source: solana-loader-v3-interface (state.rs, instruction.rs). Numbers are little-endian, encoded as
bincode does: a vector's length takes eight bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from struct import Struct, pack
from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from choir.errors import DecodeError, WrongOwner
from choir.rpc import Account

__all__ = [
    "BUFFER_HEADER",
    "LOADER",
    "PROGRAM_BYTES",
    "PROGRAM_DATA_HEADER",
    "BufferState",
    "ProgramData",
    "buffer_address",
    "close",
    "deploy",
    "extend",
    "extend_checked",
    "initialize_buffer",
    "program_data_address",
    "read_buffer",
    "read_program",
    "read_program_data",
    "set_authority",
    "upgrade",
    "write",
]

LOADER: Final = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
RENT_SYSVAR: Final = Pubkey.from_string("SysvarRent111111111111111111111111111111111")
CLOCK_SYSVAR: Final = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")
BUFFER_HEADER: Final = 37
PROGRAM_BYTES: Final = 36
PROGRAM_DATA_HEADER: Final = 45
_BUFFER, _PROGRAM, _PROGRAM_DATA = 1, 2, 3
_TAG: Final = Struct("<I")
_BUFFER_LAYOUT: Final = Struct("<IB32s")
_PROGRAM_DATA_LAYOUT: Final = Struct("<IQB32s")


@dataclass(frozen=True, slots=True)
class BufferState:
    """A buffer: code on its way to the chain. Without an authority nobody can write it."""

    authority: Pubkey | None
    code: bytes


@dataclass(frozen=True, slots=True)
class ProgramData:
    """A program's code on the chain, zero bytes after it up to the account's size included.

    `slot` is the one it was last deployed in; without an authority it can never be changed.
    """

    slot: int
    authority: Pubkey | None
    code: bytes

    @property
    def sha256(self) -> str:
        """Of the code without the zero bytes after it, in hex."""
        return code_sha256(self.code)

    def holds(self, code: bytes) -> bool:
        """Whether this is that code and nothing after it."""
        return self.code[: len(code)] == code and not any(self.code[len(code) :])


def code_sha256(code: bytes) -> str:
    """The hash two builds are compared by: of the bytes up to the last one that is not zero."""
    return sha256(code.rstrip(b"\0")).hexdigest()


def program_data_address(program: Pubkey) -> Pubkey:
    """Where a program's code is."""
    return Pubkey.find_program_address([bytes(program)], LOADER)[0]


def buffer_address(authority: Pubkey, program: Pubkey, code: bytes) -> tuple[Pubkey, str]:
    """The buffer for this code of this program, and its seed under the authority.

    It follows from what is deployed, so whoever starts over finds what was written before.
    """
    seed = sha256(bytes(program) + sha256(code).digest()).hexdigest()[:32]
    return Pubkey.create_with_seed(authority, seed, LOADER), seed


def read_buffer(account: Account) -> BufferState:
    """A buffer account's state. Raises WrongOwner, DecodeError."""
    data = _of_the_loader(account, _BUFFER, "buffer", BUFFER_HEADER)
    _, has_authority, authority = _BUFFER_LAYOUT.unpack_from(data)
    return BufferState(Pubkey(authority) if has_authority else None, data[BUFFER_HEADER:])


def read_program(account: Account) -> Pubkey:
    """The address of a program's data account. Raises WrongOwner, DecodeError."""
    return Pubkey(_of_the_loader(account, _PROGRAM, "program", PROGRAM_BYTES)[4:36])


def read_program_data(account: Account) -> ProgramData:
    """A program's data. Raises WrongOwner, DecodeError."""
    data = _of_the_loader(account, _PROGRAM_DATA, "program's data", PROGRAM_DATA_HEADER)
    _, slot, has_authority, authority = _PROGRAM_DATA_LAYOUT.unpack_from(data)
    return ProgramData(
        slot, Pubkey(authority) if has_authority else None, data[PROGRAM_DATA_HEADER:]
    )


def initialize_buffer(buffer: Pubkey, authority: Pubkey) -> Instruction:
    """Make an account of the loader a buffer."""
    return _call(0, b"", _write(buffer), _read(authority))


def write(buffer: Pubkey, authority: Pubkey, offset: int, data: bytes) -> Instruction:
    """Write bytes into a buffer, `offset` counted from the code's begin."""
    return _call(1, pack("<IQ", offset, len(data)) + data, _write(buffer), _signs(authority))


def deploy(
    *, payer: Pubkey, program: Pubkey, buffer: Pubkey, authority: Pubkey, capacity: int
) -> Instruction:
    """Make a program of a buffer; `capacity` is the most bytes of code it can be upgraded to."""
    return _call(
        2,
        pack("<Q", capacity),
        AccountMeta(payer, True, True),
        _write(program_data_address(program)),
        _write(program),
        _write(buffer),
        _read(RENT_SYSVAR),
        _read(CLOCK_SYSVAR),
        _read(SYSTEM_PROGRAM),
        _signs(authority),
    )


def upgrade(*, program: Pubkey, buffer: Pubkey, authority: Pubkey, spill: Pubkey) -> Instruction:
    """Put a buffer's code in a program's place; the buffer's lamports go to `spill`."""
    return _call(
        3,
        b"",
        _write(program_data_address(program)),
        _write(program),
        _write(buffer),
        _write(spill),
        _read(RENT_SYSVAR),
        _read(CLOCK_SYSVAR),
        _signs(authority),
    )


def set_authority(account: Pubkey, authority: Pubkey, new: Pubkey | None) -> Instruction:
    """Give a buffer or a program's data to another key; None makes a program final for ever."""
    given = [_read(new)] if new is not None else []
    return _call(4, b"", _write(account), _signs(authority), *given)


def close(
    account: Pubkey, *, authority: Pubkey, recipient: Pubkey, program: Pubkey | None = None
) -> Instruction:
    """End a buffer, or with its data account a `program`; the lamports go to `recipient`."""
    ends = [_write(program)] if program is not None else []
    return _call(5, b"", _write(account), _write(recipient), _signs(authority), *ends)


def extend(*, program: Pubkey, payer: Pubkey, more: int) -> Instruction:
    """Let a program grow by `more` bytes."""
    return _call(
        6,
        pack("<I", more),
        _write(program_data_address(program)),
        _write(program),
        _read(SYSTEM_PROGRAM),
        AccountMeta(payer, True, True),
    )


def extend_checked(*, program: Pubkey, authority: Pubkey, payer: Pubkey, more: int) -> Instruction:
    """`extend` as clusters want it where only the authority may extend."""
    return _call(
        9,
        pack("<I", more),
        _write(program_data_address(program)),
        _write(program),
        _signs(authority),
        _read(SYSTEM_PROGRAM),
        AccountMeta(payer, True, True),
    )


def _of_the_loader(account: Account, kind: int, name: str, least: int) -> bytes:
    if account.owner != LOADER:
        raise WrongOwner(f"a {name} of the upgradeable loader was due; {account.owner} owns it")
    data = account.data
    if len(data) < least or _TAG.unpack_from(data)[0] != kind:
        raise DecodeError(f"this account of the upgradeable loader is no {name}")
    return data


def _call(tag: int, arguments: bytes, *accounts: AccountMeta) -> Instruction:
    return Instruction(LOADER, _TAG.pack(tag) + arguments, list(accounts))


def _write(address: Pubkey) -> AccountMeta:
    return AccountMeta(address, False, True)


def _read(address: Pubkey) -> AccountMeta:
    return AccountMeta(address, False, False)


def _signs(address: Pubkey) -> AccountMeta:
    return AccountMeta(address, True, False)
