//! `execute_treasury`

use crate::{
    constants::*,
    ensure,
    errors::{ChoirError, OrRefuse},
    events::{emit, TreasuryExecuted},
    state::*,
    token::{self, Minting, Transfer},
};
use anchor_lang::prelude::*;

/// Accounts of `execute_treasury`.
#[event_cpi]
#[derive(Accounts)]
pub struct ExecuteTreasury<'info> {
    /// A signer of the treasury; need not have approved.
    pub signer: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The treasury, which signs.
    #[account(mut, dup)]
    pub treasury: Box<Account<'info, Treasury>>,
    /// The proposal.
    #[account(mut, dup)]
    pub proposal: Box<Account<'info, TreasuryProposal>>,
    /// The treasury's token account.
    /// CHECK: the handler compares the address with the one the treasury stores.
    #[account(mut)]
    pub treasury_vault: UncheckedAccount<'info>,
    /// Where the action pays to; none when it does not pay.
    /// CHECK: the handler compares the address with the proposal's and reads the account.
    #[account(mut)]
    pub destination: Option<UncheckedAccount<'info>>,
    /// The mint of all stakes.
    /// CHECK: the handler compares the address with the configured one.
    #[account(mut)]
    pub stake_mint: UncheckedAccount<'info>,
    /// The token program that owns the mint.
    /// CHECK: the handler compares the address with the configured one.
    pub token_program: UncheckedAccount<'info>,
}

impl<'info> ExecuteTreasury<'info> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let config = &accounts.config;
        config.require_running(PAUSE_TREASURY, now)?;
        config.require_stake(accounts.stake_mint.key, accounts.token_program.key)?;
        accounts.treasury.require_signer(accounts.signer.key)?;
        ensure!(
            *accounts.treasury_vault.key == accounts.treasury.vault,
            ChoirError::WrongTreasuryVault
        );

        accounts.proposal.execute(&accounts.treasury, now)?;
        let action = accounts.proposal.action.clone();
        let vault_before = token::amount(&accounts.treasury_vault)?;
        let spent = match &action {
            TreasuryAction::Spend { amount, .. } => {
                accounts.spend(*amount)?;
                *amount
            }
            TreasuryAction::Mint { amount, .. } => {
                accounts.mint(*amount)?;
                0
            }
            TreasuryAction::SetSigners { signers, threshold } => {
                accounts.treasury.set_signers(signers.clone(), *threshold)?;
                0
            }
        };
        let vault_after = token::amount(&accounts.treasury_vault)?;
        ensure!(
            vault_before.checked_sub(vault_after) == Some(spent),
            ChoirError::TreasuryInvariant
        );

        let (treasury, proposal) = (&accounts.treasury, &accounts.proposal);
        emit(
            &accounts.event_authority,
            &TreasuryExecuted {
                index: proposal.index,
                action,
                vault_before,
                vault_after,
                signer_epoch: treasury.signer_epoch,
                slot: clock.slot,
                timestamp: now,
            },
        )?;
        proposal.invariant(treasury)?;
        treasury.invariant()
    }

    /// Pays an amount, base units, to the proposal's destination.
    fn spend(&self, amount: u64) -> Result<()> {
        let to = self.payee()?;
        token::require_funds(&self.treasury_vault, amount)?;
        Transfer {
            program: &self.token_program,
            mint: &self.stake_mint,
            decimals: self.config.mint_decimals,
            from: &self.treasury_vault,
            to,
            authority: self.treasury.as_ref().as_ref(),
        }
        .send(amount, &[TREASURY_SEED, &[self.treasury.bump]])
    }

    /// Mints an amount, base units, to the proposal's destination.
    fn mint(&self, amount: u64) -> Result<()> {
        let to = self.payee()?;
        token::require_mint_authority(&self.stake_mint, &self.config.treasury)?;
        token::require_mintable(&self.stake_mint, amount)?;
        Minting {
            program: &self.token_program,
            mint: &self.stake_mint,
            decimals: self.config.mint_decimals,
            to,
            authority: self.treasury.as_ref().as_ref(),
        }
        .send(amount, &[TREASURY_SEED, &[self.treasury.bump]])
    }

    /// The token account the proposal names; refuses another one, and one that cannot be paid into.
    fn payee(&self) -> Result<&AccountInfo<'info>> {
        let account = self.destination.as_deref();
        let account = account.or_refuse(ChoirError::WrongDestination)?;
        ensure!(
            self.proposal.action.destination() == Some(account.key),
            ChoirError::WrongDestination
        );
        token::require_destination(account, &self.config.stake_mint, &self.config.token_program)?;
        Ok(account)
    }
}
