"""One exception for each error of the Choir program, and `BY_CODE`.

Generated from the program's IDL by scripts/generate-python. Do not edit.
"""

from __future__ import annotations

from typing import Final

from choir.errors import ChoirProgramError

__all__ = [
    "BY_CODE",
    "AccountAlreadyExists",
    "AlreadyApproved",
    "AlreadyDecided",
    "AlreadyInitialized",
    "AmountZero",
    "ApprovalWindowOutOfRange",
    "ArithmeticOverflow",
    "AuthorActive",
    "AuthorityInvalid",
    "BalanceBelowMinimum",
    "CannotRetireSelf",
    "CoAuthorCannotSubmit",
    "ConfigChangeExpired",
    "ConfigChangePending",
    "ConfigInvariant",
    "ContentHashMismatch",
    "DepositBelowMinimum",
    "DepositBuysNoShare",
    "DepositTooCoarse",
    "DestinationFrozen",
    "DestinationNotTokenAccount",
    "DivestCooldown",
    "DivestCooldownOutOfRange",
    "EscrowInvariant",
    "GuardianMissing",
    "InactivityWindowOutOfRange",
    "InsufficientFunds",
    "InsufficientShares",
    "LastCoAuthor",
    "MessageRateExceeded",
    "MessageRateTooLow",
    "MinStakeTooLow",
    "MinThreadBalanceTooLow",
    "MintExtensionNotAllowed",
    "NoConfigChange",
    "NotAuthority",
    "NotCoAuthor",
    "NotGuardian",
    "NotMintAuthority",
    "NotPaused",
    "NotPendingAuthority",
    "NotProposer",
    "NotSoleCoAuthor",
    "NotSpecAuthor",
    "NotTreasurySigner",
    "NotUpgradeAuthority",
    "NothingToClaim",
    "OthersHaveStake",
    "OwnerIsCoAuthor",
    "PauseCoolOff",
    "PauseFamiliesInvalid",
    "PauseInForce",
    "PauseTooLong",
    "Paused",
    "PositionInvariant",
    "PositionNotEmpty",
    "PrivacyMismatch",
    "PrivacyUnchanged",
    "ProposalExecuted",
    "ProposalExpired",
    "ProposalInvariant",
    "ProposalOpen",
    "ReserveTooSmall",
    "RetireeNotCoAuthor",
    "SharesBelowMinimum",
    "SharesRemain",
    "SlippageExceeded",
    "SpecAlreadyExists",
    "SpecHasDecisions",
    "SpecInvariant",
    "SpecNotPending",
    "SpecPending",
    "SpecWindowEnded",
    "SpecWindowOpen",
    "SpecsPending",
    "StakeBelowMinimum",
    "StaleAuthorEpoch",
    "StaleSpec",
    "ThreadAlreadyExists",
    "ThreadClosed",
    "ThreadClosing",
    "ThreadFull",
    "ThreadIdLength",
    "ThreadInvariant",
    "ThresholdNotReached",
    "TimelockNotOver",
    "TimelockOutOfRange",
    "TreasuryInvariant",
    "TreasurySignerCount",
    "TreasurySignerInvalid",
    "TreasuryThresholdInvalid",
    "VaultInsolvent",
    "WrongCreator",
    "WrongDestination",
    "WrongEscrow",
    "WrongMessage",
    "WrongMint",
    "WrongPosition",
    "WrongProposal",
    "WrongRentPayer",
    "WrongSpec",
    "WrongThread",
    "WrongTokenOwner",
    "WrongTokenProgram",
    "WrongTreasuryVault",
    "WrongVault",
]


class ArithmeticOverflow(ChoirProgramError):
    """An amount does not fit into 64 bits."""

    CODE = 6000
    NAME = "ArithmeticOverflow"
    MESSAGE = "An amount does not fit into 64 bits"


class AccountAlreadyExists(ChoirProgramError):
    """This account already exists."""

    CODE = 6001
    NAME = "AccountAlreadyExists"
    MESSAGE = "This account already exists"


