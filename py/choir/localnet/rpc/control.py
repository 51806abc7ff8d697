"""The `localnet_*` methods: what no validator has, for tests and demos."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from choir.localnet.bank import Refused
from choir.localnet.errors import INTERNAL_ERROR, RpcError, invalid_params, transaction_error_text
from choir.localnet.faults import parse_fault, parse_reland
from choir.localnet.genesis import (
    PROGRAM_DATA_HEADER,
    account_from_json,
    program_data_address,
)
from choir.localnet.model import (
    ASSOCIATED_TOKEN_PROGRAM,
    SYSTEM_PROGRAM,
    TOKEN_PROGRAM,
)
from choir.localnet.rpc.cluster import genesis_hash
from choir.localnet.rpc.context import Context, method
from choir.localnet.rpc.disturbed import expire_blockhashes
from choir.localnet.rpc.params import Params
from choir.localnet.svm import SvmError

MAX_ADVANCE = 10_000


@method("localnet_info", 0)
def info(ctx: Context, params: Params) -> Any:
    """What this localnet is: its keys, programs, settings and heads."""
    chain = ctx.chain
    settings, keys = chain.settings, chain.keys
    programs = []
    for program in settings.programs:
        data = chain.account(program_data_address(program.program_id))
        elf = b"" if data is None else data.data[PROGRAM_DATA_HEADER:]
        programs.append(
            {"programId": str(program.program_id), "sha256": hashlib.sha256(elf).hexdigest()}
        )
    return {
        "programId": programs[0]["programId"] if programs else None,
        "programs": programs,
        "stakeMint": str(keys.stake_mint.pubkey()),
        "stakeDecimals": settings.stake_decimals,
        "mintAuthority": str(keys.mint_authority.pubkey()),
        "upgradeAuthority": str(keys.upgrade_authority.pubkey()),
        "upgradeAuthorityPath": None
        if settings.state_dir is None
        else str(settings.state_dir / "keys" / "upgrade-authority.json"),
        "faucet": str(keys.faucet.pubkey()),
        "genesisHash": genesis_hash(ctx),
        "rpcUrl": ctx.urls.get("rpc"),
        "wsUrl": ctx.urls.get("ws"),
        "production": settings.production,
        "slotMs": settings.slot_ms,
        "finalitySlots": settings.finality_slots,
        "time": chain.now(),
        "slots": {
            "processed": chain.heads.processed,
            "confirmed": chain.heads.confirmed,
            "finalized": chain.heads.finalized,
        },
    }


@method("localnet_mintTo", 2)
async def mint_to(ctx: Context, params: Params) -> Any:
    """Mint stake tokens (base units) to an owner's associated account, made when missing.

    Answers `{"signature", "account", "mint"}`.
    """
    owner = params.pubkey(0, "an owner")
    amount = params.u64(1, "an amount in base units")
    keys = ctx.chain.keys
    mint = keys.stake_mint.pubkey()
    account = associated_account(owner, mint)
    instructions = [
        _create_associated(keys.faucet.pubkey(), account, owner, mint),
        _mint_to(mint, account, keys.mint_authority.pubkey(), amount),
    ]
    outcome = ctx.chain.sign_and_execute(
        instructions, keys.faucet, [keys.faucet, keys.mint_authority]
    )
    err = outcome.err if isinstance(outcome, Refused) else outcome.record.err
    if err is not None or isinstance(outcome, Refused):
        raise RpcError(INTERNAL_ERROR, f"minting failed: {transaction_error_text(err)}")
    await ctx.producer.settled(outcome.record.slot)
    return {
        "signature": outcome.record.signature,
        "account": str(account),
        "mint": str(mint),
    }


@method("localnet_advance", 1)
async def advance(ctx: Context, params: Params) -> Any:
    """Close slots now (one by default); answers the newest confirmed slot."""
    return await ctx.producer.advance(_count(params, "slots to close"))


@method("localnet_warpSlots", 1)
async def warp_slots(ctx: Context, params: Params) -> Any:
    """Close the open slot and leave out this many; answers the newly opened slot."""
    skip = params.u64(0, "slots to leave out")
    if ctx.chain.heads.processed + skip > 2**53:
        raise invalid_params("that slot number would be beyond what JavaScript clients can hold")
    await ctx.producer.advance(1, skip)
    return ctx.chain.heads.processed


@method("localnet_setTime", 1)
async def set_time(ctx: Context, params: Params) -> Any:
    """Let the chain's clock go on from a Unix time, from the next slot on; answers that slot."""
    try:
        ctx.chain.set_time(params.u64(0, "a Unix time in seconds"))
    except ValueError as error:
        raise invalid_params(str(error)) from error
    await ctx.producer.advance()
    return ctx.chain.heads.processed


