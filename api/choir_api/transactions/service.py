"""Signed transactions: checked to be the caller's and ours, sent, followed."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any, Literal

from pydantic import Field
from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from choir.errors import BlockhashExpired, MethodNotServed, failure_of
from choir.ids import PROGRAM_ID
from choir_api.auth.principal import Principal
from choir_api.chain.failures import translated
from choir_api.deps import Deps
from choir_api.errors import Forbidden, ValidationFailed
from choir_api.fields import TransactionSignature
from choir_api.floors import held
from choir_api.responses import Schema
from choir_indexer.store import read

ALLOWED_PROGRAMS = frozenset({PROGRAM_ID, COMPUTE_BUDGET})
MAX_TRANSACTION_BYTES = 1232
BLOCKHASH_BLOCKS = 150


class SignedTransaction(Schema):
    """A transaction of one of the building routes, signed by the caller's wallet."""

    transaction: str = Field(max_length=4096, description="base64, fully signed")
    last_valid_block_height: int | None = Field(
        default=None, ge=0, le=(1 << 64) - 1, description="as it was given with the transaction"
    )
    min_context_slot: int = Field(
        default=0, ge=0, le=(1 << 64) - 1, description="as it was given with the transaction"
    )


class Landed(Schema):
    """A transaction that ran without an error."""

    signature: TransactionSignature
    slot: int


class TransactionStatus(Schema):
    """What is known of a transaction."""

    signature: TransactionSignature
    status: Literal["unknown", "processed", "confirmed", "finalized", "failed"] = Field(
        description="`unknown`: the node has no trace of it (never arrived, expired, or too old)"
    )
    slot: int | None = None
    error: Any = Field(default=None, description="the node's JSON, when it failed")
    mirrored: bool = Field(description="the mirror is complete past its slot: reads show it")


async def submit(deps: Deps, caller: Principal, wanted: SignedTransaction) -> Landed:
    """Check the transaction and take it to its end.

    Raises:
        ValidationFailed: not a transaction, not of our program, or a signature that is not one.
        Forbidden: another wallet pays for it.
        Conflict: it failed, or its blockhash has expired.
        RateLimited: the wallet has too many under way.
        Unavailable: there are too many under way, or the node cannot be asked; the outcome may
            be unknown.
    """
    transaction = checked(wanted.transaction, caller.wallet)
    return await deps.admission.one(
        transaction.signatures[0],
        caller.wallet,
        lambda: held(deps, transaction, lambda: _sent(deps, transaction, wanted)),
    )


async def _sent(deps: Deps, transaction: VersionedTransaction, wanted: SignedTransaction) -> Landed:
    rpc, commitment = deps.sender.rpc, deps.settings.commitment
    signature = transaction.signatures[0]
    with translated():
        if not await _seen(deps, signature):
            await _refuse_hopeless(deps, transaction)
        until = wanted.last_valid_block_height
        # nobody can make a blockhash live longer by naming a height
        longest = await rpc.get_block_height(commitment=commitment) + BLOCKHASH_BLOCKS
        try:
            receipt = await deps.sender.submit(
                transaction,
                last_valid_block_height=min(until, longest) if until is not None else longest,
                min_context_slot=wanted.min_context_slot,
            )
        except BlockhashExpired:
            # the caller's height may have been too low for a transaction that ran all the same
            found = (await rpc.get_signature_statuses([signature], search_history=True)).value[0]
            if found is None or found.err is not None or not found.reached(commitment):
                raise
            return Landed(signature=signature, slot=found.slot)
    return Landed(signature=receipt.signature, slot=receipt.slot)


async def _seen(deps: Deps, signature: Signature) -> bool:
    """Whether the node knows the transaction already: then it may run, whatever is said now."""
    answer = await deps.sender.rpc.get_signature_statuses([signature], search_history=True)
    return answer.value[0] is not None


