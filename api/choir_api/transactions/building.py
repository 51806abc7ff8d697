"""An unsigned transaction for the caller's wallet, simulated before it leaves."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from choir.sending import Sender
from choir_api.chain.failures import translated
from choir_api.fields import Address
from choir_api.responses import Schema


class Unsigned(Schema):
    """A transaction to sign and to send to POST /v1/transaction before its blockhash expires."""

    transaction: str = Field(description="base64 of the serialised transaction, signatures zero")
    fee_payer: Address
    blockhash: str
    last_valid_block_height: int = Field(description="the chain's block height at which it expires")
    min_context_slot: int = Field(description="the slot its blockhash was read at")
    compute_units: int = Field(description="its limit: what the simulation used, with a margin")


async def build(sender: Sender, instructions: Sequence[Instruction], payer: Pubkey) -> Unsigned:
    """Simulate the instructions as `payer` and wrap them for signing.

    Raises:
        ApiError: what the program refused in the simulation, or that the node does not answer.
    """
    with translated():
        prepared = await sender.prepare(instructions, payer=payer)
    return Unsigned(
        transaction=prepared.to_base64(),
        fee_payer=payer,
        blockhash=str(prepared.blockhash),
        last_valid_block_height=prepared.last_valid_block_height,
        min_context_slot=prepared.min_context_slot,
        compute_units=prepared.units,
    )