@method("localnet_expireBlockhashes", 0)
async def expire_all_blockhashes(ctx: Context, params: Params) -> Any:
    """Make every blockhash handed out so far too old; answers the new one.

    At once, and provably: the block height passes the last one they are valid at, so that a
    client that waits for its transaction to expire sees that it has.
    """
    await expire_blockhashes(ctx)
    return str(ctx.chain.bank.blockhash)


@method("localnet_setAccount", 2)
async def set_account(ctx: Context, params: Params) -> Any:
    """Write an account (an object as in `solana account --output json`); null removes it."""
    address = params.pubkey(0, "an address")
    value = params.required(1, "an account, or null")
    state = None
    if value is not None:
        try:
            state = account_from_json(value)
        except (KeyError, TypeError, ValueError) as error:
            raise invalid_params(
                'an account is {"lamports", "data": [base64, "base64"], "owner",'
                f' "executable"?}}: {error}'
            ) from error
    try:
        ctx.chain.set_account(address, state)
    except SvmError as error:
        raise invalid_params(str(error)) from error
    await ctx.producer.landed()
    return ctx.chain.heads.processed


@method("localnet_fork", 2)
async def fork(ctx: Context, params: Params) -> Any:
    """Drop the newest closed slots that are not final, as a fork would.

    Answers the slot gone back to. What was in them is gone, statuses included, but for the
    transactions that `{"reland": true or [signatures]}` names: they run on the new branch.
    """
    slots = params.u64(0, "slots to drop")
    reland = parse_reland(params.config(1).raw("reland") or False)
    try:
        return await ctx.producer.rollback(slots, reland)
    except ValueError as error:
        raise invalid_params(str(error)) from error


@method("localnet_injectFault", 1)
def inject_fault(ctx: Context, params: Params) -> Any:
    """Let something go wrong with coming calls."""
    ctx.faults.inject(parse_fault(params.required(0, "a fault")))
    return True


@method("localnet_clearFaults", 0)
def clear_faults(ctx: Context, params: Params) -> Any:
    """Forget the faults still waiting; answers how many."""
    return ctx.faults.clear()


@method("localnet_seedFaults", 1)
def seed_faults(ctx: Context, params: Params) -> Any:
    """Begin the dice of the faults again from a seed, so that a run can be repeated."""
    ctx.faults.seed(params.u64(0, "a seed"))
    return True


@method("localnet_dropSockets", 0)
def drop_sockets(ctx: Context, params: Params) -> Any:
    """Cut every pub/sub connection as a network would; answers how many there were."""
    return ctx.drop_sockets()


@method("localnet_save", 1)
async def save(ctx: Context, params: Params) -> Any:
    """Copy the confirmed chain into the state directory's `snapshots`; answers the file."""
    name = params.text(0, "a name")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise invalid_params("a snapshot's name has letters, digits, dots, dashes; at most 64")
    folder = ctx.chain.settings.state_dir
    if folder is None:
        raise invalid_params("only a localnet with a state directory can save snapshots")
    from choir.localnet.journal import snapshot_path

    path = snapshot_path(folder, name)
    try:
        await ctx.producer.save(path)
    except FileExistsError as error:
        raise invalid_params(f"there is a snapshot {path} already") from error
    return str(path)


def associated_account(owner: Pubkey, mint: Pubkey) -> Pubkey:
    """An owner's associated token account for a mint of the SPL Token program."""
    seeds = [bytes(owner), bytes(TOKEN_PROGRAM), bytes(mint)]
    return Pubkey.find_program_address(seeds, ASSOCIATED_TOKEN_PROGRAM)[0]


def _create_associated(payer: Pubkey, account: Pubkey, owner: Pubkey, mint: Pubkey) -> Instruction:
    return Instruction(
        ASSOCIATED_TOKEN_PROGRAM,
        b"\x01",
        [
            AccountMeta(payer, True, True),
            AccountMeta(account, False, True),
            AccountMeta(owner, False, False),
            AccountMeta(mint, False, False),
            AccountMeta(SYSTEM_PROGRAM, False, False),
            AccountMeta(TOKEN_PROGRAM, False, False),
        ],
    )


def _mint_to(mint: Pubkey, account: Pubkey, authority: Pubkey, amount: int) -> Instruction:
    return Instruction(
        TOKEN_PROGRAM,
        b"\x07" + amount.to_bytes(8, "little"),
        [
            AccountMeta(mint, False, True),
            AccountMeta(account, False, True),
            AccountMeta(authority, True, False),
        ],
    )


def _count(params: Params, name: str) -> int:
    if params.raw(0) is None:
        return 1
    count = params.u64(0, name)
    if not 1 <= count <= MAX_ADVANCE:
        raise invalid_params(f"{name}: from 1 to {MAX_ADVANCE}, not {count}")
    return count
