//! Every way an instruction refuses. Codes start at 6000 and are only ever appended: clients map
//! them by number.

use anchor_lang::{error::AnchorError, prelude::*};

/// Returns an error unless a condition holds. As Anchor's `require!`, without the place in the source:
/// building that at each of a hundred places would double the program.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $error:expr $(,)?) => {
        if !$condition {
            return Err($crate::errors::refuse($error));
        }
    };
}

/// An error to return.
#[cold]
#[inline(never)]
pub fn refuse(error: ChoirError) -> Error {
    Error::from(AnchorError {
        // as `name()` has it, from one table instead of a copy of each name in code
        error_name: format!("{error:?}"),
        error_code_number: error.into(),
        error_msg: error.to_string(),
        error_origin: None,
        compared_values: None,
    })
}

/// `None` as an error.
pub trait OrRefuse<T> {
    /// The value, or the error.
    fn or_refuse(self, error: ChoirError) -> Result<T>;
}

impl<T> OrRefuse<T> for Option<T> {
    #[inline]
    fn or_refuse(self, error: ChoirError) -> Result<T> {
        match self {
            Some(value) => Ok(value),
            None => Err(refuse(error)),
        }
    }
}

#[error_code]
pub enum ChoirError {
    // ---- arithmetic and addresses
    #[msg("An amount does not fit into 64 bits")]
    ArithmeticOverflow,
    #[msg("This account already exists")]
    AccountAlreadyExists,
    #[msg("The mint is not the one stakes are made in")]
    WrongMint,
    #[msg("The token program is not the one that owns the stake mint")]
    WrongTokenProgram,
    #[msg("The vault does not belong to this thread")]
    WrongVault,
    #[msg("The escrow does not belong to this spec")]
    WrongEscrow,
    #[msg("The treasury vault is not the configured one")]
    WrongTreasuryVault,
    #[msg("The position belongs to another thread or another owner")]
    WrongPosition,
    #[msg("The spec belongs to another thread")]
    WrongSpec,
    #[msg("The message address is not that of the thread's next message")]
    WrongMessage,
    #[msg("The token account belongs to somebody else")]
    WrongTokenOwner,

    // ---- initialize
    #[msg("Only the program's upgrade authority may initialize it")]
    NotUpgradeAuthority,
    #[msg("The program is already initialized")]
    AlreadyInitialized,
    #[msg("The guardian must not be the zero address")]
    GuardianMissing,
    #[msg("The minimum stake must be at least 1 base unit")]
    MinStakeTooLow,
    #[msg("The minimum thread balance must be at least 1000 base units")]
    MinThreadBalanceTooLow,
    #[msg("The approval window must be between 1 second and 365 days")]
    ApprovalWindowOutOfRange,
    #[msg("The divest cooldown must be between 0 seconds and 365 days")]
    DivestCooldownOutOfRange,
    #[msg("The inactivity window must be between 1 second and 365 days")]
    InactivityWindowOutOfRange,
    #[msg("At least one message an hour must be allowed")]
    MessageRateTooLow,
    #[msg("The parameter timelock must be between 0 seconds and 90 days")]
    TimelockOutOfRange,
    #[msg("The treasury needs between 1 and 11 signers")]
    TreasurySignerCount,
    #[msg("A treasury signer is named twice or is the zero address")]
    TreasurySignerInvalid,
    #[msg("The treasury threshold must be between 1 and the number of signers")]
    TreasuryThresholdInvalid,
    #[msg("The stake mint has a Token-2022 extension that is not allowed")]
    MintExtensionNotAllowed,

    // ---- threads
    #[msg("This family of instructions is paused")]
    Paused,
    #[msg("The thread is closed")]
    ThreadClosed,
    #[msg("A thread id has between 1 and 64 bytes")]
    ThreadIdLength,
    #[msg("A thread with this id already exists")]
    ThreadAlreadyExists,
    #[msg("The signer is not a co-author of this thread")]
    NotCoAuthor,
    #[msg("The first deposit is below the minimum thread balance")]
    DepositBelowMinimum,
    #[msg("The amount must not be zero")]
    AmountZero,
    #[msg("The token account holds less than the amount")]
    InsufficientFunds,
    #[msg("The deposit is too small to be worth one share")]
    DepositBuysNoShare,
    #[msg("The position has fewer shares than the amount is worth")]
    InsufficientShares,
    #[msg("The thread would fall below its minimum balance")]
    BalanceBelowMinimum,
    #[msg("Fewer than 1000 shares of the thread would be left")]
    SharesBelowMinimum,
    #[msg("The cooldown since the last deposit or divestment has not passed")]
    DivestCooldown,
    #[msg("There is nothing to claim")]
    NothingToClaim,
    #[msg("The hourly number of messages is used up")]
    MessageRateExceeded,
    #[msg("The thread already has this privacy level")]
    PrivacyUnchanged,

    // ---- specs
    #[msg("A co-author posts directly and does not submit specs")]
    CoAuthorCannotSubmit,
    #[msg("The thread has no free seat for another co-author")]
    ThreadFull,
    #[msg("The stake is below the minimum")]
    StakeBelowMinimum,
    #[msg("This author has already submitted this content to the thread")]
    SpecAlreadyExists,
    #[msg("The spec is already settled")]
    SpecNotPending,
    #[msg("The approval window has ended; the spec can only be expired")]
    SpecWindowEnded,
    #[msg("The approval window has not ended yet")]
    SpecWindowOpen,
    #[msg("The content hash is not the spec's")]
    ContentHashMismatch,
    #[msg("The set of co-authors has changed since this decision was made")]
    StaleAuthorEpoch,
    #[msg("This co-author has already decided")]
    AlreadyDecided,

    // ---- invariants, checked last in every instruction
    #[msg("Invariant broken: the thread's account is inconsistent")]
    ThreadInvariant,
    #[msg("Invariant broken: the vault holds less than the thread owes")]
    VaultInsolvent,
    #[msg("Invariant broken: the position's account is inconsistent")]
    PositionInvariant,
    #[msg("Invariant broken: the spec's account is inconsistent")]
    SpecInvariant,
    #[msg("Invariant broken: the escrow does not hold the spec's stake")]
    EscrowInvariant,
    #[msg("Invariant broken: the configuration is inconsistent")]
    ConfigInvariant,
    #[msg("Invariant broken: the treasury's account is inconsistent")]
    TreasuryInvariant,

    // ---- appended later, in order
    #[msg("The thread's address is not that of its id")]
    WrongThread,
}
