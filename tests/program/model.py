"""The program in plain Python: every instruction as a function from a state to the next.

Written from the design, not from the library: formulas, order of checks and all. An instruction
returns the state after it and its events, or raises :class:`Refusal` with the program's error.
Where several errors apply, the one raised is the program's: the order of the checks is part of
what the model says.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

from tests.program.model_state import (
    CONFIG,
    NOBODY,
    TREASURY,
    TREASURY_VAULT,
    U64,
    Config,
    Draft,
    Key,
    Message,
    Name,
    Outcome,
    Params,
    Position,
    Refusal,
    Spec,
    SpecId,
    State,
    Thread,
    Treasury,
    require,
    sha256,
    u64,
)

HOUR, DAY = 3_600, 86_400
YEAR = 365 * DAY
MOST_AUTHORS, MOST_SIGNERS, FEWEST_SHARES = 16, 11, 1_000
THREADS, MESSAGES, SPECS, DECISIONS, EXITS, SETTINGS = 1, 2, 4, 8, 16, 32


# ---- helpers


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
    require(not config.pause_bits & family or now >= config.paused_until, "Paused")


def settled(thread: Thread, position: Position, now: int) -> Position:
    """A position after its rewards were counted and its owner was seen."""
    position = replace(position, last_action_at=max(position.last_action_at, now))
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


def bought(thread: Thread, amount: int) -> tuple[Thread, int]:
    """A thread after a deposit, and the shares it bought."""
    shares = (
        amount
        if thread.total_shares == 0
        else floor_ratio(amount, thread.total_shares, thread.balance)
    )
    require(shares > 0, "DepositBuysNoShare")
    balance = u64(thread.balance + amount)
    return replace(thread, balance=balance, total_shares=u64(thread.total_shares + shares)), shares


def check_books(draft: Draft, thread: Thread) -> None:
    """Refuses when the vault does not cover what the thread owes."""
    vault = draft.tokens["vault", thread.thread_id]
    require(vault >= u64(thread.balance + thread.total_claimable), "VaultInsolvent")


def record(draft: Draft, thread: Thread, author: Key, payer: Key, content: bytes) -> Thread:
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
        privacy=thread.privacy,
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


def check_params(params: Params) -> None:
    """Refuses settings outside their ranges."""
    require(params.min_stake >= 1, "MinStakeTooLow")
    require(params.min_thread_balance >= FEWEST_SHARES, "MinThreadBalanceTooLow")
    require(1 <= params.approval_window <= YEAR, "ApprovalWindowOutOfRange")
    require(0 <= params.divest_cooldown <= YEAR, "DivestCooldownOutOfRange")
    require(1 <= params.inactivity_window <= YEAR, "InactivityWindowOutOfRange")
    require(params.messages_per_hour >= 1, "MessageRateTooLow")


def check_signers(signers: tuple[Key, ...], threshold: int) -> None:
    """Refuses a treasury that nobody or not everybody named could use."""
    require(1 <= len(signers) <= MOST_SIGNERS, "TreasurySignerCount")
    require(1 <= threshold <= len(signers), "TreasuryThresholdInvalid")
    require(NOBODY not in signers and len(set(signers)) == len(signers), "TreasurySignerInvalid")


# ---- instructions


def initialize(
    state: State,
    authority: Key,
    params: Params,
    guardian: Key,
    treasury_signers: tuple[Key, ...],
    treasury_threshold: int,
    parameter_timelock: int,
) -> Outcome:
    """Sets the program up."""
    draft = Draft(state)
    require(authority == state.upgrade_authority, "NotUpgradeAuthority")
    check_params(params)
    require(0 <= parameter_timelock <= 90 * DAY, "TimelockOutOfRange")
    require(guardian != NOBODY, "GuardianMissing")
    check_signers(treasury_signers, treasury_threshold)
    payer: Name = ("wallet", authority)
    draft.create(payer, CONFIG, "Config", state.config is not None, "AlreadyInitialized")
    draft.create(payer, TREASURY, "Treasury", state.treasury is not None, "AlreadyInitialized")
    draft.create_token(payer, TREASURY_VAULT, "AlreadyInitialized")
    draft.config = Config(authority, guardian, params, parameter_timelock)
    draft.treasury = Treasury(treasury_threshold, treasury_signers)
    draft.emit(
        "Initialized",
        authority=authority,
        guardian=guardian,
        stake_mint=("mint",),
        token_program=("token_program",),
        treasury_vault=TREASURY_VAULT,
        params=params,
        parameter_timelock=parameter_timelock,
    )
    return draft.done()


def create_thread(
    state: State, creator: Key, thread_id: str, deposit: int, privacy: str
) -> Outcome:
    """Opens a thread."""
    draft, now = Draft(state), state.now
    config = draft.settings()
    running(config, THREADS, now)
    require(1 <= len(thread_id.encode()) <= 64, "ThreadIdLength")
    require(deposit >= config.params.min_thread_balance, "DepositBelowMinimum")
    draft.require_funds(draft.own_token(creator), deposit)
    thread = Thread(
        thread_id=thread_id,
        creator=creator,
        privacy=privacy,
        created_at=now,
        updated_at=now,
        head=genesis_head(thread_id),
        co_authors=(creator,),
    )
    thread, shares = bought(thread, deposit)
    payer, position = ("wallet", creator), ("position", thread_id, creator)
    name: Name = ("thread", thread_id)
    vault: Name = ("vault", thread_id)
    draft.create(payer, name, "Thread", thread_id in draft.threads, "ThreadAlreadyExists")
    draft.create_token(payer, vault, "AccountAlreadyExists")
    exists = (thread_id, creator) in draft.positions
    draft.create(payer, position, "Position", exists, "AccountAlreadyExists")
    draft.transfer(draft.own_token(creator), vault, deposit)
    draft.put(thread, Position(thread_id, creator, creator, now, shares, last_stake_at=now))
    draft.emit(
        "ThreadCreated",
        thread=name,
        creator=creator,
        thread_id=thread_id,
        vault=vault,
        privacy=privacy,
        deposit=deposit,
        balance_after=thread.balance,
        shares_after=thread.total_shares,
        head=thread.head,
    )
    check_books(draft, thread)
    return draft.done()


def deposit(state: State, owner: Key, thread_id: str, amount: int) -> Outcome:
    """Adds to a co-author's stake."""
    draft, now = Draft(state), state.now
    config, thread = draft.settings(), draft.thread(thread_id)
    position = draft.position(thread_id, owner)
    running(config, THREADS, now)
    require(thread.status == "Open", "ThreadClosed")
    require_author(thread, owner)
    require(amount > 0, "AmountZero")
    draft.require_funds(draft.own_token(owner), amount)
    before = thread.balance
    position = settled(thread, position, now)
    thread, shares = bought(thread, amount)
    position = replace(position, shares=u64(position.shares + shares), last_stake_at=now)
    thread = touched(thread, now)
    draft.transfer(draft.own_token(owner), ("vault", thread_id), amount)
    draft.put(thread, position)
    draft.emit(
        "Deposited",
        thread=("thread", thread_id),
        owner=owner,
        amount=amount,
        shares_minted=shares,
        balance_before=before,
        balance_after=thread.balance,
        shares_after=thread.total_shares,
    )
    check_books(draft, thread)
    return draft.done()


