"""Methods that read accounts."""

from __future__ import annotations

from typing import Any

from solders.pubkey import Pubkey

from choir.localnet.encoding import DataSlice, encode_account
from choir.localnet.filters import Filter, matches, parse_filters
from choir.localnet.model import AccountState
from choir.localnet.rpc.context import Context, at, method
from choir.localnet.rpc.params import Params, pubkey

MAX_MULTIPLE_ACCOUNTS = 100


@method("getAccountInfo", 2, 1)
def get_account_info(ctx: Context, params: Params) -> Any:
    """An account, or null."""
    address = params.pubkey(0, "an address")
    config = params.config(1)
    encoding, data_slice = config.account_encoding(), config.data_slice()
    slot = ctx.slot(config)
    state = ctx.chain.account(address, slot)
    return at(slot, _shown(ctx, address, state, encoding, data_slice, slot))


@method("getMultipleAccounts", 2, 1)
def get_multiple_accounts(ctx: Context, params: Params) -> Any:
    """Up to a hundred accounts, null where there is none."""
    addresses = [pubkey(a) for a in params.list(0, "addresses", MAX_MULTIPLE_ACCOUNTS)]
    config = params.config(1)
    encoding, data_slice = config.account_encoding("base64"), config.data_slice()
    slot = ctx.slot(config)
    account = ctx.chain.account
    return at(
        slot,
        [_shown(ctx, a, account(a, slot), encoding, data_slice, slot) for a in addresses],
    )


@method("getProgramAccounts", 2, 1)
def get_program_accounts(ctx: Context, params: Params) -> Any:
    """Every account a program owns that passes the filters."""
    program = params.pubkey(0, "a program id")
    config = params.config(1)
    filters = parse_filters(config.raw("filters"))
    encoding, data_slice = config.account_encoding(), config.data_slice()
    with_context = config.boolean("withContext")
    slot = ctx.slot(config)
    found = owned(ctx, program, filters, slot)
    if config.boolean("sortResults", default=True):
        found.sort(key=lambda item: bytes(item[0]))
    read = ctx.reader(slot)
    value = [
        {"pubkey": str(a), "account": encode_account(a, s, encoding, data_slice, read)}
        for a, s in found
    ]
    return at(slot, value) if with_context else value


def owned(
    ctx: Context, program: Pubkey, filters: tuple[Filter, ...], slot: int
) -> list[tuple[Pubkey, AccountState]]:
    """The accounts of `program` at `slot` that pass the filters."""
    return [
        (a, s) for a, s in ctx.chain.bank.accounts.owned_by(program, slot) if matches(filters, s)
    ]


@method("getBalance", 2, 1)
def get_balance(ctx: Context, params: Params) -> Any:
    """An account's lamports, 0 when it does not exist."""
    address = params.pubkey(0, "an address")
    slot = ctx.slot(params.config(1))
    state = ctx.chain.account(address, slot)
    return at(slot, 0 if state is None else state.lamports)


@method("getMinimumBalanceForRentExemption", 2, 1)
def get_minimum_balance(ctx: Context, params: Params) -> Any:
    """The least lamports an account of a size must hold."""
    return ctx.chain.bank.svm.rent_exempt(params.u64(0, "a size in bytes"))


@method("getLargestAccounts", 1)
def get_largest_accounts(ctx: Context, params: Params) -> Any:
    """The twenty richest accounts."""
    slot = ctx.slot(params.config(0))
    rich = sorted(
        ctx.chain.bank.accounts.all(slot), key=lambda item: (-item[1].lamports, bytes(item[0]))
    )
    return at(slot, [{"address": str(a), "lamports": s.lamports} for a, s in rich[:20]])


@method("getSupply", 1)
def get_supply(ctx: Context, params: Params) -> Any:
    """All lamports there are; those of the faucet count as not in circulation."""
    config = params.config(0)
    slot = ctx.slot(config)
    faucet = ctx.chain.keys.faucet.pubkey()
    total = held = 0
    for address, state in ctx.chain.bank.accounts.all(slot):
        total += state.lamports
        if address == faucet:
            held = state.lamports
    listed = [] if config.boolean("excludeNonCirculatingAccountsList") else [str(faucet)]
    return at(
        slot,
        {
            "total": total,
            "circulating": total - held,
            "nonCirculating": held,
            "nonCirculatingAccounts": listed,
        },
    )


def _shown(
    ctx: Context,
    address: Pubkey,
    state: AccountState | None,
    encoding: str,
    data_slice: DataSlice | None,
    slot: int,
) -> Any:
    if state is None:
        return None
    return encode_account(address, state, encoding, data_slice, ctx.reader(slot))
