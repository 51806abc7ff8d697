"""Looking at a transaction of the server's before it is signed."""

from __future__ import annotations

import base64

from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from choir.ids import PROGRAM_ID
from choir.sdk.errors import UntrustedTransaction
from choir.sdk.models import Built


def checked_message(built: Built, wallet: Pubkey, *, program_id: Pubkey = PROGRAM_ID) -> MessageV0:
    """What is to be signed: paid and signed by `wallet` alone, calling Choir and nothing else.

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
    for step in message.instructions:
        program = keys[step.program_id_index]
        if program not in (program_id, COMPUTE_BUDGET):
            raise UntrustedTransaction(f"the server's transaction calls {program}; not signed")
    return message
