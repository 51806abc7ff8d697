"""Transactions that end a part in a thread, or the thread: leave, retire, wind down, close."""

from __future__ import annotations

from pydantic import Field

from choir import instructions
from choir_api.auth.principal import Principal
from choir_api.chain.facts import Facts, gather
from choir_api.deps import Deps
from choir_api.errors import Forbidden
from choir_api.fields import Address, ThreadId
from choir_api.responses import Schema
from choir_api.transactions.building import Unsigned, build


class NamedThread(Schema):
    """A thread."""

    thread_id: ThreadId


class RetireAuthor(Schema):
    """A co-author who has done nothing for long."""

    thread_id: ThreadId
    author: Address


class EndingToSign(Unsigned):
    """The transaction that ends it."""

    thread_id: ThreadId
    thread: Address = Field(description="its address")


async def leave(deps: Deps, caller: Principal, wanted: NamedThread) -> EndingToSign:
    """The caller stops being a co-author; the program refuses while they have shares."""
    facts = await gather(deps.sender.rpc, caller.wallet, wanted.thread_id)
    facts.as_co_author()
    step = instructions.leave_thread(author=caller.wallet, thread=facts.address)
    return _to_sign(await build(deps.sender, [step], caller.wallet), facts)


async def retire(deps: Deps, caller: Principal, wanted: RetireAuthor) -> EndingToSign:
    """Another co-author is taken out of the set, having been inactive."""
    facts = await gather(deps.sender.rpc, caller.wallet, wanted.thread_id)
    facts.as_co_author()
    step = instructions.retire_author(
        author=caller.wallet, thread=facts.address, retiree=wanted.author
    )
    return _to_sign(await build(deps.sender, [step], caller.wallet), facts)


async def wind_down(deps: Deps, caller: Principal, wanted: NamedThread) -> EndingToSign:
    """The thread is wound down for good, by its only co-author."""
    facts = await gather(deps.sender.rpc, caller.wallet, wanted.thread_id)
    facts.as_co_author()
    step = instructions.wind_down_thread(author=caller.wallet, thread=facts.address)
    return _to_sign(await build(deps.sender, [step], caller.wallet), facts)


async def close(deps: Deps, caller: Principal, wanted: NamedThread) -> EndingToSign:
    """The thread is closed for good, and everything in it goes to its only co-author."""
    facts = await gather(deps.sender.rpc, caller.wallet, wanted.thread_id)
    thread, position = facts.a_thread(), facts.position
    if position is None or caller.wallet not in thread.co_authors:
        raise Forbidden(
            f"{caller.wallet} is not a co-author of {wanted.thread_id!r}", code="not_co_author"
        )
    step = instructions.close_thread(
        author=caller.wallet,
        thread=facts.address,
        creator=thread.creator,
        rent_payer=position.rent_payer,
        stake_mint=facts.config.stake_mint,
        token_program=facts.config.token_program,
    )
    return _to_sign(await build(deps.sender, [step], caller.wallet), facts)


def _to_sign(unsigned: Unsigned, facts: Facts) -> EndingToSign:
    return EndingToSign(**unsigned.model_dump(), thread_id=facts.thread_id, thread=facts.address)