class WrongMint(ChoirProgramError):
    """The mint is not the one stakes are made in."""

    CODE = 6002
    NAME = "WrongMint"
    MESSAGE = "The mint is not the one stakes are made in"


class WrongTokenProgram(ChoirProgramError):
    """The token program is not the one that owns the stake mint."""

    CODE = 6003
    NAME = "WrongTokenProgram"
    MESSAGE = "The token program is not the one that owns the stake mint"


class WrongVault(ChoirProgramError):
    """The vault does not belong to this thread."""

    CODE = 6004
    NAME = "WrongVault"
    MESSAGE = "The vault does not belong to this thread"


class WrongEscrow(ChoirProgramError):
    """The escrow does not belong to this spec."""

    CODE = 6005
    NAME = "WrongEscrow"
    MESSAGE = "The escrow does not belong to this spec"


class WrongTreasuryVault(ChoirProgramError):
    """The treasury vault is not the configured one."""

    CODE = 6006
    NAME = "WrongTreasuryVault"
    MESSAGE = "The treasury vault is not the configured one"


class WrongPosition(ChoirProgramError):
    """The position belongs to another thread or another owner."""

    CODE = 6007
    NAME = "WrongPosition"
    MESSAGE = "The position belongs to another thread or another owner"


class WrongSpec(ChoirProgramError):
    """The spec belongs to another thread."""

    CODE = 6008
    NAME = "WrongSpec"
    MESSAGE = "The spec belongs to another thread"


class WrongMessage(ChoirProgramError):
    """The message address is not that of the thread's next message."""

    CODE = 6009
    NAME = "WrongMessage"
    MESSAGE = "The message address is not that of the thread's next message"


class WrongTokenOwner(ChoirProgramError):
    """The token account belongs to somebody else."""

    CODE = 6010
    NAME = "WrongTokenOwner"
    MESSAGE = "The token account belongs to somebody else"


class NotUpgradeAuthority(ChoirProgramError):
    """Only the program's upgrade authority may initialize it."""

    CODE = 6011
    NAME = "NotUpgradeAuthority"
    MESSAGE = "Only the program's upgrade authority may initialize it"


class AlreadyInitialized(ChoirProgramError):
    """The program is already initialized."""

    CODE = 6012
    NAME = "AlreadyInitialized"
    MESSAGE = "The program is already initialized"


class GuardianMissing(ChoirProgramError):
    """The guardian must not be the zero address."""

    CODE = 6013
    NAME = "GuardianMissing"
    MESSAGE = "The guardian must not be the zero address"


class MinStakeTooLow(ChoirProgramError):
    """The minimum stake must be at least 1 base unit."""

    CODE = 6014
    NAME = "MinStakeTooLow"
    MESSAGE = "The minimum stake must be at least 1 base unit"


class MinThreadBalanceTooLow(ChoirProgramError):
    """The minimum thread balance must be at least 1000 base units."""

    CODE = 6015
    NAME = "MinThreadBalanceTooLow"
    MESSAGE = "The minimum thread balance must be at least 1000 base units"


class ApprovalWindowOutOfRange(ChoirProgramError):
    """The approval window must be between 1 hour and 365 days."""

    CODE = 6016
    NAME = "ApprovalWindowOutOfRange"
    MESSAGE = "The approval window must be between 1 hour and 365 days"


class DivestCooldownOutOfRange(ChoirProgramError):
    """The divest cooldown must be between 0 seconds and 90 days."""

    CODE = 6017
    NAME = "DivestCooldownOutOfRange"
    MESSAGE = "The divest cooldown must be between 0 seconds and 90 days"


class InactivityWindowOutOfRange(ChoirProgramError):
    """The inactivity window must be between 8 days (the longest pause and a day more) and 365
    days.
    """

    CODE = 6018
    NAME = "InactivityWindowOutOfRange"
    MESSAGE = (
        "The inactivity window must be between 8 days (the longest pause and a day more) "
        "and 365 days"
    )


