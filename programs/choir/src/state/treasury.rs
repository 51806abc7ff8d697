//! What split stakes pay into.

use crate::{constants::*, ensure, errors::ChoirError};
use anchor_lang::prelude::*;

/// The common treasury: one account, at `["treasury"]`.
#[account]
#[derive(InitSpace)]
pub struct Treasury {
    /// Layout version of this account.
    pub version: u8,
    /// Bump of this account's address.
    pub bump: u8,
    /// Bump of the vault's address.
    pub vault_bump: u8,
    /// How many signers must approve a proposal.
    pub threshold: u8,
    /// Rises with every change of the signers or the threshold, which voids open approvals.
    pub signer_epoch: u32,
    /// How many proposals were ever made; the index of the next one.
    pub proposal_count: u64,
    /// The treasury's token account, at `["treasury_vault"]`, owned by this account's address.
    pub vault: Pubkey,
    /// Zeros, for later fields.
    pub reserved: [u8; 64],
    /// Who may propose and approve, 1 to 11, none twice.
    #[max_len(MAX_TREASURY_SIGNERS)]
    pub signers: Vec<Pubkey>,
}

impl Treasury {
    /// What must hold of the treasury after every instruction that writes it.
    pub fn invariant(&self) -> Result<()> {
        let count = self.signers.len();
        ensure!(
            (1..=MAX_TREASURY_SIGNERS).contains(&count),
            ChoirError::TreasurySignerCount
        );
        ensure!(
            self.threshold >= 1 && usize::from(self.threshold) <= count,
            ChoirError::TreasuryThresholdInvalid
        );
        let zero = Pubkey::default();
        let twice = self.signers.iter().enumerate().any(|(i, signer)| {
            *signer == zero || self.signers.iter().skip(i).skip(1).any(|s| s == signer)
        });
        ensure!(!twice, ChoirError::TreasurySignerInvalid);
        ensure!(
            self.version == ACCOUNT_VERSION && self.vault != zero,
            ChoirError::TreasuryInvariant
        );
        Ok(())
    }
}
