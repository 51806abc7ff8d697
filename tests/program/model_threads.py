"""The instructions on threads and positions, in plain Python."""

from __future__ import annotations

from dataclasses import replace

from tests.program.model_rules import (
    EXITS,
    HOUR,
    MESSAGES,
    SETTINGS,
    THREADS,
    ceil_ratio,
    check_books,
    genesis_head,
    posted,
    rebased,
    record,
    removed,
    require_author,
    require_open,
    running,
    seen,
    settled,
    shares_for,
    touched,
)
from tests.program.model_state import (
    Draft,
    Key,
    Name,
    Outcome,
    Position,
    State,
    Thread,
    require,
    u64,
)


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
        min_balance=config.params.min_thread_balance,
        divest_cooldown=config.params.divest_cooldown,
        balance=deposit,
        total_shares=deposit,
    )
    payer, position = ("wallet", creator), ("position", thread_id, creator)
    name: Name = ("thread", thread_id)
    vault: Name = ("vault", thread_id)
    draft.create(payer, name, "Thread", thread_id in draft.threads, "ThreadAlreadyExists")
    draft.create_token(payer, vault, "AccountAlreadyExists")
    exists = (thread_id, creator) in draft.positions
    draft.create(payer, position, "Position", exists, "AccountAlreadyExists")
    draft.transfer(draft.own_token(creator), vault, deposit)
    draft.put(thread, Position(thread_id, creator, creator, now, deposit, last_stake_at=now))
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
        min_balance=thread.min_balance,
        divest_cooldown=thread.divest_cooldown,
        head=thread.head,
    )
    check_books(draft, thread)
    return draft.done()


def deposit(state: State, owner: Key, thread_id: str, amount: int, min_shares: int) -> Outcome:
    """Adds to a co-author's stake."""
    draft, now = Draft(state), state.now
    config, thread = draft.settings(), draft.thread(thread_id)
    position = draft.position(thread_id, owner)
    running(config, THREADS, now)
    require_open(thread)
    require_author(thread, owner)
    require(amount > 0, "AmountZero")
    draft.require_funds(draft.own_token(owner), amount)
    before = thread.balance
    position = seen(settled(thread, position), now)
    thread, position = rebased(draft, thread, position)
    shares = shares_for(thread, amount, min_shares)
    thread = replace(
        touched(thread, now),
        balance=u64(before + amount),
        total_shares=u64(thread.total_shares + shares),
    )
    position = replace(position, shares=u64(position.shares + shares), last_stake_at=now)
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


def divest(state: State, owner: Key, thread_id: str, amount: int, max_shares: int) -> Outcome:
    """Takes out of a thread, and burns shares for it."""
    draft, now = Draft(state), state.now
    config, thread = draft.settings(), draft.thread(thread_id)
    position = draft.position(thread_id, owner)
    running(config, EXITS, now)
    require(thread.status != "Closed", "ThreadClosed")
    require(amount > 0, "AmountZero")
    floor = cooldown = fewest = 0
    if thread.status == "Open":
        # Never harder than when the thread was opened, never harder than now.
        floor = min(config.params.min_thread_balance, thread.min_balance)
        cooldown = min(config.params.divest_cooldown, thread.divest_cooldown)
        fewest = 1
    require(now - position.last_stake_at >= cooldown, "DivestCooldown")
    before, left = thread.balance, thread.balance - amount
    position = seen(settled(thread, position), now)
    thread, position = rebased(draft, thread, position)
    require(left >= floor, "BalanceBelowMinimum")
    shares = ceil_ratio(amount, thread.total_shares, thread.balance)
    shares_left = thread.total_shares - shares
    require(shares_left >= fewest, "SharesBelowMinimum")
    require(shares <= max_shares, "SlippageExceeded")
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
    position = seen(settled(thread, position), now)
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


def post_message(
    state: State, author: Key, thread_id: str, content_hash: bytes, privacy: str
) -> Outcome:
    """Records a co-author's message."""
    draft, now = Draft(state), state.now
    config, thread = draft.settings(), draft.thread(thread_id)
    position = draft.position(thread_id, author)
    running(config, MESSAGES, now)
    require_open(thread)
    require_author(thread, author)
    require(thread.privacy == privacy, "PrivacyMismatch")
    position = seen(settled(thread, position), now)
    if position.window_count == 0 or now - position.window_start >= HOUR:
        position = replace(position, window_start=now, window_count=1)
    else:
        allowed = position.window_count < config.params.messages_per_hour
        require(allowed, "MessageRateExceeded")
        position = replace(position, window_count=position.window_count + 1)
    name: Name = ("message", thread_id, thread.message_count)
    thread = record(draft, touched(thread, now), author, author, content_hash, privacy)
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
    require_open(thread)
    require_author(thread, author)
    require(thread.privacy != level, "PrivacyUnchanged")
    position = seen(settled(thread, position), now)
    draft.put(position, touched(replace(thread, privacy=level), now))
    draft.emit(
        "PrivacyChanged",
        thread=("thread", thread_id),
        by=author,
        **{"from": thread.privacy, "to": level},
    )
    return draft.done()