async def _refuse_hopeless(deps: Deps, transaction: VersionedTransaction) -> None:
    """Refuse at once what cannot run, instead of sending it until its blockhash would be dead.

    Raises:
        BlockhashExpired: the chain does not know its blockhash (any more).
        TransactionFailed: it fails when it is tried.
        RpcError: the node cannot be asked.
    """
    rpc, commitment = deps.sender.rpc, deps.settings.commitment
    signature = str(transaction.signatures[0])
    # the newest bank knows every blockhash that an older one has given out
    newest = {"commitment": "processed"}
    with suppress(MethodNotServed):
        valid = await rpc.request(
            "isBlockhashValid", [str(transaction.message.recent_blockhash), newest]
        )
        if isinstance(valid, dict) and valid.get("value") is False:
            raise BlockhashExpired(
                "the chain does not know the transaction's blockhash", signature=signature
            )
    tried = await rpc.simulate_transaction(
        bytes(transaction), sig_verify=False, replace_blockhash=False, commitment=commitment
    )
    # the blockhash may be younger than the bank it was tried on; it was looked at above
    if tried.value.err not in (None, "AlreadyProcessed", "BlockhashNotFound"):
        message = transaction.message
        raise failure_of(
            tried.value.err,
            tried.value.logs,
            programs=[str(message.account_keys[s.program_id_index]) for s in message.instructions],
            choir_program=str(PROGRAM_ID),
            signature=signature,
            simulated=True,
        )


async def status(deps: Deps, signature: Signature) -> TransactionStatus:
    """Ask the node, and compare with how far the mirror is."""
    with translated():
        answer = await deps.sender.rpc.get_signature_statuses([signature], search_history=True)
    found = answer.value[0]
    async with deps.database.read() as session:
        mark = await read.watermark(session)
        row = await read.transaction(session, bytes(signature))
    if found is None and row is None:
        return TransactionStatus(signature=signature, status="unknown", mirrored=False)
    if found is None:
        assert row is not None
        return TransactionStatus(
            signature=signature,
            status=row.commitment if row.error is None else "failed",
            slot=row.slot,
            error=row.error,
            mirrored=True,
        )
    confirmed: Any = found.confirmation or "processed"
    return TransactionStatus(
        signature=signature,
        status=confirmed if found.err is None else "failed",
        slot=found.slot,
        error=found.err,
        mirrored=mark is not None and mark.slot >= found.slot,
    )


def checked(text: str, payer: Pubkey) -> VersionedTransaction:
    """The transaction: signed in full, paid by `payer`, calling our program and nothing else.

    Raises:
        ValidationFailed, Forbidden: it is not.
    """
    transaction = _parsed(text)
    message = transaction.message
    keys = message.account_keys
    programs = []
    for step in message.instructions:
        if step.program_id_index >= len(keys):
            raise _invalid("it names its programs in an address lookup table")
        programs.append(keys[step.program_id_index])
    foreign = sorted({str(each) for each in programs if each not in ALLOWED_PROGRAMS})
    if foreign:
        raise _invalid(f"it calls {', '.join(foreign)}; only Choir's transactions are taken here")
    if PROGRAM_ID not in programs:
        raise _invalid(f"it does not call Choir ({PROGRAM_ID})")
    if keys[0] != payer:
        raise Forbidden(
            f"the transaction is {keys[0]}'s, and you are signed in as {payer}",
            code="wrong_signer",
            details={"fee_payer": str(keys[0])},
        )
    raw = to_bytes_versioned(message)
    required = keys[: message.header.num_required_signatures]
    if len(transaction.signatures) != len(required):
        raise _invalid(f"it needs {len(required)} signatures and has {len(transaction.signatures)}")
    for key, signature in zip(required, transaction.signatures, strict=True):
        if signature == Signature.default():
            raise _invalid(f"{key} has not signed it", "not_signed")
        if not signature.verify(key, raw):
            raise _invalid(f"its signature of {key} does not verify", "wrong_signature")
    return transaction


def _parsed(text: str) -> VersionedTransaction:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raise _invalid("it is not base64") from None
    if len(raw) > MAX_TRANSACTION_BYTES:
        raise _invalid(f"it has {len(raw)} bytes; the chain takes {MAX_TRANSACTION_BYTES}")
    try:
        transaction = VersionedTransaction.from_bytes(raw)
        transaction.sanitize()
    except Exception:  # noqa: BLE001 (solders has no common base for what it raises here)
        raise _invalid("its bytes are not a transaction") from None
    if bytes(transaction) != raw:
        raise _invalid("bytes follow the transaction")
    message = transaction.message
    if isinstance(message, MessageV0) and message.address_table_lookups:
        raise _invalid("it uses address lookup tables")
    return transaction


def _invalid(why: str, code: str = "invalid_transaction") -> ValidationFailed:
    return ValidationFailed(
        f"this transaction is not taken: {why}", code=code, field="body.transaction"
    )
