"""Reading SPL Token accounts and mints out of account data (Token-2022 shares the base layout)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from solders.pubkey import Pubkey

from choir.localnet.model import TOKEN_PROGRAMS, AccountState, TokenBalance

ACCOUNT_SIZE = 165
MINT_SIZE = 82
# Nine decimals, initialised, no authorities.
NATIVE_MINT = bytes(44) + b"\x09\x01" + bytes(36)
_TYPE_OFFSET = 165
_STATES = ("uninitialized", "initialized", "frozen")


class TokenAccount(NamedTuple):
    """A token account. Amounts in base units."""

    mint: Pubkey
    owner: Pubkey
    amount: int
    delegate: Pubkey | None
    state: str
    native_reserve: int | None
    delegated_amount: int
    close_authority: Pubkey | None


class Mint(NamedTuple):
    """A mint. `supply` in base units."""

    mint_authority: Pubkey | None
    supply: int
    decimals: int
    initialized: bool
    freeze_authority: Pubkey | None


def token_account(state: AccountState | None) -> TokenAccount | None:
    """The token account in `state`, None when it is not an initialised one."""
    if state is None:
        return None
    data = state.data
    if len(data) < ACCOUNT_SIZE or data[108] not in (1, 2) or state.owner not in TOKEN_PROGRAMS:
        return None
    if len(data) > ACCOUNT_SIZE and data[_TYPE_OFFSET] != 2:
        return None
    return TokenAccount(
        mint=Pubkey.from_bytes(data[:32]),
        owner=Pubkey.from_bytes(data[32:64]),
        amount=int.from_bytes(data[64:72], "little"),
        delegate=_optional_key(data, 72),
        state=_STATES[data[108]],
        native_reserve=int.from_bytes(data[113:121], "little") if data[109] else None,
        delegated_amount=int.from_bytes(data[121:129], "little"),
        close_authority=_optional_key(data, 129),
    )


def mint(state: AccountState | None) -> Mint | None:
    """The mint in `state`, None when it is not an initialised one."""
    if state is None or state.owner not in TOKEN_PROGRAMS:
        return None
    data = state.data
    if len(data) != MINT_SIZE and (len(data) <= ACCOUNT_SIZE or data[_TYPE_OFFSET] != 1):
        return None
    if not data[45]:
        return None
    return Mint(
        mint_authority=_optional_key(data, 0),
        supply=int.from_bytes(data[36:44], "little"),
        decimals=data[44],
        initialized=True,
        freeze_authority=_optional_key(data, 46),
    )


def token_balances(
    accounts: Iterable[tuple[int, AccountState | None]],
    account: Callable[[Pubkey], AccountState | None],
) -> list[TokenBalance]:
    """The holdings among `accounts` (by index in a transaction)."""
    balances = []
    for index, state in accounts:
        held = token_account(state)
        if held is None or state is None:
            continue
        its_mint = mint(account(held.mint))
        if its_mint is None:
            continue
        balances.append(
            TokenBalance(index, held.mint, held.owner, state.owner, held.amount, its_mint.decimals)
        )
    return balances


def pack_mint(authority: Pubkey, decimals: int, supply: int = 0) -> bytes:
    """The data of an initialised mint without freeze authority."""
    return (
        b"\x01\x00\x00\x00"
        + bytes(authority)
        + supply.to_bytes(8, "little")
        + bytes([decimals, 1])
        + bytes(36)
    )


def ui_amount(amount: int, decimals: int) -> dict[str, object]:
    """A token amount as the RPC gives it: base units as text and the decimal forms."""
    if decimals == 0:
        text = str(amount)
    else:
        digits = str(amount).rjust(decimals + 1, "0")
        text = f"{digits[:-decimals]}.{digits[-decimals:]}".rstrip("0").rstrip(".")
    return {
        "amount": str(amount),
        "decimals": decimals,
        "uiAmount": float(text),
        "uiAmountString": text,
    }


def _optional_key(data: bytes, offset: int) -> Pubkey | None:
    if int.from_bytes(data[offset : offset + 4], "little") == 0:
        return None
    return Pubkey.from_bytes(data[offset + 4 : offset + 36])
