"""What would be refused, said before anything is sent.

Each check raises the class the program itself would answer with, and says the amounts, the
addresses or the time. They read what the chain was a moment ago: the program decides.
"""

from __future__ import annotations

from datetime import UTC, datetime

from solders.pubkey import Pubkey

from choir import program_errors as refused
from choir.accounts import (
    Config,
    Decision,
    Position,
    Spec,
    SpecStatus,
    Thread,
    ThreadStatus,
    claimable_now,
    decision_of,
)
from choir.errors import ChoirProgramError
from choir.money import count_message, format_amount, shares_for_deposit, value_of_shares

__all__ = [
    "at_least",
    "can_claim",
    "can_decide",
    "can_divest",
    "can_expire",
    "can_post",
    "co_author",
    "covers",
    "running",
    "worth_a_share",
]

# programs/choir/src/constants.rs
HOUR = 3_600
MAX_CO_AUTHORS = 16
PAUSE_THREADS, PAUSE_MESSAGES, PAUSE_SPECS, PAUSE_DECISIONS, PAUSE_EXITS, PAUSE_SETTINGS = (
    1 << bit for bit in range(6)
)


def when(seconds: int) -> str:
    """A time for a person: UTC, to the second."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, OSError, ValueError):
        return f"{seconds} s after 1970"


def running(config: Config, family: int, now: int) -> None:
    """The family of instructions is not paused."""
    if config.pause_bits & family and now < config.paused_until:
        raise refused.Paused(f"paused until {when(config.paused_until)}")


def at_least(amount: int, minimum: int, config: Config, error: type[ChoirProgramError]) -> None:
    """An amount is not zero and not below a minimum."""
    if amount == 0:
        raise refused.AmountZero
    if amount < minimum:
        raise error(f"{_tokens(amount, config)} is below the minimum of {_tokens(minimum, config)}")


def covers(balance: int, amount: int, config: Config, owner: Pubkey) -> None:
    """A wallet's tokens are enough."""
    if balance < amount:
        raise refused.InsufficientFunds(
            f"{owner} holds {_tokens(balance, config)} of the stake mint {config.stake_mint}; "
            f"{_tokens(amount, config)} are needed"
        )


def is_open(thread: Thread) -> None:
    """The thread can be used."""
    if thread.status is not ThreadStatus.OPEN:
        raise refused.ThreadClosed(f"the thread {thread.thread_id!r} is closed")


def co_author(thread: Thread, who: Pubkey) -> None:
    """The thread is open and the wallet one of its co-authors."""
    is_open(thread)
    if who not in thread.co_authors:
        raise refused.NotCoAuthor(f"{who} is not a co-author of the thread {thread.thread_id!r}")


def worth_a_share(thread: Thread, amount: int) -> None:
    """A deposit buys something."""
    if shares_for_deposit(amount, thread.balance, thread.total_shares) == 0:
        raise refused.DepositBuysNoShare


def can_post(config: Config, position: Position, now: int) -> None:
    """The hour has room for one more message."""
    limit = config.params.messages_per_hour
    if count_message(position.window_start, position.window_count, now, HOUR, limit) is None:
        raise refused.MessageRateExceeded(
            f"{limit} messages were posted within the hour; the next may be posted at "
            f"{when(position.window_start + HOUR)}"
        )


def can_submit(thread: Thread, author: Pubkey, spec: Spec | None) -> None:
    """The author may submit this content to the thread."""
    is_open(thread)
    if author in thread.co_authors:
        raise refused.CoAuthorCannotSubmit(
            f"{author} is already a co-author of {thread.thread_id!r} and posts directly"
        )
    if len(thread.co_authors) >= MAX_CO_AUTHORS:
        raise refused.ThreadFull(
            f"the thread {thread.thread_id!r} has {MAX_CO_AUTHORS} co-authors; no seat is free"
        )
    if spec is not None:
        raise refused.SpecAlreadyExists(
            f"{author} submitted this content to {thread.thread_id!r} at "
            f"{when(spec.submitted_at)} ({_outcome(spec)})"
        )


def can_decide(thread: Thread, spec: Spec, who: Pubkey, author_epoch: int, now: int) -> None:
    """The co-author may decide on the spec now."""
    co_author(thread, who)
    if spec.status is not SpecStatus.PENDING:
        raise refused.SpecNotPending(f"the spec was settled: {_outcome(spec)}")
    if now >= spec.expires_at:
        raise refused.SpecWindowEnded(
            f"the window for decisions ended at {when(spec.expires_at)}; "
            "the spec can only be expired, which returns its stake"
        )
    if author_epoch != thread.author_epoch:
        raise refused.StaleAuthorEpoch(
            f"the co-authors have changed (epoch {thread.author_epoch}, not {author_epoch}); "
            "look at the thread again before deciding"
        )
    if (made := decision_of(thread, spec, who)) is not None:
        said = "approved" if made is Decision.APPROVE else "denied"
        raise refused.AlreadyDecided(f"{who} has already {said} this spec")


def can_expire(spec: Spec, now: int) -> None:
    """The spec's window has ended without a settlement."""
    if spec.status is not SpecStatus.PENDING:
        raise refused.SpecNotPending(f"the spec was settled: {_outcome(spec)}")
    if now < spec.expires_at:
        raise refused.SpecWindowOpen(
            f"the co-authors may decide until {when(spec.expires_at)}; it can be expired then"
        )


def can_claim(thread: Thread, position: Position) -> None:
    """There is something to claim."""
    if claimable_now(thread, position) == 0:
        raise refused.NothingToClaim(
            f"{position.owner} has no rewards to claim in the thread {thread.thread_id!r}"
        )


def can_divest(config: Config, thread: Thread, position: Position, amount: int, now: int) -> None:
    """The amount may be taken out now."""
    is_open(thread)
    if amount == 0:
        raise refused.AmountZero
    ready = position.last_stake_at + config.params.divest_cooldown
    if now < ready:
        raise refused.DivestCooldown(
            f"the last deposit or divestment was at {when(position.last_stake_at)}; "
            f"the next divestment may be made at {when(ready)}"
        )
    worth = value_of_shares(position.shares, thread.balance, thread.total_shares)
    if amount > worth:
        raise refused.InsufficientShares(
            f"{position.owner} can take out at most {_tokens(worth, config)} of the thread "
            f"{thread.thread_id!r}, not {_tokens(amount, config)}"
        )
    left, minimum = thread.balance - amount, config.params.min_thread_balance
    if left < minimum:
        raise refused.BalanceBelowMinimum(
            f"the thread must keep {_tokens(minimum, config)}; at most "
            f"{_tokens(max(thread.balance - minimum, 0), config)} can be taken out of it"
        )


def _outcome(spec: Spec) -> str:
    name = spec.status.name.lower()
    return name if spec.status is SpecStatus.PENDING else f"{name} at {when(spec.resolved_at)}"


def _tokens(amount: int, config: Config) -> str:
    shown = format_amount(amount, config.mint_decimals)
    return f"{shown} tokens ({amount} base units)" if config.mint_decimals else f"{amount} tokens"
