"""`jsonParsed` forms of the system, token, associated-token and memo programs' instructions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import base58
from solders.hash import Hash
from solders.pubkey import Pubkey

from choir.localnet import tokens
from choir.localnet.model import (
    ASSOCIATED_TOKEN_PROGRAM,
    SYSTEM_PROGRAM,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
)

_MEMOS = frozenset(
    {
        Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"),
        Pubkey.from_string("Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo"),
    }
)
_AUTHORITIES = ("mintTokens", "freezeAccount", "accountOwner", "closeAccount")

Parsed = dict[str, Any] | None


def parse_instruction(
    keys: list[Pubkey], program_index: int, accounts: bytes, data: bytes, stack_height: int | None
) -> dict[str, Any]:
    """An instruction, parsed when its program and kind are known, else with its raw data."""
    program = keys[program_index]
    names = [str(keys[i]) for i in accounts]
    answer: dict[str, Any] = {"programId": str(program), "stackHeight": stack_height}
    label, parser = _parser(program)
    if parser is not None:
        try:
            parsed = parser(names, data)
        except (IndexError, ValueError, UnicodeDecodeError):
            parsed = None
        if parsed is not None:
            return {"program": label, "parsed": parsed, **answer}
    return {**answer, "accounts": names, "data": base58.b58encode(data).decode("ascii")}


def _parser(program: Pubkey) -> tuple[str, Callable[[list[str], bytes], Any] | None]:
    if program == SYSTEM_PROGRAM:
        return "system", _system
    if program == TOKEN_PROGRAM:
        return "spl-token", _token
    if program == TOKEN_2022_PROGRAM:
        return "spl-token", _token
    if program == ASSOCIATED_TOKEN_PROGRAM:
        return "spl-associated-token-account", _associated
    if program in _MEMOS:
        return "spl-memo", lambda _, data: data.decode("utf-8")
    return "", None


def _system(accounts: list[str], data: bytes) -> Parsed:
    kind = int.from_bytes(data[:4], "little")
    if kind == 0:
        return _typed(
            "createAccount",
            source=accounts[0],
            newAccount=accounts[1],
            lamports=_u64(data, 4),
            space=_u64(data, 12),
            owner=_key(data, 20),
        )
    if kind == 1:
        return _typed("assign", account=accounts[0], owner=_key(data, 4))
    if kind == 2:
        return _typed(
            "transfer", source=accounts[0], destination=accounts[1], lamports=_u64(data, 4)
        )
    if kind == 3:
        seed, end = _seed(data, 36)
        return _typed(
            "createAccountWithSeed",
            source=accounts[0],
            newAccount=accounts[1],
            base=_key(data, 4),
            seed=seed,
            lamports=_u64(data, end),
            space=_u64(data, end + 8),
            owner=_key(data, end + 16),
        )
    if kind == 4:
        return _typed(
            "advanceNonce",
            nonceAccount=accounts[0],
            recentBlockhashesSysvar=accounts[1],
            nonceAuthority=accounts[2],
        )
    if kind == 5:
        return _typed(
            "withdrawFromNonce",
            nonceAccount=accounts[0],
            destination=accounts[1],
            recentBlockhashesSysvar=accounts[2],
            rentSysvar=accounts[3],
            nonceAuthority=accounts[4],
            lamports=_u64(data, 4),
        )
    if kind == 6:
        return _typed(
            "initializeNonce",
            nonceAccount=accounts[0],
            recentBlockhashesSysvar=accounts[1],
            rentSysvar=accounts[2],
            nonceAuthority=_key(data, 4),
        )
    if kind == 7:
        return _typed(
            "authorizeNonce",
            nonceAccount=accounts[0],
            nonceAuthority=accounts[1],
            newAuthorized=_key(data, 4),
        )
    if kind == 8:
        return _typed("allocate", account=accounts[0], space=_u64(data, 4))
    return None


def _token(accounts: list[str], data: bytes) -> Parsed:
    kind = data[0]
    if kind in (0, 20):
        info: dict[str, Any] = {
            "mint": accounts[0],
            "decimals": data[1],
            "mintAuthority": _key(data, 2),
        }
        if kind == 0:
            info["rentSysvar"] = accounts[1]
        if data[34]:
            info["freezeAuthority"] = _key(data, 35)
        return {"type": "initializeMint" if kind == 0 else "initializeMint2", "info": info}
    if kind == 1:
        return _typed(
            "initializeAccount",
            account=accounts[0],
            mint=accounts[1],
            owner=accounts[2],
            rentSysvar=accounts[3],
        )
    if kind in (16, 18):
        info = {"account": accounts[0], "mint": accounts[1], "owner": _key(data, 1)}
        if kind == 16:
            info["rentSysvar"] = accounts[2]
        return {"type": "initializeAccount2" if kind == 16 else "initializeAccount3", "info": info}
    if kind == 3:
        return _signed(
            "transfer",
            accounts,
            2,
            "authority",
            source=accounts[0],
            destination=accounts[1],
            amount=str(_u64(data, 1)),
        )
    if kind == 12:
        return _signed(
            "transferChecked",
            accounts,
            3,
            "authority",
            source=accounts[0],
            mint=accounts[1],
            destination=accounts[2],
            tokenAmount=tokens.ui_amount(_u64(data, 1), data[9]),
        )
    if kind == 4:
        return _signed(
            "approve",
            accounts,
            2,
            "owner",
            source=accounts[0],
            delegate=accounts[1],
            amount=str(_u64(data, 1)),
        )
    if kind == 5:
        return _signed("revoke", accounts, 1, "owner", source=accounts[0])
    if kind == 6:
        authority = _AUTHORITIES[data[1]]
        of = "mint" if data[1] < 2 else "account"
        return _signed(
            "setAuthority",
            accounts,
            1,
            "authority",
            **{of: accounts[0]},
            authorityType=authority,
            newAuthority=_key(data, 3) if data[2] else None,
        )
    if kind in (7, 14):
        amount: dict[str, Any] = (
            {"amount": str(_u64(data, 1))}
            if kind == 7
            else {"tokenAmount": tokens.ui_amount(_u64(data, 1), data[9])}
        )
        return _signed(
            "mintTo" if kind == 7 else "mintToChecked",
            accounts,
            2,
            "mintAuthority",
            mint=accounts[0],
            account=accounts[1],
            **amount,
        )
    if kind in (8, 15):
        amount = (
            {"amount": str(_u64(data, 1))}
            if kind == 8
            else {"tokenAmount": tokens.ui_amount(_u64(data, 1), data[9])}
        )
        return _signed(
            "burn" if kind == 8 else "burnChecked",
            accounts,
            2,
            "authority",
            account=accounts[0],
            mint=accounts[1],
            **amount,
        )
    if kind == 9:
        return _signed(
            "closeAccount", accounts, 2, "owner", account=accounts[0], destination=accounts[1]
        )
    if kind in (10, 11):
        return _signed(
            "freezeAccount" if kind == 10 else "thawAccount",
            accounts,
            2,
            "freezeAuthority",
            account=accounts[0],
            mint=accounts[1],
        )
    if kind == 17:
        return _typed("syncNative", account=accounts[0])
    if kind == 21:
        return _typed("getAccountDataSize", mint=accounts[0])
    if kind == 22:
        return _typed("initializeImmutableOwner", account=accounts[0])
    return None


def _associated(accounts: list[str], data: bytes) -> Parsed:
    kind = data[0] if data else 0
    if kind not in (0, 1):
        return None
    return _typed(
        "create" if kind == 0 else "createIdempotent",
        source=accounts[0],
        account=accounts[1],
        wallet=accounts[2],
        mint=accounts[3],
        systemProgram=accounts[4],
        tokenProgram=accounts[5],
    )


def _typed(kind: str, **info: Any) -> dict[str, Any]:
    return {"type": kind, "info": info}


def _signed(kind: str, accounts: list[str], at: int, role: str, **info: Any) -> dict[str, Any]:
    if len(accounts) > at + 1:
        info[f"multisig{role[0].upper()}{role[1:]}"] = accounts[at]
        info["signers"] = accounts[at + 1 :]
    else:
        info[role] = accounts[at]
    return {"type": kind, "info": info}


def _u64(data: bytes, offset: int) -> int:
    if len(data) < offset + 8:
        raise ValueError("instruction data ends early")
    return int.from_bytes(data[offset : offset + 8], "little")


def _key(data: bytes, offset: int) -> str:
    return str(Hash.from_bytes(data[offset : offset + 32]))


def _seed(data: bytes, offset: int) -> tuple[str, int]:
    length = _u64(data, offset)
    start = offset + 8
    return data[start : start + length].decode("utf-8"), start + length
