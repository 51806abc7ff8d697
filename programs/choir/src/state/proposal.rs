//! What the signers of the treasury decide about.

use super::{validate_signers, Treasury};
use crate::{
    constants::*,
    ensure,
    errors::{ChoirError, OrRefuse},
};
use anchor_lang::prelude::*;

/// A proposal to the signers of the treasury, at `["treasury", index]` (u64, little endian).
///
/// Its account is as large as its action needs, which never changes.
#[account]
#[derive(Debug)]
pub struct TreasuryProposal {
    /// Layout version of this account.
    pub version: u8,
    /// Bump of this account's address.
    pub bump: u8,
    /// Its number, from 0; never used again, so that an approval cannot be meant for another.
    pub index: u64,
    /// Which signer proposed it; has paid the rent of this account and gets it back. Trap: not
    /// necessarily a signer any more.
    pub proposer: Pubkey,
    /// The treasury's `signer_epoch` the approvals were given under.
    pub signer_epoch: u32,
    /// Who has approved: bit i is the treasury's `signers[i]`. Trap: only meaningful together with
    /// `signer_epoch`; under another epoch of the treasury these approvals are void.
    pub approvals: u16,
    /// When it was proposed, Unix seconds.
    pub created_at: i64,
    /// From when on it can be neither approved nor executed, Unix seconds.
    pub expires_at: i64,
    /// When it was executed, Unix seconds; 0 when it was not.
    pub executed_at: i64,
    /// Zeros, for later fields.
    pub reserved: [u8; 32],
    /// What is proposed.
    pub action: TreasuryAction,
}

/// What can be proposed to the signers of the treasury. Variants are only ever appended.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug, PartialEq, Eq)]
pub enum TreasuryAction {
    /// Pays from the treasury's vault.
    Spend {
        /// How much, base units of the stake mint.
        amount: u64,
        /// A token account of the stake mint. Trap: what counts is who owns it when the proposal is
        /// executed.
        destination: Pubkey,
    },
    /// Mints new tokens; only where the treasury is the mint's authority.
    Mint {
        /// How much, base units of the stake mint.
        amount: u64,
        /// A token account of the stake mint, as above.
        destination: Pubkey,
    },
    /// Replaces the signers and the threshold, which voids all open approvals.
    SetSigners {
        /// Who may propose, approve and execute, 1 to 11, none twice.
        signers: Vec<Pubkey>,
        /// How many of them must approve a proposal.
        threshold: u8,
    },
}

impl TreasuryAction {
    /// Refuses an action that could never be executed, each fault by name.
    pub fn validate(&self) -> Result<()> {
        match self {
            Self::Spend { amount, .. } | Self::Mint { amount, .. } => {
                ensure!(*amount > 0, ChoirError::AmountZero);
                Ok(())
            }
            Self::SetSigners { signers, threshold } => validate_signers(signers, *threshold),
        }
    }

    /// The token account it pays into, if it pays.
    pub fn destination(&self) -> Option<&Pubkey> {
        match self {
            Self::Spend { destination, .. } | Self::Mint { destination, .. } => Some(destination),
            Self::SetSigners { .. } => None,
        }
    }
}

impl TreasuryProposal {
    /// A proposal made at `now`, Unix seconds, that nobody has approved. Also not its proposer, who
    /// approves as the others do.
    pub fn new(
        bump: u8,
        index: u64,
        proposer: Pubkey,
        action: TreasuryAction,
        signer_epoch: u32,
        now: i64,
    ) -> Result<Self> {
        action.validate()?;
        Ok(Self {
            version: ACCOUNT_VERSION,
            bump,
            index,
            proposer,
            signer_epoch,
            approvals: 0,
            created_at: now,
            expires_at: now
                .checked_add(PROPOSAL_LIFE)
                .or_refuse(ChoirError::ArithmeticOverflow)?,
            executed_at: 0,
            reserved: [0; 32],
            action,
        })
    }

    /// Size of its account, in bytes.
    pub fn bytes(&self) -> Result<usize> {
        let mut data = Vec::new();
        self.try_serialize(&mut data)?;
        Ok(data.len())
    }

    /// Refuses a proposal that has been executed.
    pub fn require_not_executed(&self) -> Result<()> {
        ensure!(self.executed_at == 0, ChoirError::ProposalExecuted);
        Ok(())
    }

    /// Refuses a proposal that has been executed or has expired at `now`, Unix seconds.
    pub fn require_open(&self, now: i64) -> Result<()> {
        self.require_not_executed()?;
        ensure!(now < self.expires_at, ChoirError::ProposalExpired);
        Ok(())
    }

    /// Refuses a proposal that can still be executed at `now`, Unix seconds.
    pub fn require_over(&self, now: i64) -> Result<()> {
        ensure!(
            self.executed_at != 0 || now >= self.expires_at,
            ChoirError::ProposalOpen
        );
        Ok(())
    }

    /// Notes the approval of the signer at `place` of the set of `signer_epoch`. Approvals given
    /// under another set are dropped first.
    pub fn approve(&mut self, place: usize, signer_epoch: u32) -> Result<()> {
        if self.signer_epoch != signer_epoch {
            self.signer_epoch = signer_epoch;
            self.approvals = 0;
        }
        let bit = u32::try_from(place)
            .ok()
            .and_then(|shift| 1u16.checked_shl(shift))
            .or_refuse(ChoirError::ProposalInvariant)?;
        ensure!(self.approvals & bit == 0, ChoirError::AlreadyApproved);
        self.approvals |= bit;
        Ok(())
    }

    /// Refuses a proposal that too few of the treasury's present signers have approved.
    pub fn require_threshold(&self, treasury: &Treasury) -> Result<()> {
        ensure!(
            self.signer_epoch == treasury.signer_epoch
                && self.approvals.count_ones() >= u32::from(treasury.threshold),
            ChoirError::ThresholdNotReached
        );
        Ok(())
    }

    /// Notes that it was executed at `now`, Unix seconds. Once, and while open and approved.
    pub fn execute(&mut self, treasury: &Treasury, now: i64) -> Result<()> {
        self.require_open(now)?;
        self.require_threshold(treasury)?;
        self.executed_at = now;
        Ok(())
    }

    /// What must hold of the proposal, next to the treasury, after every instruction that writes it.
    pub fn invariant(&self, treasury: &Treasury) -> Result<()> {
        let seats = u32::try_from(treasury.signers.len())
            .ok()
            .and_then(|count| 1u32.checked_shl(count))
            .or_refuse(ChoirError::ProposalInvariant)?;
        let of_present_signers = self.signer_epoch == treasury.signer_epoch;
        ensure!(
            self.version == ACCOUNT_VERSION
                && self.index < treasury.proposal_count
                && self.signer_epoch <= treasury.signer_epoch
                && (!of_present_signers || u32::from(self.approvals) < seats)
                && self.created_at < self.expires_at
                && (self.executed_at == 0
                    || (self.created_at..self.expires_at).contains(&self.executed_at)),
            ChoirError::ProposalInvariant
        );
        Ok(())
    }
}
