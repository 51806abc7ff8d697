"""The instructions on specs, in plain Python: submission, decisions, settlement, expiry."""

from __future__ import annotations

from dataclasses import replace

from tests.program.model_rules import (
    DECISIONS,
    EXITS,
    LEVELS,
    MOST_AUTHORS,
    SPECS,
    check_books,
    floor_ratio,
    payment,
    posted,
    record,
    require_author,
    require_open,
    running,
    seen,
    settled,
    touched,
)
from tests.program.model_state import (
    BYTES,
    TREASURY_VAULT,
    U32,
    Draft,
    Key,
    Name,
    Outcome,
    Position,
    Spec,
    SpecId,
    State,
    Thread,
    require,
    u64,
)


def submit_spec(
    state: State, author: Key, thread_id: str, content_hash: bytes, stake: int, privacy: str
) -> Outcome:
    """Puts a stake into escrow and asks to join."""
    draft, now = Draft(state), state.now
    config, thread = draft.settings(), draft.thread(thread_id)
    running(config, SPECS, now)
    require_open(thread)
    require(author not in thread.co_authors, "CoAuthorCannotSubmit")
    require(len(thread.co_authors) < MOST_AUTHORS, "ThreadFull")
    require(thread.privacy == privacy, "PrivacyMismatch")
    require(stake >= config.params.min_stake, "StakeBelowMinimum")
    draft.require_funds(draft.own_token(author), stake)
    spec = Spec(
        thread_id=thread_id,
        author=author,
        content_hash=content_hash,
        stake=stake,
        author_epoch=thread.author_epoch,
        submitted_at=now,
        expires_at=now + config.params.approval_window,
        rent_payer=author,
        sequence=thread.spec_count,
        privacy=privacy,
    )
    payer: Name = ("wallet", author)
    name: Name = ("spec", *spec.id)
    escrow: Name = ("escrow", *spec.id)
    exists = spec.id in draft.specs
    draft.create(payer, name, "Spec", exists, "SpecAlreadyExists", "Message", "Position")
    draft.create_token(payer, escrow, "AccountAlreadyExists")
    draft.transfer(draft.own_token(author), escrow, stake)
    pending = thread.pending_specs + 1
    require(pending <= U32, "ArithmeticOverflow")
    thread = replace(thread, pending_specs=pending, spec_count=thread.spec_count + 1)
    draft.put(spec, touched(thread, now))
    draft.emit(
        "SpecSubmitted",
        thread=("thread", thread_id),
        spec=name,
        author=author,
        content_hash=content_hash,
        sequence=spec.sequence,
        stake=stake,
        privacy=privacy,
        author_epoch=spec.author_epoch,
        expires_at=spec.expires_at,
    )
    return draft.done()


def process_approval(
    state: State,
    approver: Key,
    spec_id: SpecId,
    content_hash: bytes,
    author_epoch: int,
    sequence: int,
    decision: str,
) -> Outcome:
    """A co-author's decision; the last one settles the spec."""
    draft, now = Draft(state), state.now
    thread_id = spec_id[0]
    config, thread, spec = draft.settings(), draft.thread(thread_id), draft.spec(spec_id)
    position = draft.position(thread_id, approver)
    running(config, DECISIONS, now)
    require_open(thread)
    index = require_author(thread, approver)
    require(spec.status == "Pending", "SpecNotPending")
    require(now < spec.expires_at, "SpecWindowEnded")
    require(spec.content_hash == content_hash, "ContentHashMismatch")
    require(spec.sequence == sequence, "StaleSpec")
    require(thread.author_epoch == author_epoch, "StaleAuthorEpoch")
    joined = spec.author in thread.co_authors
    require(joined or len(thread.co_authors) < MOST_AUTHORS, "ThreadFull")

    if spec.author_epoch != author_epoch:
        spec = replace(spec, author_epoch=author_epoch, approvals=0, denials=0)
    bit = 1 << index
    require(not (spec.approvals | spec.denials) & bit, "AlreadyDecided")
    if decision == "Approve":
        spec = replace(spec, approvals=spec.approvals | bit)
    else:
        spec = replace(spec, denials=spec.denials | bit)
    draft.put(seen(settled(thread, position), now), touched(thread, now), spec)
    draft.emit(
        "SpecDecided",
        thread=("thread", thread_id),
        spec=("spec", *spec_id),
        sequence=sequence,
        approver=approver,
        decision=decision,
        approvals=spec.approvals,
        denials=spec.denials,
        author_epoch=author_epoch,
    )
    if (spec.approvals | spec.denials).bit_count() == len(thread.co_authors):
        _settle(draft, draft.threads[thread_id], spec)
    return draft.done()


