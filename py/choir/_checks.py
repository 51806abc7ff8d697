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
    PauseFamily,
    Position,
    PrivacyLevel,
    Spec,
    SpecStatus,
    Thread,
    ThreadStatus,
    claimable_now,
    counted_shares,
    decision_of,
    divest_from,
)
from choir.errors import ChoirProgramError
from choir.money import (
    count_message,
    deposit_is_too_coarse,
    format_amount,
    shares_for_deposit,
    shares_for_divest,
    value_of_shares,
)

__all__ = [
    "at_least",
    "can_claim",
    "can_clean_position",
    "can_close",
    "can_decide",
    "can_divest",
    "can_expire",
    "can_leave",
    "can_post",
    "can_retire",
    "can_submit",
    "can_withdraw",
    "co_author",
    "covers",
    "is_open",
    "not_closed",
    "pending",
    "running",
    "same_privacy",
    "settled",
    "shares_of_deposit",
    "shares_of_divestment",
    "sole_co_author",
    "when",
]

# programs/choir/src/constants.rs
HOUR = 3_600
MAX_CO_AUTHORS = 16
MAX_SHARES = (1 << 64) - 1


def when(seconds: int) -> str:
    """A time for a person: UTC, to the second."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, OSError, ValueError):
        return f"{seconds} s after 1970"


def running(config: Config, family: PauseFamily, now: int) -> None:
    """The family of instructions is not paused."""
    until = config.paused_until[family.place]
    if now < until:
        raise refused.Paused(f"{str(family.name).lower()} are paused until {when(until)}")


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


def not_closed(thread: Thread) -> None:
    """Something can still be taken out of the thread."""
    if thread.status is ThreadStatus.CLOSED:
        raise refused.ThreadClosed(f"the thread {thread.thread_id!r} is closed")


def is_open(thread: Thread) -> None:
    """The thread can be used."""
    not_closed(thread)
    if thread.status is ThreadStatus.CLOSING:
        raise refused.ThreadClosing(
            f"the thread {thread.thread_id!r} is being wound down: "
            "one can only divest, claim and close it"
        )


def co_author(thread: Thread, who: Pubkey) -> None:
    """The thread is open and the wallet one of its co-authors."""
    is_open(thread)
    if who not in thread.co_authors:
        raise refused.NotCoAuthor(f"{who} is not a co-author of the thread {thread.thread_id!r}")


def same_privacy(thread: Thread, expected: PrivacyLevel) -> None:
    """The thread has the level its author was told."""
    if thread.privacy is not expected:
        raise refused.PrivacyMismatch(
            f"the thread {thread.thread_id!r} is {_level(thread.privacy)}, "
            f"not {_level(expected)} as expected"
        )


def shares_of_deposit(thread: Thread, position: Position, amount: int) -> int:
    """What a deposit buys, as the chain stands. It buys something, and rounding takes little."""
    total = counted_shares(thread, position)
    shares = shares_for_deposit(amount, thread.balance, total)
    if shares == 0:
        raise refused.DepositBuysNoShare
    if deposit_is_too_coarse(amount, thread.balance, total):
        raise refused.DepositTooCoarse(
            f"over a thousandth of {amount} base units would be lost to rounding; a share is worth "
            f"about {thread.balance // total} base units: deposit a multiple of that, or more"
        )
    return shares


def shares_of_divestment(thread: Thread, position: Position, amount: int) -> int:
    """What a divestment costs, as the chain stands."""
    total = counted_shares(thread, position)
    return shares_for_divest(amount, thread.balance, total)


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


def can_decide(
    thread: Thread, spec: Spec, who: Pubkey, *, author_epoch: int, sequence: int, now: int
) -> None:
    """The co-author may decide on the spec now."""
    co_author(thread, who)
    pending(spec)
    if now >= spec.expires_at:
        raise refused.SpecWindowEnded(
            f"the window for decisions ended at {when(spec.expires_at)}; "
            "the spec can only be expired or withdrawn, which returns its stake"
        )
    if sequence != spec.sequence:
        raise refused.StaleSpec(
            f"this is submission {spec.sequence} of the thread, not {sequence}: the author has "
            "submitted the same content anew; look at it again before deciding"
        )
    if len(thread.co_authors) >= MAX_CO_AUTHORS and spec.author not in thread.co_authors:
        raise refused.ThreadFull(
            f"the thread {thread.thread_id!r} has {MAX_CO_AUTHORS} co-authors, so its author could "
            "not join; the spec can be withdrawn, or expires"
        )
    if author_epoch != thread.author_epoch:
        raise refused.StaleAuthorEpoch(
            f"the co-authors have changed (epoch {thread.author_epoch}, not {author_epoch}); "
            "look at the thread again before deciding"
        )
    if (made := decision_of(thread, spec, who)) is not None:
        said = "approved" if made is Decision.APPROVE else "denied"
        raise refused.AlreadyDecided(f"{who} has already {said} this spec")


def pending(spec: Spec) -> None:
    """The spec waits for decisions."""
    if spec.status is not SpecStatus.PENDING:
        raise refused.SpecNotPending(f"the spec was settled: {_outcome(spec)}")


def can_withdraw(thread: Thread, spec: Spec, now: int) -> None:
    """Nobody of the present co-authors has decided on the spec, or its window has ended."""
    pending(spec)
    decided = spec.approvals | spec.denials
    if now < spec.expires_at and spec.author_epoch == thread.author_epoch and decided:
        raise refused.SpecHasDecisions(
            f"{decided.bit_count()} of the co-authors have decided; "
            f"the spec can be withdrawn from {when(spec.expires_at)} on"
        )


def settled(spec: Spec) -> None:
    """The spec waits for nothing any more."""
    if spec.status is SpecStatus.PENDING:
        raise refused.SpecPending(f"the spec waits for decisions until {when(spec.expires_at)}")


def can_expire(spec: Spec, now: int) -> None:
    """The spec's window has ended without a settlement."""
    pending(spec)
    if now < spec.expires_at:
        raise refused.SpecWindowOpen(
            f"the co-authors may decide until {when(spec.expires_at)}; it can be expired then"
        )


