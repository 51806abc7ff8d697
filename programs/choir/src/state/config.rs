//! The program-wide settings.

use super::Params;
use crate::{constants::*, ensure, errors::ChoirError};
use anchor_lang::prelude::*;

/// Program-wide settings: one account, at `["config"]`.
#[account]
#[derive(InitSpace)]
pub struct Config {
    /// Layout version of this account.
    pub version: u8,
    /// Bump of this account's address.
    pub bump: u8,
    /// Who may change the settings.
    pub authority: Pubkey,
    /// Who has been offered the authority and not yet accepted it; zeros when nobody.
    pub pending_authority: Pubkey,
    /// Who may pause, besides the authority.
    pub guardian: Pubkey,
    /// The mint stakes are made in; it never changes.
    pub stake_mint: Pubkey,
    /// The token program that owns the mint: SPL Token or Token-2022.
    pub token_program: Pubkey,
    /// The treasury account.
    pub treasury: Pubkey,
    /// The treasury's token account.
    pub treasury_vault: Pubkey,
    /// Decimals of the mint.
    pub mint_decimals: u8,
    /// The settings in force.
    pub params: Params,
    /// How long a proposed change must wait before it is applied, seconds.
    pub parameter_timelock: i64,
    /// The proposed settings; meaningless when `pending_params_at` is 0.
    pub pending_params: Params,
    /// When the proposed settings may be applied, Unix seconds; 0 when none are proposed.
    pub pending_params_at: i64,
    /// Families of instructions that are paused, a bit each. Trap: the bits stay set after the pause
    /// has ended; read them together with `paused_until`.
    pub pause_bits: u8,
    /// When the pause ends by itself, Unix seconds; 0 when there never was one.
    pub paused_until: i64,
    /// Zeros, for later fields.
    pub reserved: [u8; 64],
}

impl Params {
    /// Refuses settings that would make the program unusable or unsafe, each by name.
    pub fn validate(&self) -> Result<()> {
        ensure!(self.min_stake >= 1, ChoirError::MinStakeTooLow);
        ensure!(
            self.min_thread_balance >= MIN_THREAD_BALANCE_FLOOR,
            ChoirError::MinThreadBalanceTooLow
        );
        ensure!(
            (1..=MAX_WINDOW).contains(&self.approval_window),
            ChoirError::ApprovalWindowOutOfRange
        );
        ensure!(
            (0..=MAX_WINDOW).contains(&self.divest_cooldown),
            ChoirError::DivestCooldownOutOfRange
        );
        ensure!(
            (1..=MAX_WINDOW).contains(&self.inactivity_window),
            ChoirError::InactivityWindowOutOfRange
        );
        ensure!(self.messages_per_hour >= 1, ChoirError::MessageRateTooLow);
        Ok(())
    }
}

impl Config {
    /// Refuses when the family of instructions is paused at `now` (Unix seconds).
    pub fn require_running(&self, family: u8, now: i64) -> Result<()> {
        ensure!(
            self.pause_bits & family == 0 || now >= self.paused_until,
            ChoirError::Paused
        );
        Ok(())
    }

    /// Refuses a mint and a token program that are not the configured ones.
    pub fn require_stake(&self, mint: &Pubkey, token_program: &Pubkey) -> Result<()> {
        ensure!(*mint == self.stake_mint, ChoirError::WrongMint);
        ensure!(
            *token_program == self.token_program,
            ChoirError::WrongTokenProgram
        );
        Ok(())
    }

    /// What must hold of the settings after every instruction that writes them.
    pub fn invariant(&self) -> Result<()> {
        self.params.validate()?;
        ensure!(
            (0..=MAX_PARAMETER_TIMELOCK).contains(&self.parameter_timelock),
            ChoirError::TimelockOutOfRange
        );
        let zero = Pubkey::default();
        ensure!(self.guardian != zero, ChoirError::GuardianMissing);
        ensure!(
            self.version == ACCOUNT_VERSION
                && self.authority != zero
                && self.stake_mint != zero
                && self.treasury != zero
                && self.treasury_vault != zero
                && self.pending_params_at >= 0
                && self.paused_until >= 0,
            ChoirError::ConfigInvariant
        );
        Ok(())
    }
}
