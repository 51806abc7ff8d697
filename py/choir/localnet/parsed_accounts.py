"""`jsonParsed` forms of accounts: tokens, mints, nonces, lookup tables, programs, sysvars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from solders.hash import Hash
from solders.pubkey import Pubkey

from choir.localnet import tokens
from choir.localnet.message import lookup_table_addresses
from choir.localnet.model import (
    LOOKUP_TABLE_PROGRAM,
    SYSTEM_PROGRAM,
    SYSVAR_OWNER,
    TOKEN_PROGRAM,
    TOKEN_PROGRAMS,
    UPGRADEABLE_LOADER,
    AccountState,
)

_CLOCK = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")
_RENT = Pubkey.from_string("SysvarRent111111111111111111111111111111111")
_EPOCH_SCHEDULE = Pubkey.from_string("SysvarEpochSchedu1e111111111111111111111111")


def parse_account(
    pubkey: Pubkey, state: AccountState, read: Callable[[Pubkey], AccountState | None]
) -> dict[str, Any] | None:
    """`{"program", "parsed", "space"}`, None when there is no parser for the account."""
    owner = state.owner
    program = None
    parsed: Any = None
    if owner in TOKEN_PROGRAMS:
        program = "spl-token" if owner == TOKEN_PROGRAM else "spl-token-2022"
        parsed = _token(state, read)
    elif owner == SYSTEM_PROGRAM and len(state.data) == 80:
        program, parsed = "nonce", _nonce(state.data)
    elif owner == LOOKUP_TABLE_PROGRAM:
        program, parsed = "address-lookup-table", _lookup_table(state.data)
    elif owner == UPGRADEABLE_LOADER:
        program, parsed = "bpf-upgradeable-loader", _loader(state.data)
    elif owner == SYSVAR_OWNER:
        program, parsed = "sysvar", _sysvar(pubkey, state.data)
    if parsed is None:
        return None
    return {"program": program, "parsed": parsed, "space": len(state.data)}


def token_account_info(account: tokens.TokenAccount, decimals: int) -> dict[str, Any]:
    """The `info` of a token account."""
    info: dict[str, Any] = {
        "isNative": account.native_reserve is not None,
        "mint": str(account.mint),
        "owner": str(account.owner),
        "state": account.state,
        "tokenAmount": tokens.ui_amount(account.amount, decimals),
    }
    if account.delegate is not None:
        info["delegate"] = str(account.delegate)
        info["delegatedAmount"] = tokens.ui_amount(account.delegated_amount, decimals)
    if account.native_reserve is not None:
        info["rentExemptReserve"] = tokens.ui_amount(account.native_reserve, decimals)
    if account.close_authority is not None:
        info["closeAuthority"] = str(account.close_authority)
    return info


def _token(
    state: AccountState, read: Callable[[Pubkey], AccountState | None]
) -> dict[str, Any] | None:
    account = tokens.token_account(state)
    if account is not None:
        mint = tokens.mint(read(account.mint))
        if mint is None:
            return None
        return {"type": "account", "info": token_account_info(account, mint.decimals)}
    mint = tokens.mint(state)
    if mint is None:
        return None
    return {
        "type": "mint",
        "info": {
            "mintAuthority": _text(mint.mint_authority),
            "supply": str(mint.supply),
            "decimals": mint.decimals,
            "isInitialized": True,
            "freezeAuthority": _text(mint.freeze_authority),
        },
    }


def _nonce(data: bytes) -> dict[str, Any] | None:
    version, kind = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")
    if version > 1 or kind > 1:
        return None
    if kind == 0:
        return {"type": "uninitialized"}
    return {
        "type": "initialized",
        "info": {
            "authority": str(Pubkey.from_bytes(data[8:40])),
            "blockhash": str(Hash.from_bytes(data[40:72])),
            "feeCalculator": {"lamportsPerSignature": str(_u64(data, 72))},
        },
    }


def _lookup_table(data: bytes) -> dict[str, Any] | None:
    if len(data) < 56 or int.from_bytes(data[:4], "little") != 1:
        return None
    info: dict[str, Any] = {
        "deactivationSlot": str(_u64(data, 4)),
        "lastExtendedSlot": str(_u64(data, 12)),
        "lastExtendedSlotStartIndex": data[20],
        "addresses": [str(a) for a in lookup_table_addresses(data)],
    }
    if data[21]:
        info["authority"] = str(Pubkey.from_bytes(data[22:54]))
    return {"type": "lookupTable", "info": info}


def _loader(data: bytes) -> dict[str, Any] | None:
    kind = int.from_bytes(data[:4], "little") if len(data) >= 4 else -1
    if kind == 0:
        return {"type": "uninitialized"}
    if kind == 1 and len(data) >= 37:
        return {
            "type": "buffer",
            "info": {"authority": _authority(data, 4), "data": _base64(data[37:])},
        }
    if kind == 2 and len(data) >= 36:
        return {
            "type": "program",
            "info": {"programData": str(Pubkey.from_bytes(data[4:36]))},
        }
    if kind == 3 and len(data) >= 45:
        return {
            "type": "programData",
            "info": {
                "slot": _u64(data, 4),
                "authority": _authority(data, 12),
                "data": _base64(data[45:]),
            },
        }
    return None


def _sysvar(pubkey: Pubkey, data: bytes) -> dict[str, Any] | None:
    if pubkey == _CLOCK and len(data) >= 40:
        return {
            "type": "clock",
            "info": {
                "slot": _u64(data, 0),
                "epochStartTimestamp": _i64(data, 8),
                "epoch": _u64(data, 16),
                "leaderScheduleEpoch": _u64(data, 24),
                "unixTimestamp": _i64(data, 32),
            },
        }
    if pubkey == _RENT and len(data) >= 17:
        import struct

        per_byte, threshold, burn = struct.unpack_from("<QdB", data)
        return {
            "type": "rent",
            "info": {
                "lamportsPerByteYear": str(per_byte),
                "exemptionThreshold": threshold,
                "burnPercent": burn,
            },
        }
    if pubkey == _EPOCH_SCHEDULE and len(data) >= 33:
        return {
            "type": "epochSchedule",
            "info": {
                "slotsPerEpoch": _u64(data, 0),
                "leaderScheduleSlotOffset": _u64(data, 8),
                "warmup": bool(data[16]),
                "firstNormalEpoch": _u64(data, 17),
                "firstNormalSlot": _u64(data, 25),
            },
        }
    return None


def _authority(data: bytes, offset: int) -> str | None:
    if not data[offset]:
        return None
    return str(Pubkey.from_bytes(data[offset + 1 : offset + 33]))


def _base64(data: bytes) -> list[str]:
    import base64

    return [base64.b64encode(data).decode("ascii"), "base64"]


def _text(key: Pubkey | None) -> str | None:
    return None if key is None else str(key)


def _u64(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 8], "little")


def _i64(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 8], "little", signed=True)
