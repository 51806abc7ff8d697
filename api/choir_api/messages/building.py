"""``/v1/message/submit``: a message of a co-author, or a spec with a stake."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from choir import instructions
from choir.accounts import SpecStatus
from choir.ids import message_pda, spec_pda
from choir_api.auth.principal import Principal
from choir_api.chain.facts import Facts, gather, require_balance
from choir_api.content.schemas import Material, body_for
from choir_api.content.store import Body, store
from choir_api.db import WriteSession
from choir_api.deps import Deps
from choir_api.errors import Conflict, ValidationFailed
from choir_api.fields import Address, Amount, ContentHash, ThreadId
from choir_api.levels import LEVEL_NAMES, LevelName, privacy_level
from choir_api.responses import Schema
from choir_api.transactions.building import Unsigned, build


class SubmitMessage(Schema):
    """A message for a thread. Whoever is not a co-author adds a stake and asks to join."""

    thread_id: ThreadId
    content: Material
    content_hash: ContentHash | None = Field(
        default=None, description="checked against the content when given"
    )
    privacy: LevelName | None = Field(
        default=None,
        description="the level the thread is expected to have; refused when it has another",
    )
    stake: Amount | None = Field(
        default=None, description="base units; for specs only, at least the minimum stake"
    )


class MessageToSign(Unsigned):
    """The transaction that posts the message or submits the spec."""

    kind: Literal["message", "spec"]
    thread_id: ThreadId
    thread: Address
    content_hash: ContentHash
    account: Address = Field(description="of the message or of the spec")
    message_index: int | None = Field(default=None, description="of a message")
    stake: Amount | None = Field(default=None, description="of a spec")


async def submit(
    session: WriteSession, deps: Deps, caller: Principal, wanted: SubmitMessage
) -> MessageToSign:
    """Check, keep the content, build the transaction that fits the caller's role."""
    rpc = deps.sender.rpc
    facts = await gather(rpc, caller.wallet, wanted.thread_id)
    thread = facts.the_thread()
    if wanted.privacy is not None and privacy_level(wanted.privacy) is not thread.privacy:
        raise Conflict(
            f"{wanted.thread_id!r} is {LEVEL_NAMES[thread.privacy]}, not {wanted.privacy}",
            code="privacy_mismatch",
            details={"privacy": LEVEL_NAMES[thread.privacy]},
        )
    content = body_for(wanted.content, thread.privacy)
    digest = content.checked(wanted.content_hash)
    if caller.wallet in thread.co_authors:
        if wanted.stake is not None:
            raise ValidationFailed(
                "co-authors post directly; leave the stake out",
                code="co_author_cannot_submit",
                field="body.stake",
            )
        return await _message(session, deps, facts, content, digest)
    stake = _checked_stake(wanted.stake, facts)
    if await _submitted_before(deps, facts, digest):
        raise Conflict(
            "you have submitted this content to this thread already", code="spec_already_exists"
        )
    await require_balance(rpc, facts, stake, "the stake")
    return await _spec(session, deps, facts, content, digest, stake)


def _checked_stake(stake: int | None, facts: Facts) -> int:
    minimum = facts.config.params.min_stake
    if stake is None or stake < minimum:
        said = "no stake is given" if stake is None else f"the stake is {stake} base units"
        raise ValidationFailed(
            f"{said}; {facts.wallet} is not a co-author of {facts.thread_id!r}, and a spec "
            f"needs at least {minimum} base units",
            code="stake_below_minimum",
            field="body.stake",
            details={"minimum": str(minimum)},
        )
    return stake


async def _submitted_before(deps: Deps, facts: Facts, digest: bytes) -> bool:
    again = await gather(
        deps.sender.rpc, facts.wallet, facts.thread_id, spec=(facts.wallet, digest)
    )
    return again.spec is not None and again.spec.status in SpecStatus


async def _message(
    session: WriteSession, deps: Deps, facts: Facts, content: Body, digest: bytes
) -> MessageToSign:
    thread = facts.the_thread()
    index = thread.message_count
    step = instructions.post_message(
        author=facts.wallet,
        thread=facts.address,
        content_hash=digest,
        privacy=thread.privacy,
        message_index=index,
    )
    unsigned = await build(deps.sender, [step], facts.wallet)
    await _keep(session, deps, facts, content)
    return MessageToSign(
        **unsigned.model_dump(),
        kind="message",
        thread_id=facts.thread_id,
        thread=facts.address,
        content_hash=digest,
        account=message_pda(facts.address, index),
        message_index=index,
    )


async def _spec(
    session: WriteSession, deps: Deps, facts: Facts, content: Body, digest: bytes, stake: int
) -> MessageToSign:
    step = instructions.submit_spec(
        author=facts.wallet,
        thread=facts.address,
        content_hash=digest,
        stake=stake,
        privacy=facts.the_thread().privacy,
        stake_mint=facts.config.stake_mint,
        token_program=facts.config.token_program,
    )
    unsigned = await build(deps.sender, [step], facts.wallet)
    await _keep(session, deps, facts, content)
    return MessageToSign(
        **unsigned.model_dump(),
        kind="spec",
        thread_id=facts.thread_id,
        thread=facts.address,
        content_hash=digest,
        account=spec_pda(facts.address, facts.wallet, digest),
        stake=stake,
    )


async def _keep(session: WriteSession, deps: Deps, facts: Facts, content: Body) -> None:
    await store(
        session,
        thread_id=facts.thread_id,
        author=facts.wallet,
        body=content,
        now=deps.now(),
        quota_bytes=deps.settings.unlanded_content_bytes,
    )
