"""Methods about SPL tokens."""

from __future__ import annotations

from typing import Any

from solders.pubkey import Pubkey

from choir.localnet import tokens
from choir.localnet.encoding import encode_account
from choir.localnet.errors import RpcError, invalid_params
from choir.localnet.model import TOKEN_PROGRAMS, AccountState
from choir.localnet.rpc.context import Context, at, method
from choir.localnet.rpc.params import Params, pubkey


@method("getTokenAccountBalance", 2, 1)
def get_token_account_balance(ctx: Context, params: Params) -> Any:
    """What a token account holds."""
    address = params.pubkey(0, "a token account")
    slot = ctx.slot(params.config(1))
    state = ctx.chain.account(address, slot)
    if state is None:
        raise invalid_params("Invalid param: could not find account")
    account = tokens.token_account(state)
    if account is None:
        raise invalid_params("Invalid param: not a Token account")
    return at(slot, tokens.ui_amount(account.amount, _decimals(ctx, account.mint, slot)))


@method("getTokenSupply", 2, 1)
def get_token_supply(ctx: Context, params: Params) -> Any:
    """How much of a mint there is."""
    address = params.pubkey(0, "a mint")
    slot = ctx.slot(params.config(1))
    mint = _mint(ctx, address, slot)
    return at(slot, tokens.ui_amount(mint.supply, mint.decimals))


@method("getTokenLargestAccounts", 2, 1)
def get_token_largest_accounts(ctx: Context, params: Params) -> Any:
    """The twenty largest holders of a mint."""
    address = params.pubkey(0, "a mint")
    slot = ctx.slot(params.config(1))
    state = ctx.chain.account(address, slot)
    if state is None:
        raise invalid_params("Invalid param: could not find mint")
    mint = tokens.mint(state)
    if mint is None:
        raise invalid_params("Invalid param: Token mint could not be unpacked")
    held = [
        (account.amount, key)
        for key, _, account in _accounts(ctx, state.owner, slot)
        if account.mint == address
    ]
    held.sort(key=lambda item: (-item[0], bytes(item[1])))
    return at(
        slot,
        [
            {"address": str(key), **tokens.ui_amount(amount, mint.decimals)}
            for amount, key in held[:20]
        ],
    )


@method("getTokenAccountsByOwner", 3, 2)
def get_token_accounts_by_owner(ctx: Context, params: Params) -> Any:
    """The token accounts of an owner, of one mint or one token program."""
    return _token_accounts(ctx, params, delegate=False)


@method("getTokenAccountsByDelegate", 3, 2)
def get_token_accounts_by_delegate(ctx: Context, params: Params) -> Any:
    """The token accounts a delegate may spend from, of one mint or one token program."""
    return _token_accounts(ctx, params, delegate=True)


def _token_accounts(ctx: Context, params: Params, *, delegate: bool) -> Any:
    who = params.pubkey(0, "an address")
    selector = params.required(1, '{"mint"} or {"programId"}')
    config = params.config(2)
    encoding, data_slice = config.account_encoding(), config.data_slice()
    slot = ctx.slot(config)
    program, mint = _selected(ctx, selector, slot)
    read = ctx.reader(slot)
    value = []
    for key, state, account in _accounts(ctx, program, slot):
        if (account.delegate if delegate else account.owner) != who:
            continue
        if mint is not None and account.mint != mint:
            continue
        shown = encode_account(key, state, encoding, data_slice, read)
        value.append({"pubkey": str(key), "account": shown})
    return at(slot, value)


def _selected(ctx: Context, selector: Any, slot: int) -> tuple[Pubkey, Pubkey | None]:
    if isinstance(selector, dict) and "mint" in selector:
        mint = pubkey(selector["mint"])
        state = ctx.chain.account(mint, slot)
        if state is None:
            raise invalid_params("Invalid param: could not find mint")
        if state.owner not in TOKEN_PROGRAMS:
            raise invalid_params("Invalid param: not a Token mint")
        return state.owner, mint
    if isinstance(selector, dict) and "programId" in selector:
        program = pubkey(selector["programId"])
        if program not in TOKEN_PROGRAMS:
            raise invalid_params("Invalid param: unrecognized Token program id")
        return program, None
    raise invalid_params('Invalid params: the second parameter must be {"mint"} or {"programId"}')


def _accounts(
    ctx: Context, program: Pubkey, slot: int
) -> list[tuple[Pubkey, AccountState, tokens.TokenAccount]]:
    found = []
    for key, state in ctx.chain.bank.accounts.owned_by(program, slot):
        account = tokens.token_account(state)
        if account is not None:
            found.append((key, state, account))
    return found


def _mint(ctx: Context, address: Pubkey, slot: int) -> tokens.Mint:
    state = ctx.chain.account(address, slot)
    if state is None:
        raise invalid_params("Invalid param: could not find account")
    mint = tokens.mint(state)
    if mint is None:
        raise invalid_params("Invalid param: not a Token mint")
    return mint


def _decimals(ctx: Context, address: Pubkey, slot: int) -> int:
    try:
        return _mint(ctx, address, slot).decimals
    except RpcError as error:
        raise invalid_params("Invalid param: could not find mint") from error
