"""Landed transactions as bytes and back, for the journal."""

from __future__ import annotations

import msgpack
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from choir.localnet.model import (
    InnerCall,
    InnerInstructions,
    TokenBalance,
    TransactionRecord,
)


def pack_record(record: TransactionRecord) -> bytes:
    """The record without what its row and its wire form say."""
    return bytes(
        msgpack.packb(
            (
                record.wire,
                record.version,
                [bytes(k) for k in record.writable],
                [bytes(k) for k in record.readonly],
                record.err,
                record.logs,
                record.inner,
                record.compute_units,
                record.fee,
                record.pre_balances,
                record.post_balances,
                [_pack_balance(b) for b in record.pre_tokens],
                [_pack_balance(b) for b in record.post_tokens],
                None
                if record.return_data is None
                else (bytes(record.return_data[0]), record.return_data[1]),
                record.block_time,
                record.prioritization_fee,
            )
        )
    )


def unpack_record(packed: bytes, signature: str, slot: int, index: int) -> TransactionRecord:
    """The record of a row."""
    (
        wire,
        version,
        writable,
        readonly,
        err,
        logs,
        inner,
        compute_units,
        fee,
        pre_balances,
        post_balances,
        pre_tokens,
        post_tokens,
        return_data,
        block_time,
        prioritization_fee,
    ) = msgpack.unpackb(packed)
    looked_up = [Pubkey.from_bytes(k) for k in writable], [Pubkey.from_bytes(k) for k in readonly]
    static = VersionedTransaction.from_bytes(wire).message.account_keys
    return TransactionRecord(
        signature=signature,
        slot=slot,
        index=index,
        wire=wire,
        version=version,
        account_keys=[*static, *looked_up[0], *looked_up[1]],
        writable=looked_up[0],
        readonly=looked_up[1],
        err=err,
        logs=logs,
        inner=[
            InnerInstructions(position, [InnerCall(*call) for call in calls])
            for position, calls in inner
        ],
        compute_units=compute_units,
        fee=fee,
        pre_balances=pre_balances,
        post_balances=post_balances,
        pre_tokens=[_unpack_balance(b) for b in pre_tokens],
        post_tokens=[_unpack_balance(b) for b in post_tokens],
        return_data=None
        if return_data is None
        else (Pubkey.from_bytes(return_data[0]), return_data[1]),
        block_time=block_time,
        prioritization_fee=prioritization_fee,
    )


_PackedBalance = tuple[int, bytes, bytes, bytes, int, int]


def _pack_balance(balance: TokenBalance) -> _PackedBalance:
    return (
        balance.account_index,
        bytes(balance.mint),
        bytes(balance.owner),
        bytes(balance.program),
        balance.amount,
        balance.decimals,
    )


def _unpack_balance(packed: _PackedBalance) -> TokenBalance:
    index, mint, owner, program, amount, decimals = packed
    return TokenBalance(
        index,
        Pubkey.from_bytes(mint),
        Pubkey.from_bytes(owner),
        Pubkey.from_bytes(program),
        amount,
        decimals,
    )