class MessageRateTooLow(ChoirProgramError):
    """At least one message an hour must be allowed."""

    CODE = 6019
    NAME = "MessageRateTooLow"
    MESSAGE = "At least one message an hour must be allowed"


class TimelockOutOfRange(ChoirProgramError):
    """The parameter timelock must be between 1 day and 90 days."""

    CODE = 6020
    NAME = "TimelockOutOfRange"
    MESSAGE = "The parameter timelock must be between 1 day and 90 days"


class TreasurySignerCount(ChoirProgramError):
    """The treasury needs between 1 and 11 signers."""

    CODE = 6021
    NAME = "TreasurySignerCount"
    MESSAGE = "The treasury needs between 1 and 11 signers"


class TreasurySignerInvalid(ChoirProgramError):
    """A treasury signer is named twice or is the zero address."""

    CODE = 6022
    NAME = "TreasurySignerInvalid"
    MESSAGE = "A treasury signer is named twice or is the zero address"


class TreasuryThresholdInvalid(ChoirProgramError):
    """The treasury threshold must be between 1 and the number of signers."""

    CODE = 6023
    NAME = "TreasuryThresholdInvalid"
    MESSAGE = "The treasury threshold must be between 1 and the number of signers"


class MintExtensionNotAllowed(ChoirProgramError):
    """The stake mint has a Token-2022 extension that is not allowed."""

    CODE = 6024
    NAME = "MintExtensionNotAllowed"
    MESSAGE = "The stake mint has a Token-2022 extension that is not allowed"


class Paused(ChoirProgramError):
    """This family of instructions is paused."""

    CODE = 6025
    NAME = "Paused"
    MESSAGE = "This family of instructions is paused"


class ThreadClosed(ChoirProgramError):
    """The thread is closed."""

    CODE = 6026
    NAME = "ThreadClosed"
    MESSAGE = "The thread is closed"


class ThreadIdLength(ChoirProgramError):
    """A thread id has between 1 and 64 bytes."""

    CODE = 6027
    NAME = "ThreadIdLength"
    MESSAGE = "A thread id has between 1 and 64 bytes"


class ThreadAlreadyExists(ChoirProgramError):
    """A thread with this id already exists."""

    CODE = 6028
    NAME = "ThreadAlreadyExists"
    MESSAGE = "A thread with this id already exists"


class NotCoAuthor(ChoirProgramError):
    """The signer is not a co-author of this thread."""

    CODE = 6029
    NAME = "NotCoAuthor"
    MESSAGE = "The signer is not a co-author of this thread"


class DepositBelowMinimum(ChoirProgramError):
    """The first deposit is below the minimum thread balance."""

    CODE = 6030
    NAME = "DepositBelowMinimum"
    MESSAGE = "The first deposit is below the minimum thread balance"


class AmountZero(ChoirProgramError):
    """The amount must not be zero."""

    CODE = 6031
    NAME = "AmountZero"
    MESSAGE = "The amount must not be zero"


class InsufficientFunds(ChoirProgramError):
    """The token account holds less than the amount."""

    CODE = 6032
    NAME = "InsufficientFunds"
    MESSAGE = "The token account holds less than the amount"


class DepositBuysNoShare(ChoirProgramError):
    """The deposit is too small to be worth one share."""

    CODE = 6033
    NAME = "DepositBuysNoShare"
    MESSAGE = "The deposit is too small to be worth one share"


class InsufficientShares(ChoirProgramError):
    """The position has fewer shares than the amount is worth."""

    CODE = 6034
    NAME = "InsufficientShares"
    MESSAGE = "The position has fewer shares than the amount is worth"


class BalanceBelowMinimum(ChoirProgramError):
    """The thread would fall below its minimum balance."""

    CODE = 6035
    NAME = "BalanceBelowMinimum"
    MESSAGE = "The thread would fall below its minimum balance"


class SharesBelowMinimum(ChoirProgramError):
    """No share would be left to stand for the thread's balance."""

    CODE = 6036
    NAME = "SharesBelowMinimum"
    MESSAGE = "No share would be left to stand for the thread's balance"