def divest(state: State, owner: Key, thread_id: str, amount: int) -> Outcome:
    """Takes out of a thread, and burns shares for it."""
    draft, now = Draft(state), state.now
    config, thread = draft.settings(), draft.thread(thread_id)
    position = draft.position(thread_id, owner)
    running(config, EXITS, now)
    require(thread.status == "Open", "ThreadClosed")
    require(amount > 0, "AmountZero")
    cooled = now - position.last_stake_at >= config.params.divest_cooldown
    require(cooled, "DivestCooldown")
    before, left = thread.balance, thread.balance - amount
    position = settled(thread, position, now)
    require(left >= config.params.min_thread_balance, "BalanceBelowMinimum")
    shares = ceil_ratio(amount, thread.total_shares, thread.balance)
    shares_left = thread.total_shares - shares
    require(shares_left >= FEWEST_SHARES, "SharesBelowMinimum")
    require(position.shares >= shares, "InsufficientShares")
    position = replace(position, shares=position.shares - shares, last_stake_at=now)
    thread = touched(replace(thread, balance=left, total_shares=shares_left), now)
    draft.transfer(("vault", thread_id), draft.own_token(owner), amount)
    draft.put(thread, position)
    draft.emit(
        "Divested",
        thread=("thread", thread_id),
        owner=owner,
        amount=amount,
        shares_burned=shares,
        balance_before=before,
        balance_after=left,
        shares_after=shares_left,
    )
    check_books(draft, thread)
    return draft.done()


