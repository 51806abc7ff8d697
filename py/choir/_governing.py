"""The instructions on the settings and the treasury; `choir.instructions` offers them."""

from __future__ import annotations

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from choir._program import instructions as raw
from choir._program.types import ConfigChange, TreasuryAction, TreasuryActionSetSigners
from choir.ids import (
    PROGRAM_ID,
    config_pda,
    proposal_pda,
    treasury_pda,
    treasury_vault_pda,
)
from choir.tokens import TOKEN_PROGRAM_ID

__all__ = [
    "accept_authority",
    "apply_config",
    "approve_treasury",
    "cancel_config",
    "cancel_treasury",
    "cleanup_treasury",
    "execute_treasury",
    "pause",
    "propose_config",
    "propose_treasury",
    "transfer_authority",
    "unpause",
]


def propose_config(
    *, authority: Pubkey, change: ConfigChange, program_id: Pubkey = PROGRAM_ID
) -> Instruction:
    """Propose a change of the settings, all of them given; it can be applied after the timelock."""
    return raw.propose_config(
        authority=authority,
        config=config_pda(program_id=program_id),
        change=change,
        program_id=program_id,
    )


def apply_config(*, authority: Pubkey, program_id: Pubkey = PROGRAM_ID) -> Instruction:
    """Bring the proposed change of the settings into force."""
    return raw.apply_config(
        authority=authority, config=config_pda(program_id=program_id), program_id=program_id
    )


def cancel_config(*, authority: Pubkey, program_id: Pubkey = PROGRAM_ID) -> Instruction:
    """Take the proposed change of the settings back."""
    return raw.cancel_config(
        authority=authority, config=config_pda(program_id=program_id), program_id=program_id
    )


def transfer_authority(
    *, authority: Pubkey, new_authority: Pubkey, program_id: Pubkey = PROGRAM_ID
) -> Instruction:
    """Offer the authority to another account; naming the present one takes an offer back."""
    return raw.transfer_authority(
        authority=authority,
        config=config_pda(program_id=program_id),
        new_authority=new_authority,
        program_id=program_id,
    )


def accept_authority(*, new_authority: Pubkey, program_id: Pubkey = PROGRAM_ID) -> Instruction:
    """Take the authority one was offered."""
    return raw.accept_authority(
        new_authority=new_authority,
        config=config_pda(program_id=program_id),
        program_id=program_id,
    )


def pause(
    *, guardian: Pubkey, families: int, seconds: int, program_id: Pubkey = PROGRAM_ID
) -> Instruction:
    """Pause families of instructions (`PauseFamily`) for some seconds, by guardian or authority."""
    return raw.pause(
        guardian=guardian,
        config=config_pda(program_id=program_id),
        families=int(families),
        seconds=seconds,
        program_id=program_id,
    )


def unpause(*, guardian: Pubkey, families: int, program_id: Pubkey = PROGRAM_ID) -> Instruction:
    """End the pause of families of instructions (`PauseFamily`), by guardian or authority."""
    return raw.unpause(
        guardian=guardian,
        config=config_pda(program_id=program_id),
        families=int(families),
        program_id=program_id,
    )


def propose_treasury(
    *,
    proposer: Pubkey,
    index: int,
    action: TreasuryAction,
    stake_mint: Pubkey,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Propose something to the signers; `index` is the treasury's `proposal_count`."""
    return raw.propose_treasury(
        proposer=proposer,
        config=config_pda(program_id=program_id),
        treasury=treasury_pda(program_id=program_id),
        proposal=proposal_pda(index, program_id=program_id),
        destination=_destination(action, program_id),
        stake_mint=stake_mint,
        action=action,
        program_id=program_id,
    )


def approve_treasury(*, signer: Pubkey, index: int, program_id: Pubkey = PROGRAM_ID) -> Instruction:
    """Approve a proposal, as a signer of the treasury."""
    return raw.approve_treasury(
        signer=signer,
        config=config_pda(program_id=program_id),
        treasury=treasury_pda(program_id=program_id),
        proposal=proposal_pda(index, program_id=program_id),
        program_id=program_id,
    )


def execute_treasury(
    *,
    signer: Pubkey,
    index: int,
    action: TreasuryAction,
    stake_mint: Pubkey,
    token_program: Pubkey = TOKEN_PROGRAM_ID,
    program_id: Pubkey = PROGRAM_ID,
) -> Instruction:
    """Do what an approved proposal says; `action` is the proposal's."""
    return raw.execute_treasury(
        signer=signer,
        config=config_pda(program_id=program_id),
        treasury=treasury_pda(program_id=program_id),
        proposal=proposal_pda(index, program_id=program_id),
        treasury_vault=treasury_vault_pda(program_id=program_id),
        destination=_destination(action, program_id),
        stake_mint=stake_mint,
        token_program=token_program,
        program_id=program_id,
    )


def cancel_treasury(
    *, proposer: Pubkey, index: int, program_id: Pubkey = PROGRAM_ID
) -> Instruction:
    """Take one's own proposal back; its rent comes back too."""
    return raw.cancel_treasury(
        proposer=proposer,
        proposal=proposal_pda(index, program_id=program_id),
        program_id=program_id,
    )


def cleanup_treasury(
    *, index: int, proposer: Pubkey, program_id: Pubkey = PROGRAM_ID
) -> Instruction:
    """Close a proposal that is over; the rent goes to its `proposer`. Anybody may."""
    return raw.cleanup_treasury(
        proposal=proposal_pda(index, program_id=program_id),
        proposer=proposer,
        program_id=program_id,
    )


def _destination(action: TreasuryAction, program_id: Pubkey) -> Pubkey:
    """The optional account: the program's own address stands for none."""
    return program_id if isinstance(action, TreasuryActionSetSigners) else action.destination