class DivestCooldown(ChoirProgramError):
    """The cooldown since the last deposit or divestment has not passed."""

    CODE = 6037
    NAME = "DivestCooldown"
    MESSAGE = "The cooldown since the last deposit or divestment has not passed"


class NothingToClaim(ChoirProgramError):
    """There is nothing to claim."""

    CODE = 6038
    NAME = "NothingToClaim"
    MESSAGE = "There is nothing to claim"


class MessageRateExceeded(ChoirProgramError):
    """The hourly number of messages is used up."""

    CODE = 6039
    NAME = "MessageRateExceeded"
    MESSAGE = "The hourly number of messages is used up"


class PrivacyUnchanged(ChoirProgramError):
    """The thread already has this privacy level."""

    CODE = 6040
    NAME = "PrivacyUnchanged"
    MESSAGE = "The thread already has this privacy level"


class CoAuthorCannotSubmit(ChoirProgramError):
    """A co-author posts directly and does not submit specs."""

    CODE = 6041
    NAME = "CoAuthorCannotSubmit"
    MESSAGE = "A co-author posts directly and does not submit specs"


class ThreadFull(ChoirProgramError):
    """The thread has no free seat for another co-author."""

    CODE = 6042
    NAME = "ThreadFull"
    MESSAGE = "The thread has no free seat for another co-author"


class StakeBelowMinimum(ChoirProgramError):
    """The stake is below the minimum."""

    CODE = 6043
    NAME = "StakeBelowMinimum"
    MESSAGE = "The stake is below the minimum"


class SpecAlreadyExists(ChoirProgramError):
    """This author has already submitted this content to the thread."""

    CODE = 6044
    NAME = "SpecAlreadyExists"
    MESSAGE = "This author has already submitted this content to the thread"


class SpecNotPending(ChoirProgramError):
    """The spec is already settled."""

    CODE = 6045
    NAME = "SpecNotPending"
    MESSAGE = "The spec is already settled"


class SpecWindowEnded(ChoirProgramError):
    """The approval window has ended; the spec can only be expired or withdrawn."""

    CODE = 6046
    NAME = "SpecWindowEnded"
    MESSAGE = "The approval window has ended; the spec can only be expired or withdrawn"


class SpecWindowOpen(ChoirProgramError):
    """The approval window has not ended yet."""

    CODE = 6047
    NAME = "SpecWindowOpen"
    MESSAGE = "The approval window has not ended yet"


class ContentHashMismatch(ChoirProgramError):
    """The content hash is not the spec's."""

    CODE = 6048
    NAME = "ContentHashMismatch"
    MESSAGE = "The content hash is not the spec's"


class StaleAuthorEpoch(ChoirProgramError):
    """The set of co-authors has changed since this decision was made."""

    CODE = 6049
    NAME = "StaleAuthorEpoch"
    MESSAGE = "The set of co-authors has changed since this decision was made"


class AlreadyDecided(ChoirProgramError):
    """This co-author has already decided."""

    CODE = 6050
    NAME = "AlreadyDecided"
    MESSAGE = "This co-author has already decided"


class ThreadInvariant(ChoirProgramError):
    """Invariant broken: the thread's account is inconsistent."""

    CODE = 6051
    NAME = "ThreadInvariant"
    MESSAGE = "Invariant broken: the thread's account is inconsistent"


class VaultInsolvent(ChoirProgramError):
    """Invariant broken: the vault holds less than the thread owes."""

    CODE = 6052
    NAME = "VaultInsolvent"
    MESSAGE = "Invariant broken: the vault holds less than the thread owes"


class PositionInvariant(ChoirProgramError):
    """Invariant broken: the position's account is inconsistent."""

    CODE = 6053
    NAME = "PositionInvariant"
    MESSAGE = "Invariant broken: the position's account is inconsistent"


class SpecInvariant(ChoirProgramError):
    """Invariant broken: the spec's account is inconsistent."""

    CODE = 6054
    NAME = "SpecInvariant"
    MESSAGE = "Invariant broken: the spec's account is inconsistent"


