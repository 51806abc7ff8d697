//! The small types accounts, arguments and events share. Variants are only ever appended.

use anchor_lang::prelude::*;

/// Who may read a message's content, each level stricter than the one before. Content is off the
/// chain; whoever serves it honours this.
#[derive(
    AnchorSerialize,
    AnchorDeserialize,
    InitSpace,
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
)]
pub enum PrivacyLevel {
    /// Everybody.
    Public,
    /// Holders of a premium subscription, and the co-authors.
    Premium,
    /// The co-authors.
    ThreadOnly,
    /// The co-authors, and what is stored is a ciphertext.
    Encrypted,
}

impl PrivacyLevel {
    /// The level of the two that fewer people may read.
    pub fn stricter(self, other: Self) -> Self {
        self.max(other)
    }
}

/// Whether a thread can still be used.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadStatus {
    /// In use.
    Open,
    /// Emptied by its last co-author; the account stays, so that its id is never used twice.
    Closed,
    /// Being wound down, for good: shares and rewards can be taken out, and nothing else happens.
    Closing,
}

/// What became of a spec.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecStatus {
    /// Waiting for decisions; the stake is in escrow.
    Pending,
    /// Every co-author approved: the stake went to them and the author joined.
    Approved,
    /// Every co-author denied: the stake went to the thread.
    Denied,
    /// The co-authors disagreed: the stake went to the treasury and the thread.
    Split,
    /// The window ended first: the stake went back to the author.
    Expired,
    /// The author took it back while no decision on it was in force.
    Withdrawn,
}

/// A co-author's answer to a spec.
#[derive(AnchorSerialize, AnchorDeserialize, InitSpace, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Let the author join.
    Approve,
    /// Keep the author out.
    Deny,
}

/// What the authority may tune. Amounts in base units of the stake mint, spans in seconds.
#[derive(
    AnchorSerialize, AnchorDeserialize, InitSpace, Clone, Copy, Debug, Default, PartialEq, Eq,
)]
pub struct Params {
    /// Smallest stake of a spec, base units, at least 1.
    pub min_stake: u64,
    /// What a thread must be opened with and may not be divested below, base units, at least 1000.
    pub min_thread_balance: u64,
    /// How long a spec waits for decisions, seconds. Applies to specs submitted later.
    pub approval_window: i64,
    /// How long after a deposit or a divestment the next divestment must wait, seconds.
    pub divest_cooldown: i64,
    /// After how many seconds without any action a co-author may be retired by another.
    pub inactivity_window: i64,
    /// How many messages a co-author may post within one hour, at least 1.
    pub messages_per_hour: u16,
}

crate::layout::enumerations!(PrivacyLevel, ThreadStatus, SpecStatus);
crate::layout::record!(Params {
    min_stake,
    min_thread_balance,
    approval_window,
    divest_cooldown,
    inactivity_window,
    messages_per_hour,
});

#[cfg(test)]
mod tests {
    use super::PrivacyLevel::{self, *};

    #[test]
    fn levels_are_ordered_by_how_few_may_read() {
        const LEVELS: [PrivacyLevel; 4] = [Public, Premium, ThreadOnly, Encrypted];
        for (i, a) in LEVELS.into_iter().enumerate() {
            for (j, b) in LEVELS.into_iter().enumerate() {
                assert_eq!(a.stricter(b), LEVELS[i.max(j)]);
            }
        }
    }
}
