"""anchorpy on our IDL through `choir.idl.to_legacy`: accounts, instructions, events, errors."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

from anchorpy import Context, Idl, Program, Provider, Wallet
from anchorpy.error import ProgramError
from base58 import b58decode
from solana.rpc.commitment import Confirmed
from solana.rpc.types import TxOpts
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token.instructions import (
    MintToParams,
    create_associated_token_account,
    get_associated_token_address,
    mint_to,
)
from tests.conformance.net import Net
from tests.conformance.registry import Mismatch, check, equal

from choir import instructions
from choir.accounts import Config, PrivacyLevel
from choir.idl import load_idl, to_legacy
from choir.ids import PROGRAM_ID, config_pda, position_pda, thread_pda
from choir.tokens import TOKEN_PROGRAM_ID

DEPOSIT = 20_000_000
OPTS = TxOpts(skip_confirmation=False, preflight_commitment=Confirmed)


def program(net: Net, wallet: Keypair) -> Program:
    """The program as anchorpy sees it."""
    provider = Provider(net.client, Wallet(wallet), OPTS)
    return Program(Idl.from_json(json.dumps(to_legacy(load_idl()))), PROGRAM_ID, provider)


async def member(net: Net) -> Keypair:
    """A wallet with lamports and stake tokens."""
    wallet, minter, mint = await net.wallet(), net.cluster.mint_authority, net.cluster.stake_mint
    account = get_associated_token_address(wallet.pubkey(), mint)
    await net.land(
        wallet,
        create_associated_token_account(wallet.pubkey(), wallet.pubkey(), mint),
        mint_to(MintToParams(TOKEN_PROGRAM_ID, mint, account, minter.pubkey(), DEPOSIT, [])),
        signers=(minter,),
    )
    return wallet


@dataclass(frozen=True)
class Opened:
    """A new thread."""

    wallet: Keypair
    id: str
    address: Pubkey
    signature: str


async def opened(net: Net) -> Opened:
    """A thread of a new member, with a deposit."""
    wallet = await member(net)
    thread_id = f"anchorpy-{secrets.token_hex(8)}"
    instruction = instructions.create_thread(
        creator=wallet.pubkey(),
        thread_id=thread_id,
        deposit=DEPOSIT,
        privacy=PrivacyLevel.PUBLIC,
        stake_mint=net.cluster.stake_mint,
    )
    signature = await net.land(wallet, instruction)
    return Opened(wallet, thread_id, thread_pda(thread_id), signature)


async def configuration(net: Net) -> Config:
    """The configuration by our own decoder."""
    account = (await net.client.get_account_info(config_pda())).value
    if account is None:
        raise Mismatch("there is no configuration")
    equal(account.owner, PROGRAM_ID, "its owner")
    return Config.decode(account.data)


def named(name: str, instruction: Instruction) -> dict[str, Pubkey]:
    """The accounts of an instruction by their names in the IDL."""
    [declared] = [i for i in load_idl()["instructions"] if i["name"] == name]
    keys = [meta.pubkey for meta in instruction.accounts]
    return {a["name"]: key for a, key in zip(declared["accounts"], keys, strict=True)}


def set_privacy(thread: Opened, level: PrivacyLevel) -> Instruction:
    """Our own instruction, to compare with anchorpy's."""
    return instructions.set_privacy(
        author=thread.wallet.pubkey(), thread=thread.address, level=level
    )


@check("anchorpy.config", "the configuration by anchorpy's decoder is the one by ours")
async def _(net: Net) -> None:
    theirs = await program(net, Keypair()).account["Config"].fetch(config_pda(), Confirmed)
    ours = await configuration(net)
    for field in ("authority", "stake_mint", "treasury", "treasury_vault", "mint_decimals"):
        equal(getattr(theirs, field), getattr(ours, field), field)
    equal(theirs.params.min_stake, ours.params.min_stake, "the lowest stake")


