"""A call while faults wait: by a node that is behind, or with a fork or an expiry around it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from typing import Any

from choir.localnet.blockhashes import MAX_PROCESSING_AGE
from choir.localnet.faults import CHAIN, NODE, Fault
from choir.localnet.rpc.context import Context, Handler
from choir.localnet.rpc.params import Params


def disturbed(ctx: Context, name: str, handler: Handler, params: Params) -> Any | Awaitable[Any]:
    """What the handler answers, with the faults of the node and the chain that hit the call."""
    lag = ctx.faults.take(NODE, [name])
    if lag is not None:
        ctx = ctx.behind(lag.slots)
    turn = ctx.faults.take(CHAIN, [name])
    return handler(ctx, params) if turn is None else _turned(ctx, turn, handler, params)


async def _turned(ctx: Context, fault: Fault, handler: Handler, params: Params) -> Any:
    if fault.before:
        await _happen(ctx, fault)
    try:
        result = handler(ctx, params)
        return await result if inspect.isawaitable(result) else result
    finally:
        if not fault.before:
            await _happen(ctx, fault)


async def _happen(ctx: Context, fault: Fault) -> None:
    if fault.kind == "fork":
        # As deep as it goes: what is final stays, whatever the fault asks for.
        slots = min(fault.slots, ctx.chain.unrooted)
        if slots:
            await ctx.producer.rollback(slots, fault.reland)
    elif fault.kind == "expire":
        await expire_blockhashes(ctx)
    else:
        await ctx.producer.advance(fault.slots)


async def expire_blockhashes(ctx: Context) -> None:
    """Make every blockhash handed out so far too old, by as many blocks as that takes."""
    ctx.chain.bank.forget_blockhashes()
    await ctx.producer.advance(MAX_PROCESSING_AGE + 1)
