"""What several instructions have in common: limits, formulas, and checks with their errors."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

from tests.program.model_state import (
    NOBODY,
    Config,
    ConfigChange,
    Draft,
    Key,
    Message,
    Params,
    Position,
    Spec,
    State,
    Thread,
    require,
    sha256,
    u64,
)

HOUR, DAY = 3_600, 86_400
YEAR = 365 * DAY
MOST_AUTHORS, MOST_SIGNERS = 16, 11
LOWEST_MINIMUM = 1_000
LONGEST_PAUSE, COOL_OFF = 7 * DAY, DAY
TIME_TO_APPLY = TIME_TO_EXECUTE = 14 * DAY
FAMILIES = THREADS, MESSAGES, SPECS, DECISIONS, EXITS, SETTINGS, TREASURY_FAMILY = range(7)
LEVELS = ("Public", "Premium", "ThreadOnly", "Encrypted")


def floor_ratio(a: int, b: int, divisor: int) -> int:
    """⌊a · b / divisor⌋ within 64 bits."""
    require(divisor > 0, "ArithmeticOverflow")
    return u64(a * b // divisor)


def ceil_ratio(a: int, b: int, divisor: int) -> int:
    """⌈a · b / divisor⌉ within 64 bits."""
    require(divisor > 0, "ArithmeticOverflow")
    return u64(-(-a * b // divisor))


def genesis_head(thread_id: str) -> bytes:
    """Head of a thread's hash chain before any message."""
    return sha256(b"choir:thread", sha256(thread_id.encode()))


def owed(state: State, position: Position) -> int:
    """What a position's owner may claim now."""
    thread = state.threads[position.thread_id]
    earns = position.owner in thread.co_authors
    rise = thread.reward_per_author - position.reward_checkpoint if earns else 0
    return position.claimable + rise


def running(config: Config, family: int, now: int) -> None:
    """Refuses when a family of instructions is paused."""
    require(now >= config.paused_until[family], "Paused")


def seen(position: Position, now: int) -> Position:
    """A position whose owner acts now."""
    return replace(position, last_action_at=max(position.last_action_at, now))


def require_open(thread: Thread) -> None:
    """Refuses a thread that is being wound down, or is closed."""
    require(thread.status != "Closed", "ThreadClosed")
    require(thread.status != "Closing", "ThreadClosing")


def settled(thread: Thread, position: Position) -> Position:
    """A position after its rewards were counted."""
    if position.owner not in thread.co_authors:
        return position
    rise = thread.reward_per_author - position.reward_checkpoint
    require(rise >= 0, "PositionInvariant")
    return replace(
        position,
        claimable=u64(position.claimable + rise),
        reward_checkpoint=thread.reward_per_author,
    )


def touched(thread: Thread, now: int) -> Thread:
    """A thread that changed now."""
    return replace(thread, updated_at=max(thread.updated_at, now))


def require_author(thread: Thread, key: Key) -> int:
    """Place of a co-author; refuses anybody else."""
    require(key in thread.co_authors, "NotCoAuthor")
    return thread.co_authors.index(key)


def shares_for(thread: Thread, amount: int, least: int) -> int:
    """Shares a deposit buys: rounded down, and refused when rounding costs too much of it."""
    shares = floor_ratio(amount, thread.total_shares, thread.balance)
    require(shares > 0, "DepositBuysNoShare")
    require(shares >= least, "SlippageExceeded")
    lost = amount * thread.total_shares % thread.balance
    require(1_000 * lost <= amount * thread.total_shares, "DepositTooCoarse")
    return shares


def rebased(draft: Draft, thread: Thread, position: Position) -> tuple[Thread, Position]:
    """One share for each unit of the balance, when all shares are one position's."""
    before = thread.total_shares
    if position.shares != before or before == thread.balance:
        return thread, position
    draft.emit(
        "SharesRebased",
        thread=("thread", thread.thread_id),
        owner=position.owner,
        shares_before=before,
        shares_after=thread.balance,
    )
    return (
        replace(thread, total_shares=thread.balance),
        replace(position, shares=thread.balance),
    )


def check_books(draft: Draft, thread: Thread) -> None:
    """Refuses when the vault does not cover what the thread owes."""
    vault = draft.tokens["vault", thread.thread_id]
    require(vault >= u64(thread.balance + thread.total_claimable), "VaultInsolvent")


def record(
    draft: Draft, thread: Thread, author: Key, payer: Key, content: bytes, privacy: str
) -> Thread:
    """Appends a message; returns the thread. The event is emitted by whoever calls."""
    index, state = thread.message_count, draft.state
    head = sha256(thread.head, struct.pack("<Q", index), author, content)
    message = Message(
        thread_id=thread.thread_id,
        index=index,
        author=author,
        rent_payer=payer,
        content_hash=content,
        previous_head=thread.head,
        privacy=privacy,
        slot=state.slot,
        created_at=state.now,
    )
    draft.messages[thread.thread_id, index] = message
    return replace(thread, head=head, message_count=index + 1)


def posted(message: Message, thread: Thread) -> dict[str, Any]:
    """Fields of the event of a message just recorded."""
    return {
        "thread": ("thread", thread.thread_id),
        "author": message.author,
        "index": message.index,
        "content_hash": message.content_hash,
        "previous_head": message.previous_head,
        "head": thread.head,
        "privacy": message.privacy,
    }


def removed(thread: Thread, author: Key) -> Thread:
    """A thread without a co-author; the others keep their order."""
    others = tuple(each for each in thread.co_authors if each != author)
    return replace(thread, co_authors=others, author_epoch=thread.author_epoch + 1)


def payment(spec: Spec, before: int, after: int) -> dict[str, Any]:
    """What every event of a settlement says."""
    return {
        "thread": ("thread", spec.thread_id),
        "spec": ("spec", *spec.id),
        "author": spec.author,
        "content_hash": spec.content_hash,
        "outcome": spec.status,
        "sequence": spec.sequence,
        "stake": spec.stake,
        "balance_before": before,
        "balance_after": after,
    }


def check_change(change: ConfigChange) -> None:
    """Refuses settings outside their ranges."""
    params: Params = change.params
    require(params.min_stake >= 1, "MinStakeTooLow")
    require(params.min_thread_balance >= LOWEST_MINIMUM, "MinThreadBalanceTooLow")
    require(HOUR <= params.approval_window <= YEAR, "ApprovalWindowOutOfRange")
    require(0 <= params.divest_cooldown <= 90 * DAY, "DivestCooldownOutOfRange")
    require(8 * DAY <= params.inactivity_window <= YEAR, "InactivityWindowOutOfRange")
    require(params.messages_per_hour >= 1, "MessageRateTooLow")
    require(DAY <= change.parameter_timelock <= 90 * DAY, "TimelockOutOfRange")
    require(change.guardian != NOBODY, "GuardianMissing")


def check_signers(signers: tuple[Key, ...], threshold: int) -> None:
    """Refuses a treasury that nobody or not everybody named could use."""
    require(1 <= len(signers) <= MOST_SIGNERS, "TreasurySignerCount")
    require(1 <= threshold <= len(signers), "TreasuryThresholdInvalid")
    require(NOBODY not in signers and len(set(signers)) == len(signers), "TreasurySignerInvalid")
