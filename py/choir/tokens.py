"""The little of SPL Token that stakes need: associated accounts, balances, mints."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final, Self

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from choir.errors import DecodeError

__all__ = [
    "ASSOCIATED_TOKEN_PROGRAM_ID",
    "SYSTEM_PROGRAM_ID",
    "TOKEN_2022_PROGRAM_ID",
    "TOKEN_PROGRAM_ID",
    "Mint",
    "TokenAccount",
    "associated_token_address",
    "create_associated_token_account",
]

TOKEN_PROGRAM_ID: Final = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022_PROGRAM_ID: Final = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
ASSOCIATED_TOKEN_PROGRAM_ID: Final = Pubkey.from_string(
    "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"
)
SYSTEM_PROGRAM_ID: Final = Pubkey.default()
_ACCOUNT: Final = Struct("<32s32sQ")
_ACCOUNT_SIZE: Final = 165
_MINT: Final = Struct("<I32sQB?")


@dataclass(frozen=True, slots=True)
class TokenAccount:
    """A token account. `amount` in base units of its mint."""

    mint: Pubkey
    owner: Pubkey
    amount: int

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From the bytes of either token program. Raises DecodeError."""
        if len(data) < _ACCOUNT_SIZE:
            raise DecodeError(f"a token account has {_ACCOUNT_SIZE} bytes, not {len(data)}")
        mint, owner, amount = _ACCOUNT.unpack_from(data)
        return cls(Pubkey(mint), Pubkey(owner), amount)


@dataclass(frozen=True, slots=True)
class Mint:
    """A mint. `supply` in base units, of which 10^decimals make one token."""

    supply: int
    decimals: int

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From the bytes of either token program. Raises DecodeError."""
        if len(data) < 82:
            raise DecodeError(f"a mint has at least 82 bytes, not {len(data)}")
        _, _, supply, decimals, initialized = _MINT.unpack_from(data)
        if not initialized:
            raise DecodeError("this mint is not initialized")
        return cls(supply, decimals)


def associated_token_address(
    owner: Pubkey, mint: Pubkey, *, token_program: Pubkey = TOKEN_PROGRAM_ID
) -> Pubkey:
    """The token account of `owner` for `mint` where wallets look for it."""
    seeds = [bytes(owner), bytes(token_program), bytes(mint)]
    return Pubkey.find_program_address(seeds, ASSOCIATED_TOKEN_PROGRAM_ID)[0]


def create_associated_token_account(
    *, payer: Pubkey, owner: Pubkey, mint: Pubkey, token_program: Pubkey = TOKEN_PROGRAM_ID
) -> Instruction:
    """Makes that account unless it exists (`CreateIdempotent`)."""
    address = associated_token_address(owner, mint, token_program=token_program)
    return Instruction(
        ASSOCIATED_TOKEN_PROGRAM_ID,
        b"\x01",
        [
            AccountMeta(payer, is_signer=True, is_writable=True),
            AccountMeta(address, is_signer=False, is_writable=True),
            AccountMeta(owner, is_signer=False, is_writable=False),
            AccountMeta(mint, is_signer=False, is_writable=False),
            AccountMeta(SYSTEM_PROGRAM_ID, is_signer=False, is_writable=False),
            AccountMeta(token_program, is_signer=False, is_writable=False),
        ],
    )