class EscrowInvariant(ChoirProgramError):
    """Invariant broken: the escrow does not hold the spec's stake."""

    CODE = 6055
    NAME = "EscrowInvariant"
    MESSAGE = "Invariant broken: the escrow does not hold the spec's stake"


class ConfigInvariant(ChoirProgramError):
    """Invariant broken: the configuration is inconsistent."""

    CODE = 6056
    NAME = "ConfigInvariant"
    MESSAGE = "Invariant broken: the configuration is inconsistent"


class TreasuryInvariant(ChoirProgramError):
    """Invariant broken: the treasury's account is inconsistent."""

    CODE = 6057
    NAME = "TreasuryInvariant"
    MESSAGE = "Invariant broken: the treasury's account is inconsistent"


class WrongThread(ChoirProgramError):
    """The thread's address is not that of its id."""

    CODE = 6058
    NAME = "WrongThread"
    MESSAGE = "The thread's address is not that of its id"


class DepositTooCoarse(ChoirProgramError):
    """Over a thousandth of this deposit would be lost to rounding; deposit a multiple of what a
    share is worth.
    """

    CODE = 6059
    NAME = "DepositTooCoarse"
    MESSAGE = (
        "Over a thousandth of this deposit would be lost to rounding; deposit a multiple "
        "of what a share is worth"
    )


class SlippageExceeded(ChoirProgramError):
    """The price of a share has moved past the limit given; look at the thread and try again."""

    CODE = 6060
    NAME = "SlippageExceeded"
    MESSAGE = (
        "The price of a share has moved past the limit given; look at the thread and try again"
    )


class PrivacyMismatch(ChoirProgramError):
    """The thread has another privacy level than the author expects; look at it and sign again."""

    CODE = 6061
    NAME = "PrivacyMismatch"
    MESSAGE = (
        "The thread has another privacy level than the author expects; look at it and sign again"
    )


class StaleSpec(ChoirProgramError):
    """This decision was made on an earlier submission of the same content."""

    CODE = 6062
    NAME = "StaleSpec"
    MESSAGE = "This decision was made on an earlier submission of the same content"


class NotSpecAuthor(ChoirProgramError):
    """Only the spec's author may withdraw it."""

    CODE = 6063
    NAME = "NotSpecAuthor"
    MESSAGE = "Only the spec's author may withdraw it"


class SpecHasDecisions(ChoirProgramError):
    """A co-author has decided on this spec; it can be withdrawn once its window has ended."""

    CODE = 6064
    NAME = "SpecHasDecisions"
    MESSAGE = "A co-author has decided on this spec; it can be withdrawn once its window has ended"


class SpecPending(ChoirProgramError):
    """The spec is still waiting for decisions."""

    CODE = 6065
    NAME = "SpecPending"
    MESSAGE = "The spec is still waiting for decisions"


class ThreadClosing(ChoirProgramError):
    """The thread is being wound down: one can only divest, claim and close it."""

    CODE = 6066
    NAME = "ThreadClosing"
    MESSAGE = "The thread is being wound down: one can only divest, claim and close it"


class SharesRemain(ChoirProgramError):
    """The position still has shares; divest them first."""

    CODE = 6067
    NAME = "SharesRemain"
    MESSAGE = "The position still has shares; divest them first"


class LastCoAuthor(ChoirProgramError):
    """The last co-author cannot leave; close the thread or wind it down instead."""

    CODE = 6068
    NAME = "LastCoAuthor"
    MESSAGE = "The last co-author cannot leave; close the thread or wind it down instead"


class CannotRetireSelf(ChoirProgramError):
    """A co-author cannot retire themselves; leave the thread instead."""

    CODE = 6069
    NAME = "CannotRetireSelf"
    MESSAGE = "A co-author cannot retire themselves; leave the thread instead"


class RetireeNotCoAuthor(ChoirProgramError):
    """The one to retire is not a co-author of this thread."""

    CODE = 6070
    NAME = "RetireeNotCoAuthor"
    MESSAGE = "The one to retire is not a co-author of this thread"


