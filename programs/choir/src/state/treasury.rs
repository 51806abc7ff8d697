//! What split stakes pay into, and who decides about it.

use crate::{
    constants::*,
    ensure,
    errors::{ChoirError, OrRefuse},
};
use anchor_lang::prelude::*;

/// The common treasury: one account, at `["treasury"]`.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, InitSpace, Debug)]
pub struct Treasury {
    /// Layout version of this account.
    pub version: u8,
    /// Bump of this account's address; it signs for the vault, and for the mint where it may mint.
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
    /// Who may propose, approve and execute, 1 to 11, none twice. A proposal's bitmap goes by the
    /// index here.
    #[max_len(MAX_TREASURY_SIGNERS)]
    pub signers: Vec<Pubkey>,
}

/// Most bytes of the signers, with their number before them.
const VARYING: usize = 4 + MAX_TREASURY_SIGNERS * 32;

crate::layout::account!(Treasury = [238, 239, 123, 238, 89, 1, 168, 253], varying VARYING, {
    version,
    bump,
    vault_bump,
    threshold,
    signer_epoch,
    proposal_count,
    vault,
    reserved,
    signers,
});

/// Refuses a set of signers and a threshold that could not decide, each fault by name.
pub fn validate_signers(signers: &[Pubkey], threshold: u8) -> Result<()> {
    let count = signers.len();
    ensure!(
        (1..=MAX_TREASURY_SIGNERS).contains(&count),
        ChoirError::TreasurySignerCount
    );
    ensure!(
        threshold >= 1 && usize::from(threshold) <= count,
        ChoirError::TreasuryThresholdInvalid
    );
    let zero = Pubkey::default();
    let invalid = signers
        .iter()
        .enumerate()
        .any(|(i, signer)| *signer == zero || signers.iter().take(i).any(|s| s == signer));
    ensure!(!invalid, ChoirError::TreasurySignerInvalid);
    Ok(())
}

impl Treasury {
    /// Place of a signer, the bit they have in a proposal's bitmap; refuses anybody else.
    pub fn require_signer(&self, key: &Pubkey) -> Result<usize> {
        self.signers
            .iter()
            .position(|signer| signer == key)
            .or_refuse(ChoirError::NotTreasurySigner)
    }

    /// Index of a new proposal; no index is given twice.
    pub fn next_index(&mut self) -> Result<u64> {
        let index = self.proposal_count;
        self.proposal_count = index
            .checked_add(1)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        Ok(index)
    }

    /// Replaces the signers and the threshold. Approvals of open proposals are void from here on.
    pub fn set_signers(&mut self, signers: Vec<Pubkey>, threshold: u8) -> Result<()> {
        validate_signers(&signers, threshold)?;
        self.signers = signers;
        self.threshold = threshold;
        self.signer_epoch = self
            .signer_epoch
            .checked_add(1)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        Ok(())
    }

    /// What must hold of the treasury after every instruction that writes it.
    pub fn invariant(&self) -> Result<()> {
        validate_signers(&self.signers, self.threshold)?;
        ensure!(
            self.version == ACCOUNT_VERSION && self.vault != Pubkey::default(),
            ChoirError::TreasuryInvariant
        );
        Ok(())
    }
}
