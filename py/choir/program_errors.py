"""One exception for each error of the Choir program, and `BY_CODE`.

Generated from the program's IDL by scripts/generate-python. Do not edit.
"""

from __future__ import annotations

from typing import Final

from choir.errors import ChoirProgramError

__all__ = [
    "BY_CODE",
    "AccountAlreadyExists",
    "AlreadyDecided",
    "AlreadyInitialized",
    "AmountZero",
    "ApprovalWindowOutOfRange",
    "ArithmeticOverflow",
    "BalanceBelowMinimum",
    "CoAuthorCannotSubmit",
    "ConfigInvariant",
    "ContentHashMismatch",
    "DepositBelowMinimum",
    "DepositBuysNoShare",
    "DivestCooldown",
    "DivestCooldownOutOfRange",
    "EscrowInvariant",
    "GuardianMissing",
    "InactivityWindowOutOfRange",
    "InsufficientFunds",
    "InsufficientShares",
    "MessageRateExceeded",
    "MessageRateTooLow",
    "MinStakeTooLow",
    "MinThreadBalanceTooLow",
    "MintExtensionNotAllowed",
    "NotCoAuthor",
    "NotUpgradeAuthority",
    "NothingToClaim",
    "Paused",
    "PositionInvariant",
    "PrivacyUnchanged",
    "SharesBelowMinimum",
    "SpecAlreadyExists",
    "SpecInvariant",
    "SpecNotPending",
    "SpecWindowEnded",
    "SpecWindowOpen",
    "StakeBelowMinimum",
    "StaleAuthorEpoch",
    "ThreadAlreadyExists",
    "ThreadClosed",
    "ThreadFull",
    "ThreadIdLength",
    "ThreadInvariant",
    "TimelockOutOfRange",
    "TreasuryInvariant",
    "TreasurySignerCount",
    "TreasurySignerInvalid",
    "TreasuryThresholdInvalid",
    "VaultInsolvent",
    "WrongEscrow",
    "WrongMessage",
    "WrongMint",
    "WrongPosition",
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
    """The approval window must be between 1 second and 365 days."""

    CODE = 6016
    NAME = "ApprovalWindowOutOfRange"
    MESSAGE = "The approval window must be between 1 second and 365 days"


class DivestCooldownOutOfRange(ChoirProgramError):
    """The divest cooldown must be between 0 seconds and 365 days."""

    CODE = 6017
    NAME = "DivestCooldownOutOfRange"
    MESSAGE = "The divest cooldown must be between 0 seconds and 365 days"


class InactivityWindowOutOfRange(ChoirProgramError):
    """The inactivity window must be between 1 second and 365 days."""

    CODE = 6018
    NAME = "InactivityWindowOutOfRange"
    MESSAGE = "The inactivity window must be between 1 second and 365 days"


class MessageRateTooLow(ChoirProgramError):
    """At least one message an hour must be allowed."""

    CODE = 6019
    NAME = "MessageRateTooLow"
    MESSAGE = "At least one message an hour must be allowed"


class TimelockOutOfRange(ChoirProgramError):
    """The parameter timelock must be between 0 seconds and 90 days."""

    CODE = 6020
    NAME = "TimelockOutOfRange"
    MESSAGE = "The parameter timelock must be between 0 seconds and 90 days"


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
    """Fewer than 1000 shares of the thread would be left."""

    CODE = 6036
    NAME = "SharesBelowMinimum"
    MESSAGE = "Fewer than 1000 shares of the thread would be left"


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
    """The approval window has ended; the spec can only be expired."""

    CODE = 6046
    NAME = "SpecWindowEnded"
    MESSAGE = "The approval window has ended; the spec can only be expired"


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
}