class AuthorActive(ChoirProgramError):
    """The one to retire has acted within the inactivity window."""

    CODE = 6071
    NAME = "AuthorActive"
    MESSAGE = "The one to retire has acted within the inactivity window"


class NotSoleCoAuthor(ChoirProgramError):
    """The thread has other co-authors; only its sole remaining one may do this."""

    CODE = 6072
    NAME = "NotSoleCoAuthor"
    MESSAGE = "The thread has other co-authors; only its sole remaining one may do this"


class SpecsPending(ChoirProgramError):
    """Specs are waiting for decisions; they must be settled, expired or withdrawn first."""

    CODE = 6073
    NAME = "SpecsPending"
    MESSAGE = "Specs are waiting for decisions; they must be settled, expired or withdrawn first"


class OthersHaveStake(ChoirProgramError):
    """Others still have shares or rewards in this thread."""

    CODE = 6074
    NAME = "OthersHaveStake"
    MESSAGE = "Others still have shares or rewards in this thread"


class PositionNotEmpty(ChoirProgramError):
    """The position still has shares or rewards in it."""

    CODE = 6075
    NAME = "PositionNotEmpty"
    MESSAGE = "The position still has shares or rewards in it"


class OwnerIsCoAuthor(ChoirProgramError):
    """The position belongs to a co-author of the thread."""

    CODE = 6076
    NAME = "OwnerIsCoAuthor"
    MESSAGE = "The position belongs to a co-author of the thread"


class WrongRentPayer(ChoirProgramError):
    """The rent can only go back to the account that paid it."""

    CODE = 6077
    NAME = "WrongRentPayer"
    MESSAGE = "The rent can only go back to the account that paid it"


class WrongCreator(ChoirProgramError):
    """The vault's rent can only go to the creator of the thread."""

    CODE = 6078
    NAME = "WrongCreator"
    MESSAGE = "The vault's rent can only go to the creator of the thread"


class NotAuthority(ChoirProgramError):
    """Only the authority of the settings may do this."""

    CODE = 6079
    NAME = "NotAuthority"
    MESSAGE = "Only the authority of the settings may do this"


class AuthorityInvalid(ChoirProgramError):
    """The new authority must not be the zero address."""

    CODE = 6080
    NAME = "AuthorityInvalid"
    MESSAGE = "The new authority must not be the zero address"


class NotPendingAuthority(ChoirProgramError):
    """Only the account the authority was offered to may accept it."""

    CODE = 6081
    NAME = "NotPendingAuthority"
    MESSAGE = "Only the account the authority was offered to may accept it"


class ConfigChangePending(ChoirProgramError):
    """A change of the settings is already proposed; apply it or cancel it first."""

    CODE = 6082
    NAME = "ConfigChangePending"
    MESSAGE = "A change of the settings is already proposed; apply it or cancel it first"


class NoConfigChange(ChoirProgramError):
    """No change of the settings is proposed."""

    CODE = 6083
    NAME = "NoConfigChange"
    MESSAGE = "No change of the settings is proposed"


class TimelockNotOver(ChoirProgramError):
    """The proposed change of the settings must still wait for its timelock."""

    CODE = 6084
    NAME = "TimelockNotOver"
    MESSAGE = "The proposed change of the settings must still wait for its timelock"


class ConfigChangeExpired(ChoirProgramError):
    """The proposed change of the settings is too old; cancel it and propose it anew."""

    CODE = 6085
    NAME = "ConfigChangeExpired"
    MESSAGE = "The proposed change of the settings is too old; cancel it and propose it anew"


class NotGuardian(ChoirProgramError):
    """Only the guardian or the authority may pause and unpause."""

    CODE = 6086
    NAME = "NotGuardian"
    MESSAGE = "Only the guardian or the authority may pause and unpause"


class PauseFamiliesInvalid(ChoirProgramError):
    """Name at least one family of instructions, and only known ones."""

    CODE = 6087
    NAME = "PauseFamiliesInvalid"
    MESSAGE = "Name at least one family of instructions, and only known ones"