def leave_thread(state: State, author: Key, thread_id: str) -> Outcome:
    """Takes a co-author without shares out of the set."""
    draft, now = Draft(state), state.now
    config, thread = draft.settings(), draft.thread(thread_id)
    position = draft.position(thread_id, author)
    running(config, EXITS, now)
    require_open(thread)
    require_author(thread, author)
    require(position.shares == 0, "SharesRemain")
    require(len(thread.co_authors) > 1, "LastCoAuthor")
    position = seen(settled(thread, position), now)
    thread = removed(touched(thread, now), author)
    draft.put(thread, position)
    draft.emit(
        "AuthorLeft",
        thread=("thread", thread_id),
        author=author,
        author_epoch=thread.author_epoch,
    )
    return draft.done()


def retire_author(state: State, author: Key, thread_id: str, retiree: Key) -> Outcome:
    """Takes a co-author out of the set who has done nothing for long. What is theirs stays."""
    draft, now = Draft(state), state.now
    config, thread = draft.settings(), draft.thread(thread_id)
    position, idle = draft.position(thread_id, author), draft.position(thread_id, retiree)
    running(config, SETTINGS, now)
    require_open(thread)
    require_author(thread, author)
    require(author != retiree, "CannotRetireSelf")
    require(retiree in thread.co_authors, "RetireeNotCoAuthor")
    quiet = now - idle.last_action_at >= config.params.inactivity_window
    require(quiet, "AuthorActive")
    draft.put(seen(settled(thread, position), now), settled(thread, idle))
    thread = removed(touched(thread, now), retiree)
    draft.put(thread)
    draft.emit(
        "AuthorRetired",
        thread=("thread", thread_id),
        author=retiree,
        by=author,
        author_epoch=thread.author_epoch,
        last_action_at=idle.last_action_at,
    )
    return draft.done()


def _require_sole(thread: Thread, author: Key) -> None:
    require_author(thread, author)
    require(len(thread.co_authors) == 1, "NotSoleCoAuthor")


def wind_down_thread(state: State, author: Key, thread_id: str) -> Outcome:
    """From here on a thread can only be emptied."""
    draft, now = Draft(state), state.now
    config, thread = draft.settings(), draft.thread(thread_id)
    running(config, EXITS, now)
    require_open(thread)
    _require_sole(thread, author)
    require(thread.pending_specs == 0, "SpecsPending")
    thread = touched(replace(thread, status="Closing"), now)
    draft.put(thread)
    draft.emit(
        "ThreadClosing",
        thread=("thread", thread_id),
        by=author,
        balance=thread.balance,
        total_claimable=thread.total_claimable,
    )
    return draft.done()


def close_thread(state: State, author: Key, thread_id: str) -> Outcome:
    """Empties a thread for its sole co-author; the account stays as a tombstone."""
    draft, now = Draft(state), state.now
    config, thread = draft.settings(), draft.thread(thread_id)
    position = draft.position(thread_id, author)
    running(config, EXITS, now)
    require(thread.status != "Closed", "ThreadClosed")
    _require_sole(thread, author)
    require(thread.pending_specs == 0, "SpecsPending")
    position = settled(thread, position)
    alone = position.shares == thread.total_shares
    alone = alone and position.claimable == thread.total_claimable
    require(alone, "OthersHaveStake")
    vault: Name = ("vault", thread_id)
    paid = draft.tokens[vault]
    draft.transfer(vault, draft.own_token(author), paid)
    draft.close(vault, thread.creator)
    draft.close(("position", thread_id, author), position.rent_payer)
    draft.put(
        touched(replace(thread, status="Closed", balance=0, total_claimable=0, total_shares=0), now)
    )
    draft.emit(
        "ThreadClosed",
        thread=("thread", thread_id),
        by=author,
        paid=paid,
        shares_burned=thread.total_shares,
        balance_before=thread.balance,
        claimable_before=thread.total_claimable,
    )
    return draft.done()


def cleanup_position(state: State, thread_id: str, owner: Key) -> Outcome:
    """Closes a position with nothing in it whose owner is no co-author; anybody may."""
    draft = Draft(state)
    thread, position = draft.thread(thread_id), draft.position(thread_id, owner)
    gone = thread.status == "Closed" or owner not in thread.co_authors
    require(gone, "OwnerIsCoAuthor")
    require(position.shares == 0 and position.claimable == 0, "PositionNotEmpty")
    draft.close(("position", thread_id, owner), position.rent_payer)
    draft.emit("PositionCleaned", thread=("thread", thread_id), owner=owner)
    return draft.done()
