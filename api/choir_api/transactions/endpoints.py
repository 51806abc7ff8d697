"""``/v1/transaction``: take a signed transaction to its end, or say what became of one."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from choir_api.auth.dependencies import OPTIONAL_AUTH, Writer, limited
from choir_api.deps import Given
from choir_api.fields import TransactionSignature
from choir_api.responses import Success, refusals, success
from choir_api.transactions import service
from choir_api.transactions.service import Landed, SignedTransaction, TransactionStatus

router = APIRouter(prefix="/transaction", tags=["transactions"])


@router.post(
    "",
    responses=refusals(400, 401, 403, 409, 413, 429, 503),
    dependencies=[Depends(limited("actions"))],
)
async def submit_transaction(
    request: Request, deps: Given, writer: Writer, body: SignedTransaction
) -> Success[Landed]:
    """Send a transaction that the wallet has signed, until its fate is known.

    It is sent again until it lands or its blockhash is dead; the answer is either that it
    ran without an error, or why not. Sending the same transaction again is harmless.
    """
    landed = await service.submit(deps, writer, body)
    return success(request, landed, slot=landed.slot, commitment=deps.settings.commitment)


@router.get(
    "/{signature}",
    responses=refusals(400, 401, 429, 503),
    dependencies=[Depends(limited("lookups"))],
    openapi_extra=OPTIONAL_AUTH,
)
async def follow_transaction(
    request: Request, deps: Given, signature: TransactionSignature
) -> Success[TransactionStatus]:
    """What became of a transaction on the chain, and whether the mirror has passed it."""
    return success(request, await service.status(deps, signature))