def claim(state: State, owner: Key, thread_id: str) -> Outcome:
    """Pays a position's rewards out."""
    draft, now = Draft(state), state.now
    config, thread = draft.settings(), draft.thread(thread_id)
    position = draft.position(thread_id, owner)
    running(config, EXITS, now)
    position = settled(thread, position, now)
    amount, before = position.claimable, thread.total_claimable
    require(amount > 0, "NothingToClaim")
    require(before >= amount, "VaultInsolvent")
    thread = touched(replace(thread, total_claimable=before - amount), now)
    draft.transfer(("vault", thread_id), draft.own_token(owner), amount)
    draft.put(thread, replace(position, claimable=0))
    draft.emit(
        "RewardClaimed",
        thread=("thread", thread_id),
        owner=owner,
        amount=amount,
        total_claimable_before=before,
        total_claimable_after=before - amount,
    )
    check_books(draft, thread)
    return draft.done()


def post_message(state: State, author: Key, thread_id: str, content_hash: bytes) -> Outcome:
    """Records a co-author's message."""
    draft, now = Draft(state), state.now
    config, thread = draft.settings(), draft.thread(thread_id)
    position = draft.position(thread_id, author)
    running(config, MESSAGES, now)
    require(thread.status == "Open", "ThreadClosed")
    require_author(thread, author)
    position = settled(thread, position, now)
    if position.window_count == 0 or now - position.window_start >= HOUR:
        position = replace(position, window_start=now, window_count=1)
    else:
        allowed = position.window_count < config.params.messages_per_hour
        require(allowed, "MessageRateExceeded")
        position = replace(position, window_count=position.window_count + 1)
    name: Name = ("message", thread_id, thread.message_count)
    thread = record(draft, touched(thread, now), author, author, content_hash)
    draft.create(("wallet", author), name, "Message", False, "AccountAlreadyExists")
    draft.put(thread, position)
    message = draft.messages[thread_id, thread.message_count - 1]
    draft.emit("MessagePosted", **posted(message, thread))
    return draft.done()


def set_privacy(state: State, author: Key, thread_id: str, level: str) -> Outcome:
    """Sets who may read the messages to come."""
    draft, now = Draft(state), state.now
    config, thread = draft.settings(), draft.thread(thread_id)
    position = draft.position(thread_id, author)
    running(config, SETTINGS, now)
    require(thread.status == "Open", "ThreadClosed")
    require_author(thread, author)
    require(thread.privacy != level, "PrivacyUnchanged")
    draft.put(settled(thread, position, now), touched(replace(thread, privacy=level), now))
    draft.emit(
        "PrivacyChanged",
        thread=("thread", thread_id),
        by=author,
        **{"from": thread.privacy, "to": level},
    )
    return draft.done()


__all__ = [
    "U64",
    "Config",
    "Draft",
    "Outcome",
    "Params",
    "Refusal",
    "Spec",
    "SpecId",
    "State",
    "claim",
    "create_thread",
    "deposit",
    "divest",
    "initialize",
    "owed",
    "post_message",
    "set_privacy",
]
