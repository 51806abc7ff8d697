"""The instructions on the treasury, in plain Python: proposals, approvals, execution."""

from __future__ import annotations

from dataclasses import replace

from tests.program.model_rules import TIME_TO_EXECUTE, TREASURY_FAMILY, check_signers, running
from tests.program.model_state import (
    TREASURY_VAULT,
    U64,
    Action,
    Draft,
    Key,
    Mint,
    Name,
    Outcome,
    SetSigners,
    Spend,
    State,
    Treasury,
    TreasuryProposal,
    proposal_kind,
    require,
    u64,
)


def _by_signer(treasury: Treasury, key: Key) -> int:
    """Place of a signer; refuses anybody else."""
    require(key in treasury.signers, "NotTreasurySigner")
    return treasury.signers.index(key)


def _check_action(draft: Draft, action: Action, destination: Name | None) -> None:
    if isinstance(action, SetSigners):
        check_signers(action.signers, action.threshold)
        return
    require(action.amount > 0, "AmountZero")
    require(action.destination != TREASURY_VAULT, "WrongDestination")
    _check_payable(draft, action, destination)


def _check_payable(draft: Draft, action: Spend | Mint, destination: Name | None) -> None:
    """Refuses what could not be paid now; the destination may be gone since it was named."""
    require(destination == action.destination, "WrongDestination")
    require(action.destination in draft.tokens, "DestinationNotTokenAccount")
    if isinstance(action, Mint):
        require(draft.state.treasury_mints, "NotMintAuthority")
        u64(draft.supply + action.amount)


def propose_treasury(
    state: State, proposer: Key, action: Action, destination: Name | None
) -> Outcome:
    """Puts an action to the treasury's signers."""
    draft, now = Draft(state), state.now
    config, treasury = draft.settings(), draft.signers()
    running(config, TREASURY_FAMILY, now)
    _by_signer(treasury, proposer)
    _check_action(draft, action, destination)
    proposal = TreasuryProposal(
        index=treasury.proposal_count,
        proposer=proposer,
        action=action,
        signer_epoch=treasury.signer_epoch,
        created_at=now,
        expires_at=now + TIME_TO_EXECUTE,
    )
    name: Name = ("proposal", proposal.index)
    payer: Name = ("wallet", proposer)
    draft.create(payer, name, proposal_kind(action), False, "AccountAlreadyExists")
    draft.treasury = replace(treasury, proposal_count=proposal.index + 1)
    draft.put(proposal)
    draft.emit(
        "TreasuryProposed",
        index=proposal.index,
        proposer=proposer,
        action=action,
        signer_epoch=proposal.signer_epoch,
        expires_at=proposal.expires_at,
    )
    return draft.done()


def _open(draft: Draft, proposal: TreasuryProposal) -> None:
    require(proposal.executed_at == 0, "ProposalExecuted")
    require(draft.state.now < proposal.expires_at, "ProposalExpired")


def approve_treasury(state: State, signer: Key, index: int) -> Outcome:
    """A signer's approval, once under each set of signers."""
    draft, now = Draft(state), state.now
    config, treasury, proposal = draft.settings(), draft.signers(), draft.proposal(index)
    running(config, TREASURY_FAMILY, now)
    bit = 1 << _by_signer(treasury, signer)
    _open(draft, proposal)
    if proposal.signer_epoch != treasury.signer_epoch:
        proposal = replace(proposal, signer_epoch=treasury.signer_epoch, approvals=0)
    require(not proposal.approvals & bit, "AlreadyApproved")
    proposal = replace(proposal, approvals=proposal.approvals | bit)
    draft.put(proposal)
    draft.emit(
        "TreasuryApproved",
        index=index,
        signer=signer,
        approvals=proposal.approvals,
        signer_epoch=proposal.signer_epoch,
    )
    return draft.done()


def execute_treasury(state: State, signer: Key, index: int, destination: Name | None) -> Outcome:
    """Does what enough of the present signers have approved."""
    draft, now = Draft(state), state.now
    config, treasury, proposal = draft.settings(), draft.signers(), draft.proposal(index)
    running(config, TREASURY_FAMILY, now)
    _by_signer(treasury, signer)
    _open(draft, proposal)
    present = proposal.signer_epoch == treasury.signer_epoch
    approvals = proposal.approvals.bit_count() if present else 0
    require(approvals >= treasury.threshold, "ThresholdNotReached")
    before, action = draft.tokens[TREASURY_VAULT], proposal.action
    if isinstance(action, SetSigners):
        treasury = replace(
            treasury,
            signers=action.signers,
            threshold=action.threshold,
            signer_epoch=treasury.signer_epoch + 1,
        )
    else:
        _check_payable(draft, action, destination)
        if isinstance(action, Spend):
            draft.require_funds(TREASURY_VAULT, action.amount)
            draft.transfer(TREASURY_VAULT, action.destination, action.amount)
        else:
            require(draft.tokens[action.destination] + action.amount <= U64, "TokenOverflow")
            draft.tokens[action.destination] += action.amount
            draft.supply += action.amount
    draft.treasury = treasury
    draft.put(replace(proposal, executed_at=now))
    draft.emit(
        "TreasuryExecuted",
        index=index,
        action=action,
        vault_before=before,
        vault_after=draft.tokens[TREASURY_VAULT],
        signer_epoch=treasury.signer_epoch,
    )
    return draft.done()


def cancel_treasury(state: State, signer: Key, index: int) -> Outcome:
    """Takes a proposal back."""
    draft = Draft(state)
    proposal = draft.proposal(index)
    require(signer == proposal.proposer, "NotProposer")
    require(proposal.executed_at == 0, "ProposalExecuted")
    draft.close(("proposal", index), proposal.proposer)
    draft.emit("TreasuryCancelled", index=index, by=signer)
    return draft.done()


def cleanup_treasury(state: State, index: int) -> Outcome:
    """Closes a proposal that is done with."""
    draft = Draft(state)
    proposal = draft.proposal(index)
    over = proposal.executed_at != 0 or state.now >= proposal.expires_at
    require(over, "ProposalOpen")
    draft.close(("proposal", index), proposal.proposer)
    draft.emit("TreasuryCleaned", index=index)
    return draft.done()