def can_claim(thread: Thread, position: Position) -> None:
    """There is something to claim."""
    not_closed(thread)
    if claimable_now(thread, position) == 0:
        raise refused.NothingToClaim(
            f"{position.owner} has no rewards to claim in the thread {thread.thread_id!r}"
        )


def can_divest(config: Config, thread: Thread, position: Position, amount: int, now: int) -> None:
    """The amount may be taken out now. Terms are never harder than when the thread was opened."""
    not_closed(thread)
    if amount == 0:
        raise refused.AmountZero
    ready = divest_from(config, thread, position)
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
    is_winding_down = thread.status is ThreadStatus.CLOSING
    minimum = 0 if is_winding_down else min(config.params.min_thread_balance, thread.min_balance)
    if thread.balance - amount < minimum:
        raise refused.BalanceBelowMinimum(
            f"the thread must keep {_tokens(minimum, config)}; at most "
            f"{_tokens(max(thread.balance - minimum, 0), config)} can be taken out of it"
        )


def can_leave(thread: Thread, position: Position) -> None:
    """The co-author has nothing in the thread but rewards, and is not its last."""
    co_author(thread, position.owner)
    if position.shares:
        raise refused.SharesRemain(
            f"{position.owner} still has {position.shares} shares of {thread.thread_id!r}; "
            "divest them first"
        )
    if len(thread.co_authors) == 1:
        raise refused.LastCoAuthor


def can_retire(
    config: Config, thread: Thread, who: Pubkey, retiree: Pubkey, theirs: Position | None, now: int
) -> None:
    """One co-author may retire another, who has done nothing for long."""
    co_author(thread, who)
    if who == retiree:
        raise refused.CannotRetireSelf
    if retiree not in thread.co_authors or theirs is None:
        raise refused.RetireeNotCoAuthor(
            f"{retiree} is not a co-author of the thread {thread.thread_id!r}"
        )
    ready = theirs.last_action_at + config.params.inactivity_window
    if now < ready:
        raise refused.AuthorActive(
            f"{retiree} acted last at {when(theirs.last_action_at)}; "
            f"they may be retired from {when(ready)} on"
        )


def sole_co_author(thread: Thread, who: Pubkey) -> None:
    """The wallet is the only co-author left, and nothing is being decided."""
    not_closed(thread)
    if who not in thread.co_authors:
        raise refused.NotCoAuthor(f"{who} is not a co-author of the thread {thread.thread_id!r}")
    if len(thread.co_authors) > 1:
        raise refused.NotSoleCoAuthor(
            f"the thread {thread.thread_id!r} has {len(thread.co_authors)} co-authors"
        )
    if thread.pending_specs:
        raise refused.SpecsPending(
            f"{thread.pending_specs} specs wait for decisions; they must be settled, expired or "
            "withdrawn first"
        )


def can_close(thread: Thread, position: Position) -> None:
    """Everything in the thread is its only co-author's."""
    sole_co_author(thread, position.owner)
    owed = claimable_now(thread, position)
    if position.shares != thread.total_shares or owed != thread.total_claimable:
        raise refused.OthersHaveStake(
            f"others still have {thread.total_shares - position.shares} shares and rewards of "
            f"{thread.total_claimable - owed} base units in the thread {thread.thread_id!r}; wind "
            "it down, so that they can take all of it out"
        )


def can_clean_position(thread: Thread, position: Position) -> None:
    """The position is empty and nobody needs it."""
    if thread.status is not ThreadStatus.CLOSED and position.owner in thread.co_authors:
        raise refused.OwnerIsCoAuthor
    if position.shares or position.claimable:
        raise refused.PositionNotEmpty(
            f"{position.owner} still has {position.shares} shares and rewards of "
            f"{position.claimable} base units in the thread {thread.thread_id!r}"
        )


def _level(level: PrivacyLevel) -> str:
    return level.name.lower().replace("_", "-")


def _outcome(spec: Spec) -> str:
    name = spec.status.name.lower()
    return name if spec.status is SpecStatus.PENDING else f"{name} at {when(spec.resolved_at)}"


def _tokens(amount: int, config: Config) -> str:
    shown = format_amount(amount, config.mint_decimals)
    return f"{shown} tokens ({amount} base units)" if config.mint_decimals else f"{amount} tokens"
