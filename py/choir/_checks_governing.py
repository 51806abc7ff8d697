"""What would be refused of the settings and the treasury, said before anything is sent.

As `choir._checks`: each raises the class the program itself would answer with.
"""

from __future__ import annotations

from solders.pubkey import Pubkey

from choir import program_errors as refused
from choir._checks import when
from choir.accounts import (
    Config,
    PauseFamily,
    Treasury,
    TreasuryAction,
    TreasuryActionSetSigners,
    TreasuryActionSpend,
    TreasuryProposal,
    approvals_of,
)

__all__ = [
    "authority",
    "can_apply",
    "can_approve",
    "can_cancel",
    "can_clean",
    "can_execute",
    "can_pause",
    "can_propose_change",
    "can_unpause",
    "change_proposed",
    "signer",
    "worth_proposing",
]

# programs/choir/src/constants.rs
DAY = 86_400
CONFIG_CHANGE_LIFE = 14 * DAY
MAX_PAUSE = 7 * DAY
PAUSE_COOL_OFF = DAY


def authority(config: Config, who: Pubkey) -> None:
    """The wallet is the authority of the settings."""
    if who != config.authority:
        raise refused.NotAuthority(f"the authority is {config.authority}, not {who}")


def can_propose_change(config: Config, who: Pubkey) -> None:
    """No other change is under way."""
    authority(config, who)
    if config.pending_at:
        raise refused.ConfigChangePending(
            f"a change is proposed already and may be applied from {when(config.pending_at)} on; "
            "apply it or cancel it first"
        )


def change_proposed(config: Config, who: Pubkey) -> None:
    """There is a change to apply or cancel."""
    authority(config, who)
    if not config.pending_at:
        raise refused.NoConfigChange


def can_apply(config: Config, who: Pubkey, now: int) -> None:
    """The change has waited, and not been left lying."""
    change_proposed(config, who)
    if now < config.pending_at:
        raise refused.TimelockNotOver(f"it may be applied from {when(config.pending_at)} on")
    end = config.pending_at + CONFIG_CHANGE_LIFE
    if now >= end:
        raise refused.ConfigChangeExpired(
            f"it could be applied until {when(end)}; cancel it and propose it anew"
        )


def _guardian(config: Config, who: Pubkey) -> None:
    if who not in (config.guardian, config.authority):
        raise refused.NotGuardian(
            f"{who} is neither the guardian {config.guardian} nor the authority {config.authority}"
        )


def can_pause(config: Config, who: Pubkey, families: PauseFamily, seconds: int, now: int) -> None:
    """Each of the families may be paused now, for so long."""
    _guardian(config, who)
    if not families:
        raise refused.PauseFamiliesInvalid
    if not 1 <= seconds <= MAX_PAUSE:
        raise refused.PauseTooLong
    for family in families:
        until = config.paused_until[family.place]
        if now < until:
            raise refused.PauseInForce(f"{_said(family)} is paused until {when(until)}")
        if until and now < until + PAUSE_COOL_OFF:
            raise refused.PauseCoolOff(
                f"{_said(family)} was paused until {when(until)}; "
                f"it can be paused again from {when(until + PAUSE_COOL_OFF)} on"
            )


def can_unpause(config: Config, who: Pubkey, families: PauseFamily, now: int) -> None:
    """Each of the families is paused."""
    _guardian(config, who)
    if not families:
        raise refused.PauseFamiliesInvalid
    for family in families:
        if now >= config.paused_until[family.place]:
            raise refused.NotPaused(f"{_said(family)} is not paused")


def signer(treasury: Treasury, who: Pubkey) -> None:
    """The wallet is a signer of the treasury."""
    if who not in treasury.signers:
        raise refused.NotTreasurySigner(f"{who} is not a signer of the treasury")


def worth_proposing(action: TreasuryAction, config: Config) -> None:
    """The action pays something, and not to where it comes from."""
    if isinstance(action, TreasuryActionSetSigners):
        return
    if action.amount == 0:
        raise refused.AmountZero
    if action.destination == config.treasury_vault:
        raise refused.WrongDestination("the destination is the treasury's own vault")


def _open(proposal: TreasuryProposal, now: int) -> None:
    if proposal.executed_at:
        raise refused.ProposalExecuted(f"it was executed at {when(proposal.executed_at)}")
    if now >= proposal.expires_at:
        raise refused.ProposalExpired(f"it expired at {when(proposal.expires_at)}")


def can_approve(treasury: Treasury, proposal: TreasuryProposal, who: Pubkey, now: int) -> None:
    """The signer has not approved the open proposal."""
    signer(treasury, who)
    _open(proposal, now)
    if who in approvals_of(treasury, proposal):
        raise refused.AlreadyApproved


def can_execute(
    treasury: Treasury, proposal: TreasuryProposal, who: Pubkey, held: int, now: int
) -> None:
    """Enough of the present signers have approved the open proposal, and the vault covers it."""
    signer(treasury, who)
    _open(proposal, now)
    approved = len(approvals_of(treasury, proposal))
    if approved < treasury.threshold:
        raise refused.ThresholdNotReached(
            f"{approved} of the present signers have approved; {treasury.threshold} are needed"
        )
    if isinstance(proposal.action, TreasuryActionSpend) and held < proposal.action.amount:
        raise refused.InsufficientFunds(
            f"the treasury holds {held} base units; {proposal.action.amount} are to be paid"
        )


def can_cancel(proposal: TreasuryProposal, who: Pubkey) -> None:
    """The wallet has made the proposal, and it is not executed."""
    if who != proposal.proposer:
        raise refused.NotProposer(f"its proposer is {proposal.proposer}")
    if proposal.executed_at:
        raise refused.ProposalExecuted(f"it was executed at {when(proposal.executed_at)}")


def can_clean(proposal: TreasuryProposal, now: int) -> None:
    """Nothing can come of the proposal any more."""
    if not proposal.executed_at and now < proposal.expires_at:
        raise refused.ProposalOpen(f"it can be executed until {when(proposal.expires_at)}")


def _said(family: PauseFamily) -> str:
    return f"the family {str(family.name).lower()}"