@check("anchorpy.thread", "a new thread: its account, its creator's position, its tokens")
async def _(net: Net) -> None:
    thread = await opened(net)
    seen = program(net, thread.wallet)
    account = await seen.account["Thread"].fetch(thread.address, Confirmed)
    equal(
        (account.thread_id, account.creator, account.balance, account.co_authors),
        (thread.id, thread.wallet.pubkey(), DEPOSIT, [thread.wallet.pubkey()]),
        "the thread",
    )
    position = position_pda(thread.address, thread.wallet.pubkey())
    held = await seen.account["Position"].fetch(position, Confirmed)
    equal(held.shares, account.total_shares, "the creator's shares")
    balance = await net.client.get_token_account_balance(account.vault, Confirmed)
    equal(balance.value.amount, str(DEPOSIT), "the vault's tokens")


@check("anchorpy.event", "the event of a new thread, among the inner instructions")
async def _(net: Net) -> None:
    thread = await opened(net)
    config = {"commitment": "confirmed", "maxSupportedTransactionVersion": 0, "encoding": "json"}
    found: dict[str, Any] = await net.until(
        lambda: net.call("getTransaction", thread.signature, config), lambda t: t is not None
    )
    keys = found["transaction"]["message"]["accountKeys"]
    [event] = [
        program(net, thread.wallet).coder.events.parse(b58decode(inner["data"])[8:])
        for group in found["meta"]["innerInstructions"]
        for inner in group["instructions"]
        if keys[inner["programIdIndex"]] == str(PROGRAM_ID)
    ]
    equal(event.name, "ThreadCreated", "the event's name")
    equal(
        (event.data.thread, event.data.creator, event.data.deposit, event.data.slot),
        (thread.address, thread.wallet.pubkey(), DEPOSIT, found["slot"]),
        "the event",
    )


@check("anchorpy.instruction", "an instruction by anchorpy is ours, byte for byte, and lands")
async def _(net: Net) -> None:
    thread = await opened(net)
    seen = program(net, thread.wallet)
    ours = set_privacy(thread, PrivacyLevel.PREMIUM)
    context = Context(accounts=named("set_privacy", ours))
    level = seen.type["PrivacyLevel"].Premium()
    theirs = seen.instruction["set_privacy"](level, ctx=context)
    equal((theirs.data, theirs.accounts), (ours.data, ours.accounts), "the instruction")
    signature = await seen.rpc["set_privacy"](level, ctx=context)
    await net.status(str(signature))
    account = await seen.account["Thread"].fetch(thread.address, Confirmed)
    equal(type(account.privacy).__name__, "Premium", "the level")


@check("anchorpy.error", "the program's refusal is anchorpy's ProgramError with its code and words")
async def _(net: Net) -> None:
    thread = await opened(net)
    seen = program(net, thread.wallet)
    context = Context(accounts=named("set_privacy", set_privacy(thread, PrivacyLevel.PUBLIC)))
    [declared] = [e for e in load_idl()["errors"] if e["name"] == "PrivacyUnchanged"]
    try:
        await seen.rpc["set_privacy"](seen.type["PrivacyLevel"].Public(), ctx=context)
    except ProgramError as error:
        equal((error.code, error.msg), (declared["code"], declared["msg"]), "code and message")
    else:
        raise Mismatch("the level was set to what it was")


@check("anchorpy.again", "initialize a second time is the program's error")
async def _(net: Net) -> None:
    authority = net.cluster.authority
    config = await configuration(net)
    instruction = instructions.initialize(
        authority=authority.pubkey(),
        stake_mint=config.stake_mint,
        params=config.params,
        guardian=authority.pubkey(),
        treasury_signers=[authority.pubkey()],
        treasury_threshold=1,
        parameter_timelock=86_400,
    )
    simulated = await net.client.simulate_transaction(await net.build(authority, instruction))
    error = json.loads(simulated.to_json())["result"]["value"]["err"]
    [declared] = [e for e in load_idl()["errors"] if e["name"] == "AlreadyInitialized"]
    equal(error, {"InstructionError": [0, {"Custom": declared["code"]}]}, "the error")
