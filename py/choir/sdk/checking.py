"""Looking at a transaction of the server's before it is signed."""

from __future__ import annotations

import base64
from typing import Final

from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from choir._program.instructions import DISCRIMINATORS
from choir.ids import PROGRAM_ID
from choir.sdk.errors import UntrustedTransaction
from choir.sdk.models import Built

MAX_PRIORITY_FEE: Final = 5_000_000
"""Lamports; more than `choir.sending.PriorityFee` can come to by default."""
_MAX_UNITS: Final = 1_400_000
_UNIT_LIMIT, _UNIT_PRICE = 2, 3
_NAMES: Final = {data: name for name, data in DISCRIMINATORS.items()}


def checked_message(
    built: Built,
    wallet: Pubkey,
    *,
    program_id: Pubkey = PROGRAM_ID,
    max_priority_fee: int = MAX_PRIORITY_FEE,
) -> MessageV0:
    """What is to be signed: paid and signed by `wallet` alone, doing what was asked for.

    It calls Choir's instructions that `built` was asked for, in their order, and nothing else,
    and bids no more than `max_priority_fee` lamports.

    Raises:
        UntrustedTransaction: anything else.
    """
    try:
        transaction = VersionedTransaction.from_bytes(base64.b64decode(built.transaction))
        message = transaction.message
    except ValueError:
        raise UntrustedTransaction("the server's transaction cannot be read") from None
    if not isinstance(message, MessageV0) or message.address_table_lookups:
        raise UntrustedTransaction("the server's transaction hides its accounts in a table")
    keys = message.account_keys
    if not keys or keys[0] != wallet or message.header.num_required_signatures != 1:
        raise UntrustedTransaction(f"the server's transaction is not for {wallet} alone to sign")
    does: list[str] = []
    units, price = _MAX_UNITS, 0
    for step in message.instructions:
        program, data = keys[step.program_id_index], bytes(step.data)
        if program == program_id:
            does.append(_NAMES.get(data[:8], "what Choir does not know"))
        elif program != COMPUTE_BUDGET:
            raise UntrustedTransaction(f"the server's transaction calls {program}; not signed")
        elif data[:1] == bytes([_UNIT_LIMIT]) and len(data) == 5:
            units = int.from_bytes(data[1:], "little")
        elif data[:1] == bytes([_UNIT_PRICE]) and len(data) == 9:
            price = int.from_bytes(data[1:], "little")
    if tuple(does) != built.asked:
        raise UntrustedTransaction(
            f"asked for {', '.join(built.asked)}, the server's transaction does "
            f"{', '.join(does) or 'nothing'}; not signed"
        )
    fee = -(-min(units, _MAX_UNITS) * price // 1_000_000)
    if fee > max_priority_fee:
        raise UntrustedTransaction(
            f"the server's transaction bids {fee} lamports to go first, more than "
            f"{max_priority_fee}; not signed (`max_priority_fee` sets the most)"
        )
    return message
