"""Transactions on threads: create, and change of privacy."""

from __future__ import annotations

from pydantic import Field

from choir import instructions
from choir.accounts import PrivacyLevel
from choir_api.auth.principal import Principal
from choir_api.chain.facts import gather, require_balance
from choir_api.content.schemas import Material, body_for
from choir_api.content.store import store
from choir_api.db import WriteSession
from choir_api.deps import Deps
from choir_api.errors import Conflict, ValidationFailed
from choir_api.fields import Address, Amount, ContentHash, ThreadId
from choir_api.levels import LevelName, privacy_level
from choir_api.responses import Schema
from choir_api.transactions.building import Unsigned, build


class CreateThread(Schema):
    """A thread to open."""

    thread_id: ThreadId
    deposit: Amount
    privacy: LevelName = "public"
    initial_message: Material | None = Field(
        default=None, description="posted in the same transaction"
    )


class ThreadToSign(Unsigned):
    """The transaction that opens the thread."""

    thread_id: ThreadId
    thread: Address
    content_hash: ContentHash | None = Field(
        default=None, description="of the initial message, where there is one"
    )


class SetPrivacy(Schema):
    """The level that a thread's contents shall have."""

    thread_id: ThreadId
    privacy: LevelName


class PrivacyToSign(Unsigned):
    """The transaction that changes the level."""

    thread_id: ThreadId
    thread: Address


async def create_thread(
    session: WriteSession, deps: Deps, caller: Principal, wanted: CreateThread
) -> ThreadToSign:
    """Check what can be checked, keep the first content, build the transaction."""
    rpc = deps.sender.rpc
    level = privacy_level(wanted.privacy)
    content = None
    if wanted.initial_message is not None:
        content = body_for(wanted.initial_message, level, "body.initial_message")
    facts = await gather(rpc, caller.wallet, wanted.thread_id)
    if facts.thread is not None:
        raise Conflict(
            f"there is a thread {wanted.thread_id!r} already; ids are used once",
            code="thread_already_exists",
        )
    minimum = facts.config.params.min_thread_balance
    if wanted.deposit < minimum:
        raise ValidationFailed(
            f"the deposit is {wanted.deposit} base units; a thread needs at least {minimum}",
            code="deposit_below_minimum",
            field="body.deposit",
            details={"minimum": str(minimum)},
        )
    await require_balance(rpc, facts, wanted.deposit, "the deposit")
    steps = [
        instructions.create_thread(
            creator=caller.wallet,
            thread_id=wanted.thread_id,
            deposit=wanted.deposit,
            stake_mint=facts.config.stake_mint,
            privacy=level,
            token_program=facts.config.token_program,
        )
    ]
    digest = None
    if content is not None:
        digest = content.digest
        steps.append(
            instructions.post_message(
                author=caller.wallet,
                thread=facts.address,
                content_hash=digest,
                privacy=level,
                message_index=0,
            )
        )
    unsigned = await build(deps.sender, steps, caller.wallet)
    # after the last question to the node: from here on the transaction holds a connection
    if content is not None:
        await store(
            session,
            thread_id=wanted.thread_id,
            author=caller.wallet,
            body=content,
            now=deps.now(),
            quota_bytes=deps.settings.unlanded_content_bytes,
        )
    return ThreadToSign(
        **unsigned.model_dump(),
        thread_id=wanted.thread_id,
        thread=facts.address,
        content_hash=digest,
    )


async def set_privacy(deps: Deps, caller: Principal, wanted: SetPrivacy) -> PrivacyToSign:
    """Build the transaction with which a co-author changes the level."""
    level = privacy_level(wanted.privacy)
    facts = await gather(deps.sender.rpc, caller.wallet, wanted.thread_id)
    thread = facts.as_co_author()
    if PrivacyLevel(thread.privacy) is level:
        raise ValidationFailed(
            f"{wanted.thread_id!r} is {wanted.privacy} already",
            code="privacy_unchanged",
            field="body.privacy",
        )
    step = instructions.set_privacy(author=caller.wallet, thread=facts.address, level=level)
    unsigned = await build(deps.sender, [step], caller.wallet)
    return PrivacyToSign(**unsigned.model_dump(), thread_id=wanted.thread_id, thread=facts.address)
