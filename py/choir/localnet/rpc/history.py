"""Methods about blocks and past transactions."""

from __future__ import annotations

from typing import Any

import base58
from solders.transaction import VersionedTransaction

from choir.localnet.commitment import Commitment
from choir.localnet.errors import (
    BLOCK_CLEANED_UP,
    BLOCK_NOT_AVAILABLE,
    FILTER_TRANSACTION_NOT_FOUND,
    SLOT_SKIPPED,
    RpcError,
    invalid_params,
)
from choir.localnet.model import Block, TransactionRecord
from choir.localnet.rpc.context import Context, method
from choir.localnet.rpc.params import Config, Params, signature
from choir.localnet.transaction_json import (
    DETAILS,
    TRANSACTION_ENCODINGS,
    block_json,
    transaction_json,
)

MAX_BLOCKS = 500_000
MAX_SIGNATURES = 1_000
_MEMO = "Memo"


def _confirmed_config(params: Params, index: int) -> tuple[Config, Commitment]:
    # These methods also take the encoding alone, as text.
    value = params.raw(index)
    config = Config({"encoding": value}) if isinstance(value, str) else params.config(index)
    commitment = config.commitment()
    if commitment is Commitment.PROCESSED:
        raise invalid_params("Method does not support commitment below `confirmed`")
    return config, commitment


def _max_version(config: Config) -> int | None:
    return config.integer("maxSupportedTransactionVersion")


@method("getTransaction", 2, 1)
def get_transaction(ctx: Context, params: Params) -> Any:
    """A landed transaction, or null."""
    text = params.signature(0)
    config, commitment = _confirmed_config(params, 1)
    encoding = config.choice("encoding", TRANSACTION_ENCODINGS, "json")
    max_version = _max_version(config)
    record = ctx.view.transaction(text, commitment)
    if record is None:
        return None
    return {
        "slot": record.slot,
        "blockTime": record.block_time,
        "transactionIndex": record.index,
        **transaction_json(record, encoding, max_version),
    }


@method("getBlock", 2, 1)
def get_block(ctx: Context, params: Params) -> Any:
    """A block."""
    slot = params.u64(0, "a slot")
    config, commitment = _confirmed_config(params, 1)
    encoding = config.choice("encoding", TRANSACTION_ENCODINGS, "json")
    details = config.choice("transactionDetails", DETAILS, "full")
    rewards = config.boolean("rewards", default=True)
    max_version = _max_version(config)
    block = _block(ctx, slot, commitment)
    return block_json(block, encoding, details, max_version, rewards=rewards)


@method("getBlockTime", 1, 1)
def get_block_time(ctx: Context, params: Params) -> Any:
    """When a block was made, Unix seconds."""
    return _block(ctx, params.u64(0, "a slot"), Commitment.CONFIRMED).time


@method("getBlocks", 3, 1)
def get_blocks(ctx: Context, params: Params) -> Any:
    """The slots between two that have a block."""
    start = params.u64(0, "a start slot")
    second = params.raw(1)
    if isinstance(second, dict):
        config, end = params.config(1), None
    else:
        config = params.config(2)
        end = None if second is None else params.u64(1, "an end slot")
    head = ctx.slot_at(_history_commitment(config), config)
    end = head if end is None else min(end, head)
    if end < start:
        return []
    if end - start > MAX_BLOCKS:
        raise invalid_params(f"Slot range too large; max {MAX_BLOCKS}")
    return ctx.chain.ledger.slots(start, end)


@method("getBlocksWithLimit", 3, 2)
def get_blocks_with_limit(ctx: Context, params: Params) -> Any:
    """The first slots from one on that have a block."""
    start = params.u64(0, "a start slot")
    limit = params.u64(1, "a limit")
    if limit > MAX_BLOCKS:
        raise invalid_params(f"Limit too large; max {MAX_BLOCKS}")
    config = params.config(2)
    head = ctx.slot_at(_history_commitment(config), config)
    return ctx.chain.ledger.slots(start, head)[:limit]


@method("getBlockCommitment", 1, 1)
def get_block_commitment(ctx: Context, params: Params) -> Any:
    """No stake votes here, so none is counted."""
    params.u64(0, "a slot")
    return {"commitment": None, "totalStake": 0}


@method("getSignaturesForAddress", 2, 1)
def get_signatures_for_address(ctx: Context, params: Params) -> Any:
    """The transactions that name an address, newest first."""
    address = params.pubkey(0, "an address")
    config = params.config(1)
    commitment = _history_commitment(config)
    head = ctx.slot_at(commitment, config)
    asked = config.integer("limit")
    limit = MAX_SIGNATURES if asked is None else asked
    if not 1 <= limit <= MAX_SIGNATURES:
        raise invalid_params(f"Invalid limit; max {MAX_SIGNATURES}")
    before = signature(config.raw("before")) if "before" in config else None
    until = signature(config.raw("until")) if "until" in config else None
    start, stop = _position(ctx, before), _position(ctx, until)
    found: list[dict[str, Any]] = []
    for record in ctx.chain.ledger.of_address(address):
        here = (record.slot, record.index)
        if record.slot > head or (start is not None and here >= start):
            continue
        if before is not None and start is None:
            break
        if len(found) == limit or (stop is not None and here <= stop):
            break
        found.append(_signature_json(ctx, record))
    if len(found) < limit:
        for given, place in ((before, start), (until, stop)):
            if given is not None and place is None:
                raise RpcError(FILTER_TRANSACTION_NOT_FOUND, f"Transaction {given} not found")
    return found


def _position(ctx: Context, text: str | None) -> tuple[int, int] | None:
    record = None if text is None else ctx.chain.ledger.transaction(text)
    return None if record is None else (record.slot, record.index)


def _signature_json(ctx: Context, record: TransactionRecord) -> dict[str, Any]:
    return {
        "signature": record.signature,
        "slot": record.slot,
        "err": record.err,
        "memo": _memo(record),
        "blockTime": record.block_time,
        "confirmationStatus": ctx.view.heads.of(record.slot).label,
        "transactionIndex": record.index,
    }


def _memo(record: TransactionRecord) -> str | None:
    if not any(str(key).startswith(_MEMO) for key in record.account_keys):
        return None
    memos = []
    for instruction in VersionedTransaction.from_bytes(record.wire).message.instructions:
        if str(record.account_keys[instruction.program_id_index]).startswith(_MEMO):
            data = bytes(instruction.data)
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError:
                text = base58.b58encode(data).decode("ascii")
            memos.append(f"[{len(data)}] {text}")
    return "; ".join(memos) or None


def _history_commitment(config: Config) -> Commitment:
    commitment = config.commitment()
    if commitment is Commitment.PROCESSED:
        raise invalid_params("Method does not support commitment below `confirmed`")
    return commitment


def _block(ctx: Context, slot: int, commitment: Commitment) -> Block:
    if slot > ctx.view.heads.slot(commitment):
        raise RpcError(BLOCK_NOT_AVAILABLE, f"Block not available for slot {slot}")
    first = ctx.chain.ledger.first_slot
    if slot < first:
        raise RpcError(
            BLOCK_CLEANED_UP,
            f"Block {slot} cleaned up, does not exist on node. First available block: {first}",
        )
    block = ctx.chain.ledger.block(slot)
    if block is None:
        raise RpcError(
            SLOT_SKIPPED,
            f"Slot {slot} was skipped, or missing due to ledger jump to recent snapshot",
        )
    return block
