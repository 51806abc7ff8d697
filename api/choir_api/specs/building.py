"""Transactions on specs: a co-author's decision, and the refund after the window."""

from __future__ import annotations

from pydantic import Field

from choir import instructions
from choir.accounts import Decision, Spec, SpecStatus, Thread, decision_of
from choir.ids import spec_pda
from choir_api.auth.principal import Principal
from choir_api.chain.facts import Facts, gather
from choir_api.deps import Deps
from choir_api.errors import Conflict, NotFound
from choir_api.fields import Address, ContentHash, ThreadId
from choir_api.levels import DECISIONS, SPEC_STATUS_NAMES, DecisionName
from choir_api.responses import Schema
from choir_api.transactions.building import Unsigned, build


class DecideSpec(Schema):
    """A co-author's decision on a spec, named by its author and content."""

    thread_id: ThreadId
    author: Address = Field(description="who submitted the spec")
    content_hash: ContentHash
    decision: DecisionName
    author_epoch: int | None = Field(
        default=None,
        ge=0,
        le=(1 << 32) - 1,
        description="the set of co-authors this decision is meant for; the present one if left out",
    )
    sequence: int | None = Field(
        default=None,
        ge=0,
        le=(1 << 64) - 1,
        description="the submission this decision is meant for; the present one if left out",
    )


class WithdrawSpec(Schema):
    """The caller's own spec."""

    thread_id: ThreadId
    content_hash: ContentHash


class NamedSpec(Schema):
    """A spec, by its author and content."""

    thread_id: ThreadId
    author: Address
    content_hash: ContentHash


class SpecToSign(Unsigned):
    """The transaction on the spec."""

    thread_id: ThreadId
    thread: Address
    spec: Address
    author_epoch: int
    sequence: int = Field(description="which of the thread's submissions the spec is")


async def decide(deps: Deps, caller: Principal, wanted: DecideSpec) -> SpecToSign:
    """Check the caller's right and that they have not decided yet, build the transaction."""
    facts = await _facts(deps, caller, wanted)
    thread = facts.as_co_author()
    spec = _pending(facts, wanted.author, wanted.content_hash)
    if wanted.author_epoch is not None and wanted.author_epoch != thread.author_epoch:
        raise Conflict(
            f"the co-authors have changed: this decision is for epoch {wanted.author_epoch}, the "
            f"thread is at {thread.author_epoch}; look at the thread again and decide anew",
            code="stale_author_epoch",
            details={"author_epoch": thread.author_epoch},
        )
    if wanted.sequence is not None and wanted.sequence != spec.sequence:
        raise Conflict(
            f"the same content was submitted anew: this decision is for submission "
            f"{wanted.sequence}, the spec is {spec.sequence}; look at it again and decide anew",
            code="stale_spec",
            details={"sequence": spec.sequence},
        )
    _refuse_second(thread, spec, facts)
    step = instructions.process_approval(
        approver=caller.wallet,
        thread=facts.address,
        spec_author=wanted.author,
        content_hash=wanted.content_hash,
        author_epoch=thread.author_epoch,
        sequence=spec.sequence,
        decision=DECISIONS[wanted.decision],
        message_index=thread.message_count,
        stake_mint=facts.config.stake_mint,
        token_program=facts.config.token_program,
    )
    unsigned = await build(deps.sender, [step], caller.wallet)
    return _to_sign(unsigned, facts, wanted)


async def expire(deps: Deps, caller: Principal, wanted: NamedSpec) -> SpecToSign:
    """Build the refund, which anybody may send once the window has ended."""
    facts = await _facts(deps, caller, wanted)
    facts.a_thread()
    _pending(facts, wanted.author, wanted.content_hash)
    step = instructions.expire_spec(
        thread=facts.address,
        spec_author=wanted.author,
        content_hash=wanted.content_hash,
        stake_mint=facts.config.stake_mint,
        token_program=facts.config.token_program,
    )
    unsigned = await build(deps.sender, [step], caller.wallet)
    return _to_sign(unsigned, facts, wanted)


async def withdraw(deps: Deps, caller: Principal, wanted: WithdrawSpec) -> SpecToSign:
    """Build the transaction with which an author takes a spec and its stake back."""
    own = NamedSpec(
        thread_id=wanted.thread_id, author=caller.wallet, content_hash=wanted.content_hash
    )
    facts = await _facts(deps, caller, own)
    facts.a_thread()
    _pending(facts, caller.wallet, wanted.content_hash)
    step = instructions.withdraw_spec(
        author=caller.wallet,
        thread=facts.address,
        content_hash=wanted.content_hash,
        stake_mint=facts.config.stake_mint,
        token_program=facts.config.token_program,
    )
    unsigned = await build(deps.sender, [step], caller.wallet)
    return _to_sign(unsigned, facts, own)


async def cleanup(deps: Deps, caller: Principal, wanted: NamedSpec) -> SpecToSign:
    """Build the transaction that closes a settled spec, for whoever sends it."""
    facts = await _facts(deps, caller, wanted)
    spec = _known(facts, wanted.author, wanted.content_hash)
    if spec.status is SpecStatus.PENDING:
        raise Conflict("the spec still waits for decisions", code="spec_pending")
    step = instructions.cleanup_spec(
        thread=facts.address,
        spec_author=wanted.author,
        content_hash=wanted.content_hash,
        rent_payer=spec.rent_payer,
        stake_mint=facts.config.stake_mint,
        token_program=facts.config.token_program,
    )
    unsigned = await build(deps.sender, [step], caller.wallet)
    return _to_sign(unsigned, facts, wanted)


async def _facts(deps: Deps, caller: Principal, wanted: DecideSpec | NamedSpec) -> Facts:
    return await gather(
        deps.sender.rpc,
        caller.wallet,
        wanted.thread_id,
        spec=(wanted.author, wanted.content_hash),
    )


def _known(facts: Facts, author: object, content_hash: bytes) -> Spec:
    if facts.spec is None:
        raise NotFound(
            f"{author} has submitted no spec {content_hash.hex()} to {facts.thread_id!r}",
            code="unknown_spec",
        )
    return facts.spec


def _pending(facts: Facts, author: object, content_hash: bytes) -> Spec:
    spec = _known(facts, author, content_hash)
    if spec.status is not SpecStatus.PENDING:
        raise Conflict(
            f"the spec is settled already: {SPEC_STATUS_NAMES[spec.status]}",
            code="spec_not_pending",
            details={"status": SPEC_STATUS_NAMES[spec.status]},
        )
    return spec


def _refuse_second(thread: Thread, spec: Spec, facts: Facts) -> None:
    before = decision_of(thread, spec, facts.wallet)
    if before is not None:
        said = "approved" if before is Decision.APPROVE else "denied"
        raise Conflict(f"you have {said} this spec; a decision is final", code="already_decided")


def _to_sign(unsigned: Unsigned, facts: Facts, wanted: DecideSpec | NamedSpec) -> SpecToSign:
    thread = facts.thread
    spec = _known(facts, wanted.author, wanted.content_hash)
    return SpecToSign(
        **unsigned.model_dump(),
        thread_id=facts.thread_id,
        thread=facts.address,
        spec=spec_pda(facts.address, wanted.author, wanted.content_hash),
        author_epoch=thread.author_epoch if thread is not None else spec.author_epoch,
        sequence=spec.sequence,
    )