def _settle(draft: Draft, thread: Thread, spec: Spec) -> None:
    """Divides the stake by the decisions of all co-authors."""
    approvals, denials = spec.approvals.bit_count(), spec.denials.bit_count()
    each = treasury = 0
    outcome = "Split" if approvals else "Denied"
    if denials == 0:
        outcome, each = "Approved", spec.stake // approvals
    elif approvals:
        treasury = floor_ratio(spec.stake, approvals, approvals + denials)
    to_approvers = each * approvals
    to_thread = spec.stake - to_approvers - treasury
    before = thread.balance
    thread = replace(
        thread,
        balance=u64(before + to_thread),
        reward_per_author=u64(thread.reward_per_author + each),
        total_claimable=u64(thread.total_claimable + to_approvers),
        pending_specs=thread.pending_specs - 1,
    )
    spec = replace(spec, status=outcome, resolved_at=draft.state.now)
    escrow = ("escrow", *spec.id)
    draft.transfer(escrow, ("vault", thread.thread_id), to_thread + to_approvers)
    draft.transfer(escrow, TREASURY_VAULT, treasury)
    draft.put(spec, thread)
    draft.emit(
        "SpecSettled",
        **payment(spec, before, thread.balance),
        to_approvers=to_approvers,
        to_thread=to_thread,
        to_treasury=treasury,
        to_author=0,
    )
    if outcome == "Approved":
        thread = _record_approved(draft, thread, spec)
        thread = _admit(draft, thread, spec)
        draft.put(thread)
    check_books(draft, thread)


def _record_approved(draft: Draft, thread: Thread, spec: Spec) -> Thread:
    """Records the approved message, out of the rent the spec holds for it."""
    name: Name = ("message", thread.thread_id, thread.message_count)
    _from_reserve(draft, spec, name, "Message")
    privacy = max(spec.privacy, thread.privacy, key=LEVELS.index)
    thread = record(draft, thread, spec.author, spec.rent_payer, spec.content_hash, privacy)
    message = draft.messages[thread.thread_id, thread.message_count - 1]
    draft.emit("MessagePosted", **posted(message, thread))
    return thread


def _from_reserve(draft: Draft, spec: Spec, name: Name, kind: str) -> None:
    """Pays the rent of an account, as far as nobody has, out of what the spec holds for it."""
    missing = max(0, draft.state.rent(BYTES[kind]) - draft.lamports.get(name, 0))
    draft.move_lamports(("spec", *spec.id), name, missing)


def _admit(draft: Draft, thread: Thread, spec: Spec) -> Thread:
    """Makes the author a co-author, unless another spec of theirs already did."""
    if spec.author in thread.co_authors:
        return thread
    now = draft.state.now
    position = draft.positions.get((thread.thread_id, spec.author))
    if position is None:
        _from_reserve(draft, spec, ("position", thread.thread_id, spec.author), "Position")
        position = Position(thread.thread_id, spec.author, spec.rent_payer, now)
    require(len(thread.co_authors) < MOST_AUTHORS, "ThreadFull")
    thread = replace(
        thread,
        co_authors=(*thread.co_authors, spec.author),
        author_epoch=thread.author_epoch + 1,
    )
    draft.put(replace(seen(position, now), reward_checkpoint=thread.reward_per_author))
    draft.emit(
        "AuthorJoined",
        thread=("thread", thread.thread_id),
        author=spec.author,
        author_epoch=thread.author_epoch,
    )
    return thread


def _return_stake(draft: Draft, thread: Thread, spec: Spec, outcome: str) -> None:
    """Settles a spec by giving its author all of the stake."""
    now = draft.state.now
    draft.transfer(("escrow", *spec.id), draft.own_token(spec.author), spec.stake)
    spec = replace(spec, status=outcome, resolved_at=now)
    draft.put(spec, touched(replace(thread, pending_specs=thread.pending_specs - 1), now))
    draft.emit(
        "SpecSettled",
        **payment(spec, thread.balance, thread.balance),
        to_approvers=0,
        to_thread=0,
        to_treasury=0,
        to_author=spec.stake,
    )


def expire_spec(state: State, spec_id: SpecId) -> Outcome:
    """Returns the stake of a spec whose window has ended."""
    draft, now = Draft(state), state.now
    config, thread, spec = draft.settings(), draft.thread(spec_id[0]), draft.spec(spec_id)
    running(config, EXITS, now)
    require(spec.status == "Pending", "SpecNotPending")
    require(now >= spec.expires_at, "SpecWindowOpen")
    _return_stake(draft, thread, spec, "Expired")
    return draft.done()


def withdraw_spec(state: State, author: Key, spec_id: SpecId) -> Outcome:
    """Takes a stake back on which no decision is in force."""
    draft, now = Draft(state), state.now
    config, thread, spec = draft.settings(), draft.thread(spec_id[0]), draft.spec(spec_id)
    running(config, EXITS, now)
    require(spec.author == author, "NotSpecAuthor")
    require(spec.status == "Pending", "SpecNotPending")
    undecided = not spec.approvals | spec.denials or spec.author_epoch != thread.author_epoch
    require(undecided or now >= spec.expires_at, "SpecHasDecisions")
    _return_stake(draft, thread, spec, "Withdrawn")
    return draft.done()


def cleanup_spec(state: State, spec_id: SpecId) -> Outcome:
    """Closes a settled spec and its escrow; anybody may."""
    draft = Draft(state)
    draft.settings()
    spec = draft.spec(spec_id)
    require(spec.status != "Pending", "SpecPending")
    escrow: Name = ("escrow", *spec_id)
    swept = draft.tokens[escrow]
    draft.transfer(escrow, TREASURY_VAULT, swept)
    draft.close(escrow, spec.rent_payer)
    draft.close(("spec", *spec_id), spec.rent_payer)
    draft.emit(
        "SpecCleaned",
        thread=("thread", spec.thread_id),
        spec=("spec", *spec_id),
        author=spec.author,
        content_hash=spec.content_hash,
        sequence=spec.sequence,
        swept=swept,
    )
    return draft.done()