class PauseTooLong(ChoirProgramError):
    """A pause lasts between 1 second and 7 days."""

    CODE = 6088
    NAME = "PauseTooLong"
    MESSAGE = "A pause lasts between 1 second and 7 days"


class PauseInForce(ChoirProgramError):
    """A family named is already paused; a running pause cannot be prolonged."""

    CODE = 6089
    NAME = "PauseInForce"
    MESSAGE = "A family named is already paused; a running pause cannot be prolonged"


class PauseCoolOff(ChoirProgramError):
    """A family named was paused less than a day ago and cannot be paused again yet."""

    CODE = 6090
    NAME = "PauseCoolOff"
    MESSAGE = "A family named was paused less than a day ago and cannot be paused again yet"


class NotPaused(ChoirProgramError):
    """A family named is not paused."""

    CODE = 6091
    NAME = "NotPaused"
    MESSAGE = "A family named is not paused"


class NotTreasurySigner(ChoirProgramError):
    """Only a signer of the treasury may do this."""

    CODE = 6092
    NAME = "NotTreasurySigner"
    MESSAGE = "Only a signer of the treasury may do this"


class NotMintAuthority(ChoirProgramError):
    """The treasury is not the authority of the mint, so it cannot mint."""

    CODE = 6093
    NAME = "NotMintAuthority"
    MESSAGE = "The treasury is not the authority of the mint, so it cannot mint"


class AlreadyApproved(ChoirProgramError):
    """This signer has already approved the proposal."""

    CODE = 6094
    NAME = "AlreadyApproved"
    MESSAGE = "This signer has already approved the proposal"


class ProposalExpired(ChoirProgramError):
    """The proposal has expired."""

    CODE = 6095
    NAME = "ProposalExpired"
    MESSAGE = "The proposal has expired"


class ProposalExecuted(ChoirProgramError):
    """The proposal has been executed."""

    CODE = 6096
    NAME = "ProposalExecuted"
    MESSAGE = "The proposal has been executed"


class ThresholdNotReached(ChoirProgramError):
    """Too few of the present signers have approved the proposal."""

    CODE = 6097
    NAME = "ThresholdNotReached"
    MESSAGE = "Too few of the present signers have approved the proposal"


class WrongDestination(ChoirProgramError):
    """The destination is not the one the proposal names, or is the treasury's own vault."""

    CODE = 6098
    NAME = "WrongDestination"
    MESSAGE = "The destination is not the one the proposal names, or is the treasury's own vault"


class NotProposer(ChoirProgramError):
    """Only the proposal's proposer may cancel it."""

    CODE = 6099
    NAME = "NotProposer"
    MESSAGE = "Only the proposal's proposer may cancel it"


class ProposalOpen(ChoirProgramError):
    """The proposal can still be executed; its proposer may cancel it."""

    CODE = 6100
    NAME = "ProposalOpen"
    MESSAGE = "The proposal can still be executed; its proposer may cancel it"


class WrongProposal(ChoirProgramError):
    """The proposal's address is not that of the treasury's next proposal."""

    CODE = 6101
    NAME = "WrongProposal"
    MESSAGE = "The proposal's address is not that of the treasury's next proposal"


class ProposalInvariant(ChoirProgramError):
    """Invariant broken: the proposal's account is inconsistent."""

    CODE = 6102
    NAME = "ProposalInvariant"
    MESSAGE = "Invariant broken: the proposal's account is inconsistent"


class DestinationNotTokenAccount(ChoirProgramError):
    """The destination is not a token account in use."""

    CODE = 6103
    NAME = "DestinationNotTokenAccount"
    MESSAGE = "The destination is not a token account in use"


class DestinationFrozen(ChoirProgramError):
    """The destination is frozen."""

    CODE = 6104
    NAME = "DestinationFrozen"
    MESSAGE = "The destination is frozen"


class ReserveTooSmall(ChoirProgramError):
    """The rent put in with the spec does not pay for what an approval creates; send lamports to
    the spec.
    """

    CODE = 6105
    NAME = "ReserveTooSmall"
    MESSAGE = (
        "The rent put in with the spec does not pay for what an approval creates; send "
        "lamports to the spec"
    )


