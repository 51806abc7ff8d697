//! A speculative message with a stake on it.

use super::{Decision, PrivacyLevel, SpecStatus};
use crate::{
    constants::*,
    ensure,
    errors::{ChoirError, OrRefuse},
};
use anchor_lang::prelude::*;

/// A spec, at `["spec", thread, author, content_hash]`: with the author in the address nobody can
/// squat somebody else's content.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, InitSpace, Debug)]
pub struct Spec {
    /// Layout version of this account.
    pub version: u8,
    /// Bump of this account's address; it signs for the escrow.
    pub bump: u8,
    /// Bump of the escrow's address.
    pub escrow_bump: u8,
    /// Pending, or how it was settled.
    pub status: SpecStatus,
    /// The thread it wants to join.
    pub thread: Pubkey,
    /// Who submitted and staked it.
    pub author: Pubkey,
    /// Who paid the rent of this account, of the escrow and, in advance, of the message and the
    /// position that an approval creates; gets back what is left. Trap: this account therefore holds
    /// more lamports than its own rent until it is cleaned up.
    pub rent_payer: Pubkey,
    /// sha256 of the content.
    pub content_hash: [u8; 32],
    /// Which of the thread's submissions this is, from 0. The address of a spec that was cleaned up
    /// can be used again by its author; a decision names this number so that it binds to one.
    pub sequence: u64,
    /// The thread's privacy level at submission, which the author has signed. An approved message gets
    /// the stricter of this and the thread's level at approval.
    pub privacy: PrivacyLevel,
    /// What is at stake, base units.
    pub stake: u64,
    /// Who has approved: bit i is the thread's `co_authors[i]`. Trap: only meaningful together with
    /// `author_epoch`; under another epoch of the thread these decisions are void.
    pub approvals: u16,
    /// Who has denied, likewise.
    pub denials: u16,
    /// The thread's `author_epoch` the decisions were made under.
    pub author_epoch: u32,
    /// When it was submitted, Unix seconds.
    pub submitted_at: i64,
    /// When the window for decisions ends, Unix seconds; from then on it can only be expired.
    pub expires_at: i64,
    /// When it was settled, Unix seconds; 0 while pending.
    pub resolved_at: i64,
    /// Zeros, for later fields.
    pub reserved: [u8; 32],
}

crate::layout::account!(Spec = [78, 27, 36, 210, 131, 142, 91, 144], varying 0, {
    version,
    bump,
    escrow_bump,
    status,
    thread,
    author,
    rent_payer,
    content_hash,
    sequence,
    privacy,
    stake,
    approvals,
    denials,
    author_epoch,
    submitted_at,
    expires_at,
    resolved_at,
    reserved,
});

impl Spec {
    /// Refuses the spec of another thread.
    pub fn require_of(&self, thread: &Pubkey) -> Result<()> {
        ensure!(self.thread == *thread, ChoirError::WrongSpec);
        Ok(())
    }

    /// Refuses when the spec is settled.
    pub fn require_pending(&self) -> Result<()> {
        ensure!(
            self.status == SpecStatus::Pending,
            ChoirError::SpecNotPending
        );
        Ok(())
    }

    /// Refuses when the spec is not settled.
    pub fn require_settled(&self) -> Result<()> {
        ensure!(self.status != SpecStatus::Pending, ChoirError::SpecPending);
        Ok(())
    }

    /// Refuses when the window for decisions has ended at `now`, Unix seconds.
    pub fn require_window_open(&self, now: i64) -> Result<()> {
        ensure!(now < self.expires_at, ChoirError::SpecWindowEnded);
        Ok(())
    }

    /// Notes the decision of the co-author at `index` of the set of `author_epoch`. Decisions made
    /// under another set are dropped first.
    pub fn decide(&mut self, index: usize, decision: Decision, author_epoch: u32) -> Result<()> {
        if self.author_epoch != author_epoch {
            self.author_epoch = author_epoch;
            self.approvals = 0;
            self.denials = 0;
        }
        let bit = u32::try_from(index)
            .ok()
            .and_then(|shift| 1u16.checked_shl(shift))
            .or_refuse(ChoirError::SpecInvariant)?;
        ensure!(
            (self.approvals | self.denials) & bit == 0,
            ChoirError::AlreadyDecided
        );
        match decision {
            Decision::Approve => self.approvals |= bit,
            Decision::Deny => self.denials |= bit,
        }
        Ok(())
    }

    /// Whether all of `authors` co-authors have decided.
    pub fn is_decided(&self, authors: usize) -> bool {
        let decided = self.approvals | self.denials;
        usize::try_from(decided.count_ones()).is_ok_and(|count| count == authors)
    }

    /// How decisions that are complete settle the spec.
    pub fn outcome(&self) -> SpecStatus {
        match (self.approvals, self.denials) {
            (_, 0) => SpecStatus::Approved,
            (0, _) => SpecStatus::Denied,
            _ => SpecStatus::Split,
        }
    }

    /// Refuses when a co-author of the present set, that of `author_epoch`, has decided. Decisions made
    /// under another set are void.
    pub fn require_undecided(&self, author_epoch: u32) -> Result<()> {
        ensure!(
            self.author_epoch != author_epoch || self.approvals | self.denials == 0,
            ChoirError::SpecHasDecisions
        );
        Ok(())
    }

    /// Settles the spec at `now`, Unix seconds.
    pub fn resolve(&mut self, status: SpecStatus, now: i64) {
        self.status = status;
        self.resolved_at = now;
    }

    /// What must hold of the spec after every instruction, among `authors` co-authors.
    pub fn invariant(&self, authors: usize) -> Result<()> {
        let seats = u32::try_from(authors)
            .ok()
            .and_then(|authors| 1u32.checked_shl(authors))
            .or_refuse(ChoirError::SpecInvariant)?;
        let decided = u32::from(self.approvals | self.denials);
        ensure!(
            self.version == ACCOUNT_VERSION
                && self.approvals & self.denials == 0
                && decided < seats
                && self.stake > 0
                && self.submitted_at < self.expires_at
                && (self.status == SpecStatus::Pending) == (self.resolved_at == 0),
            ChoirError::SpecInvariant
        );
        Ok(())
    }
}
