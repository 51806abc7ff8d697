"""Transactions that move a co-author's tokens into or out of a thread."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import Field

from choir import instructions
from choir.accounts import Position, Thread, claimable_now, counted_shares, divest_from
from choir.ids import position_pda
from choir.money import PRICE_TOLERANCE, at_least, at_most, shares_for_deposit, shares_for_divest
from choir_api.auth.principal import Principal
from choir_api.chain.facts import Facts, gather, require_balance
from choir_api.deps import Deps
from choir_api.errors import ApiError, Conflict, Forbidden, ValidationFailed
from choir_api.fields import Address, Amount, ThreadId
from choir_api.responses import Schema
from choir_api.transactions.building import Unsigned, build


class MoveTokens(Schema):
    """An amount into or out of a thread."""

    thread_id: ThreadId
    amount: Amount
    tolerance: int = Field(
        default=PRICE_TOLERANCE,
        ge=0,
        le=10_000,
        description="how far the price of a share may move before the transaction is refused, "
        "in ten-thousandths",
    )


class ClaimRewards(Schema):
    """All rewards of the caller in a thread."""

    thread_id: ThreadId


class TokensToSign(Unsigned):
    """The transaction that moves the tokens."""

    thread_id: ThreadId
    thread: Address
    position: Address
    amount: Amount


async def deposit(deps: Deps, caller: Principal, wanted: MoveTokens) -> TokensToSign:
    """Add to a co-author's stake."""
    facts = await gather(deps.sender.rpc, caller.wallet, wanted.thread_id)
    thread, position = facts.as_co_author(), _position(facts)
    _positive(wanted.amount)
    total = counted_shares(thread, position)
    shares = shares_for_deposit(wanted.amount, thread.balance, total)
    await require_balance(deps.sender.rpc, facts, wanted.amount, "the deposit")
    step = instructions.deposit(
        owner=caller.wallet,
        thread=facts.address,
        amount=wanted.amount,
        min_shares=at_least(shares, wanted.tolerance),
        stake_mint=facts.config.stake_mint,
        token_program=facts.config.token_program,
    )
    return _to_sign(await build(deps.sender, [step], caller.wallet), facts, wanted.amount)


async def divest(deps: Deps, caller: Principal, wanted: MoveTokens) -> TokensToSign:
    """Take an amount out, after the cooldown and not below the thread's minimum."""
    facts = await gather(deps.sender.rpc, caller.wallet, wanted.thread_id)
    thread = facts.a_thread()
    position = _position(facts)
    _positive(wanted.amount)
    total = counted_shares(thread, position)
    # more than there is needs no limit: the program refuses it by name
    shares = shares_for_divest(min(wanted.amount, thread.balance), thread.balance, total)
    step = instructions.divest(
        owner=caller.wallet,
        thread=facts.address,
        amount=wanted.amount,
        max_shares=at_most(shares, wanted.tolerance),
        stake_mint=facts.config.stake_mint,
        token_program=facts.config.token_program,
    )
    try:
        unsigned = await build(deps.sender, [step], caller.wallet)
    except ApiError as error:
        if error.code == "divest_cooldown":  # the chain's clock decides, not ours
            raise _too_early(position, thread, facts) from error
        if error.code == "balance_below_minimum":
            minimum = min(facts.config.params.min_thread_balance, thread.min_balance)
            free = max(0, thread.balance - minimum)
            raise Conflict(
                f"the thread holds {thread.balance} base units and must keep {minimum}; "
                f"at most {free} can leave",
                code=error.code,
                details={"minimum": str(minimum), "free": str(free)},
            ) from error
        raise
    return _to_sign(unsigned, facts, wanted.amount)


async def claim(deps: Deps, caller: Principal, wanted: ClaimRewards) -> TokensToSign:
    """Pay out what approvals have earned."""
    facts = await gather(deps.sender.rpc, caller.wallet, wanted.thread_id)
    amount = claimable_now(facts.a_thread(), _position(facts))
    step = instructions.claim(
        owner=caller.wallet,
        thread=facts.address,
        stake_mint=facts.config.stake_mint,
        token_program=facts.config.token_program,
    )
    return _to_sign(await build(deps.sender, [step], caller.wallet), facts, amount)


def _positive(amount: int) -> None:
    if amount == 0:
        raise ValidationFailed(
            "the amount must not be zero", code="amount_zero", field="body.amount"
        )


def _position(facts: Facts) -> Position:
    if facts.position is None:
        raise Forbidden(f"{facts.wallet} has no stake in {facts.thread_id!r}", code="no_position")
    return facts.position


def _too_early(position: Position, thread: Thread, facts: Facts) -> Conflict:
    until_s = divest_from(facts.config, thread, position)
    until = datetime.fromtimestamp(until_s, UTC)
    return Conflict(
        f"stakes can leave {until_s - position.last_stake_at} s after one's last deposit or "
        f"divestment: from {until:%Y-%m-%d %H:%M:%S} UTC on",
        code="divest_cooldown",
        details={"until": until.isoformat(), "until_unix": until_s},
    )


def _to_sign(unsigned: Unsigned, facts: Facts, amount: int) -> TokensToSign:
    return TokensToSign(
        **unsigned.model_dump(),
        thread_id=facts.thread_id,
        thread=facts.address,
        position=position_pda(facts.address, facts.wallet),
        amount=amount,
    )
