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
        // as `name()` and `to_string()` have them, which hold each text in code of its own
        error_name: text(NAMES, &NAME_ENDS, error).to_owned(),
        error_code_number: error.into(),
        error_msg: text(MESSAGES, &MESSAGE_ENDS, error).to_owned(),
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

/// Declares the errors, and puts their names and messages one after the other, a line each.
macro_rules! errors {
    ($(#[msg($message:tt)] $name:ident,)*) => {
        #[error_code]
        pub enum ChoirError {
            $(#[msg($message)] $name,)*
        }

        const COUNT: usize = [$(ChoirError::$name),*].len();
        const NAMES: &str = concat!($(stringify!($name), "\n"),*);
        const MESSAGES: &str = concat!($($message, "\n"),*);
    };
}

const NAME_ENDS: [u16; COUNT] = ends(NAMES);
const MESSAGE_ENDS: [u16; COUNT] = ends(MESSAGES);

/// Where each line ends.
#[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)] // worked out by the compiler
const fn ends(lines: &str) -> [u16; COUNT] {
    let bytes = lines.as_bytes();
    assert!(bytes.len() <= u16::MAX as usize);
    let (mut ends, mut line, mut at) = ([0; COUNT], 0, 0);
    while at < bytes.len() {
        if bytes[at] == b'\n' {
            ends[line] = at as u16;
            line += 1;
        }
        at += 1;
    }
    assert!(line == COUNT);
    ends
}

/// The line of an error.
fn text(lines: &'static str, ends: &[u16; COUNT], error: ChoirError) -> &'static str {
    let line = error as usize;
    let end = ends.get(line).copied().unwrap_or_default();
    let start = match line.checked_sub(1).and_then(|before| ends.get(before)) {
        Some(before) => before.saturating_add(1),
        None => 0,
    };
    lines
        .get(usize::from(start)..usize::from(end))
        .unwrap_or_default()
}

errors! {
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
    #[msg("The approval window must be between 1 hour and 365 days")]
    ApprovalWindowOutOfRange,
    #[msg("The divest cooldown must be between 0 seconds and 90 days")]
    DivestCooldownOutOfRange,
    #[msg("The inactivity window must be between 8 days (the longest pause and a day more) and 365 days")]
    InactivityWindowOutOfRange,
    #[msg("At least one message an hour must be allowed")]
    MessageRateTooLow,
    #[msg("The parameter timelock must be between 1 day and 90 days")]
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
    #[msg("No share would be left to stand for the thread's balance")]
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
    #[msg("The approval window has ended; the spec can only be expired or withdrawn")]
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
    #[msg("Over a thousandth of this deposit would be lost to rounding; deposit a multiple of what a share is worth")]
    DepositTooCoarse,
    #[msg("The price of a share has moved past the limit given; look at the thread and try again")]
    SlippageExceeded,
    #[msg(
        "The thread has another privacy level than the author expects; look at it and sign again"
    )]
    PrivacyMismatch,
    #[msg("This decision was made on an earlier submission of the same content")]
    StaleSpec,
    #[msg("Only the spec's author may withdraw it")]
    NotSpecAuthor,
    #[msg("A co-author has decided on this spec; it can be withdrawn once its window has ended")]
    SpecHasDecisions,
    #[msg("The spec is still waiting for decisions")]
    SpecPending,
    #[msg("The thread is being wound down: one can only divest, claim and close it")]
    ThreadClosing,
    #[msg("The position still has shares; divest them first")]
    SharesRemain,
    #[msg("The last co-author cannot leave; close the thread or wind it down instead")]
    LastCoAuthor,
    #[msg("A co-author cannot retire themselves; leave the thread instead")]
    CannotRetireSelf,
    #[msg("The one to retire is not a co-author of this thread")]
    RetireeNotCoAuthor,
    #[msg("The one to retire has acted within the inactivity window")]
    AuthorActive,
    #[msg("The thread has other co-authors; only its sole remaining one may do this")]
    NotSoleCoAuthor,
    #[msg("Specs are waiting for decisions; they must be settled, expired or withdrawn first")]
    SpecsPending,
    #[msg("Others still have shares or rewards in this thread")]
    OthersHaveStake,
    #[msg("The position still has shares or rewards in it")]
    PositionNotEmpty,
    #[msg("The position belongs to a co-author of the thread")]
    OwnerIsCoAuthor,
    #[msg("The rent can only go back to the account that paid it")]
    WrongRentPayer,
    #[msg("The vault's rent can only go to the creator of the thread")]
    WrongCreator,

    // ---- settings
    #[msg("Only the authority of the settings may do this")]
    NotAuthority,
    #[msg("The new authority must not be the zero address")]
    AuthorityInvalid,
    #[msg("Only the account the authority was offered to may accept it")]
    NotPendingAuthority,
    #[msg("A change of the settings is already proposed; apply it or cancel it first")]
    ConfigChangePending,
    #[msg("No change of the settings is proposed")]
    NoConfigChange,
    #[msg("The proposed change of the settings must still wait for its timelock")]
    TimelockNotOver,
    #[msg("The proposed change of the settings is too old; cancel it and propose it anew")]
    ConfigChangeExpired,
    #[msg("Only the guardian or the authority may pause and unpause")]
    NotGuardian,
    #[msg("Name at least one family of instructions, and only known ones")]
    PauseFamiliesInvalid,
    #[msg("A pause lasts between 1 second and 7 days")]
    PauseTooLong,
    #[msg("A family named is already paused; a running pause cannot be prolonged")]
    PauseInForce,
    #[msg("A family named was paused less than a day ago and cannot be paused again yet")]
    PauseCoolOff,
    #[msg("A family named is not paused")]
    NotPaused,

    // ---- treasury
    #[msg("Only a signer of the treasury may do this")]
    NotTreasurySigner,
    #[msg("The treasury is not the authority of the mint, so it cannot mint")]
    NotMintAuthority,
    #[msg("This signer has already approved the proposal")]
    AlreadyApproved,
    #[msg("The proposal has expired")]
    ProposalExpired,
    #[msg("The proposal has been executed")]
    ProposalExecuted,
    #[msg("Too few of the present signers have approved the proposal")]
    ThresholdNotReached,
    #[msg("The destination is not the one the proposal names, or is the treasury's own vault")]
    WrongDestination,
    #[msg("Only the proposal's proposer may cancel it")]
    NotProposer,
    #[msg("The proposal can still be executed; its proposer may cancel it")]
    ProposalOpen,
    #[msg("The proposal's address is not that of the treasury's next proposal")]
    WrongProposal,
    #[msg("Invariant broken: the proposal's account is inconsistent")]
    ProposalInvariant,
    #[msg("The destination is not a token account in use")]
    DestinationNotTokenAccount,
    #[msg("The destination is frozen")]
    DestinationFrozen,
    #[msg("The rent put in with the spec does not pay for what an approval creates; send lamports to the spec")]
    ReserveTooSmall,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_messages_are_those_of_the_enum() {
        for (place, name) in NAMES.lines().enumerate() {
            let message = MESSAGES.lines().nth(place).unwrap();
            assert!(!name.is_empty() && !message.is_empty());
        }
        for error in [
            ChoirError::ArithmeticOverflow,
            ChoirError::AccountAlreadyExists,
            ChoirError::WrongThread,
            ChoirError::DestinationFrozen,
        ] {
            assert_eq!(text(NAMES, &NAME_ENDS, error), error.name());
            assert_eq!(text(MESSAGES, &MESSAGE_ENDS, error), error.to_string());
        }
        assert_eq!(NAMES.lines().count(), COUNT);
    }
}