BY_CODE: Final[dict[int, type[ChoirProgramError]]] = {
    6000: ArithmeticOverflow,
    6001: AccountAlreadyExists,
    6002: WrongMint,
    6003: WrongTokenProgram,
    6004: WrongVault,
    6005: WrongEscrow,
    6006: WrongTreasuryVault,
    6007: WrongPosition,
    6008: WrongSpec,
    6009: WrongMessage,
    6010: WrongTokenOwner,
    6011: NotUpgradeAuthority,
    6012: AlreadyInitialized,
    6013: GuardianMissing,
    6014: MinStakeTooLow,
    6015: MinThreadBalanceTooLow,
    6016: ApprovalWindowOutOfRange,
    6017: DivestCooldownOutOfRange,
    6018: InactivityWindowOutOfRange,
    6019: MessageRateTooLow,
    6020: TimelockOutOfRange,
    6021: TreasurySignerCount,
    6022: TreasurySignerInvalid,
    6023: TreasuryThresholdInvalid,
    6024: MintExtensionNotAllowed,
    6025: Paused,
    6026: ThreadClosed,
    6027: ThreadIdLength,
    6028: ThreadAlreadyExists,
    6029: NotCoAuthor,
    6030: DepositBelowMinimum,
    6031: AmountZero,
    6032: InsufficientFunds,
    6033: DepositBuysNoShare,
    6034: InsufficientShares,
    6035: BalanceBelowMinimum,
    6036: SharesBelowMinimum,
    6037: DivestCooldown,
    6038: NothingToClaim,
    6039: MessageRateExceeded,
    6040: PrivacyUnchanged,
    6041: CoAuthorCannotSubmit,
    6042: ThreadFull,
    6043: StakeBelowMinimum,
    6044: SpecAlreadyExists,
    6045: SpecNotPending,
    6046: SpecWindowEnded,
    6047: SpecWindowOpen,
    6048: ContentHashMismatch,
    6049: StaleAuthorEpoch,
    6050: AlreadyDecided,
    6051: ThreadInvariant,
    6052: VaultInsolvent,
    6053: PositionInvariant,
    6054: SpecInvariant,
    6055: EscrowInvariant,
    6056: ConfigInvariant,
    6057: TreasuryInvariant,
    6058: WrongThread,
    6059: DepositTooCoarse,
    6060: SlippageExceeded,
    6061: PrivacyMismatch,
    6062: StaleSpec,
    6063: NotSpecAuthor,
    6064: SpecHasDecisions,
    6065: SpecPending,
    6066: ThreadClosing,
    6067: SharesRemain,
    6068: LastCoAuthor,
    6069: CannotRetireSelf,
    6070: RetireeNotCoAuthor,
    6071: AuthorActive,
    6072: NotSoleCoAuthor,
    6073: SpecsPending,
    6074: OthersHaveStake,
    6075: PositionNotEmpty,
    6076: OwnerIsCoAuthor,
    6077: WrongRentPayer,
    6078: WrongCreator,
    6079: NotAuthority,
    6080: AuthorityInvalid,
    6081: NotPendingAuthority,
    6082: ConfigChangePending,
    6083: NoConfigChange,
    6084: TimelockNotOver,
    6085: ConfigChangeExpired,
    6086: NotGuardian,
    6087: PauseFamiliesInvalid,
    6088: PauseTooLong,
    6089: PauseInForce,
    6090: PauseCoolOff,
    6091: NotPaused,
    6092: NotTreasurySigner,
    6093: NotMintAuthority,
    6094: AlreadyApproved,
    6095: ProposalExpired,
    6096: ProposalExecuted,
    6097: ThresholdNotReached,
    6098: WrongDestination,
    6099: NotProposer,
    6100: ProposalOpen,
    6101: WrongProposal,
    6102: ProposalInvariant,
    6103: DestinationNotTokenAccount,
    6104: DestinationFrozen,
    6105: ReserveTooSmall,
}
