"""Our own client: what it is told by our localnet must be what a validator tells it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from solders.keypair import Keypair
from solders.system_program import TransferParams, transfer
from tests.conformance.checks.anchorpy_program import DEPOSIT, member
from tests.conformance.net import SOL, Net
from tests.conformance.registry import Mismatch, check, equal, true

from choir import instructions
from choir.accounts import PrivacyLevel, Thread
from choir.client import ChoirClient
from choir.errors import SystemError as SystemProgramError
from choir.errors import TransactionFailed
from choir.ids import thread_pda
from choir.program_errors import PrivacyUnchanged
from choir.rpc import HttpRpc
from choir.sending import Sender
from choir.subscriptions import PubSub
from choir.wallet import KeypairSigner


@asynccontextmanager
async def client(net: Net) -> AsyncIterator[ChoirClient]:
    """A client for a new member."""
    wallet = await member(net)
    async with HttpRpc(net.cluster.rpc_url) as rpc:
        yield ChoirClient(rpc, KeypairSigner(wallet))


async def opened(choir: ChoirClient) -> str:
    """The id of a new thread."""
    thread_id = f"choir-{secrets.token_hex(8)}"
    await choir.create_thread(thread_id, deposit=DEPOSIT)
    return thread_id


@check("choir.thread", "a thread opened, read back, changed, and its events")
async def _(net: Net) -> None:
    async with client(net) as choir:
        thread_id = f"choir-{secrets.token_hex(8)}"
        receipt = await choir.create_thread(thread_id, deposit=DEPOSIT)
        thread = await choir.thread(thread_id)
        equal((thread.balance, thread.creator), (DEPOSIT, choir.wallet), "the thread")
        [event] = await choir.events(receipt.signature)
        equal((type(event).__name__, event.slot), ("ThreadCreated", receipt.slot), "its event")
        await choir.set_privacy(thread_id, PrivacyLevel.PREMIUM)
        equal((await choir.thread(thread_id)).privacy, PrivacyLevel.PREMIUM, "the level")
        found = await choir.threads_of(choir.wallet)
        equal([t.thread_id for t in found], [thread_id], "threads of the wallet")
        equal(await choir.token_balance(choir.wallet), 0, "the wallet's stake tokens")


@check("choir.error.program", "the program's refusal is a typed error, before sending and on chain")
async def _(net: Net) -> None:
    async with client(net) as choir:
        thread_id = await opened(choir)
        same = instructions.set_privacy(
            author=choir.wallet, thread=thread_pda(thread_id), level=PrivacyLevel.PUBLIC
        )
        try:
            await choir.sender.send([same], signers=[choir.signer])  # type: ignore[list-item]
        except PrivacyUnchanged as error:
            true(any("PrivacyUnchanged" in line for line in error.logs), f"logs: {error.logs}")
        else:
            raise Mismatch("the level was set to what it was")


@check("choir.error.system", "a transfer of more than there is: the System program's error")
async def _(net: Net) -> None:
    payer = await net.wallet()
    async with HttpRpc(net.cluster.rpc_url) as rpc:
        give = transfer(
            TransferParams(
                from_pubkey=payer.pubkey(), to_pubkey=Keypair().pubkey(), lamports=9 * SOL
            )
        )
        try:
            await Sender(rpc).send([give], signers=[KeypairSigner(payer)])
        except SystemProgramError as error:
            equal(error.code, 1, "the code")
        except TransactionFailed as error:
            raise Mismatch(f"{type(error).__name__}: {error}") from error
        else:
            raise Mismatch("more was sent than there is")


@check("choir.subscription", "a followed account: its state now, then each change")
async def _(net: Net) -> None:
    async with client(net) as choir:
        thread_id = await opened(choir)
        async with PubSub(net.cluster.ws_url, choir.rpc) as pubsub:
            updates = pubsub.account(thread_pda(thread_id))
            first = await anext(updates)
            if first.account is None:
                raise Mismatch("the thread is told as gone")
            equal(Thread.decode(first.account.data).privacy, PrivacyLevel.PUBLIC, "the level")
            changing = asyncio.create_task(choir.set_privacy(thread_id, PrivacyLevel.ENCRYPTED))
            second = await anext(updates)
            await changing
            if second.account is None:
                raise Mismatch("the thread is told as gone")
            equal(Thread.decode(second.account.data).privacy, PrivacyLevel.ENCRYPTED, "the level")
            true(first.slot < second.slot, f"slots {first.slot} and {second.slot}")
