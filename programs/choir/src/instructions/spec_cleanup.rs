//! `cleanup_spec`

use crate::{
    closing::{close, require_rent_payer, TokenClose},
    constants::*,
    ensure,
    errors::ChoirError,
    escrow::Escrow,
    events::{emit, SpecCleaned},
    state::*,
    token::{self, Transfer},
};
use anchor_lang::prelude::*;

/// Accounts of `cleanup_spec`. Nobody needs to sign but the payer of the transaction's fee. The thread
/// is not among them: a settled spec can be cleaned up whatever has become of its thread.
#[event_cpi]
#[derive(Accounts)]
pub struct CleanupSpec<'info> {
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The spec, closed here.
    #[account(mut, dup)]
    pub spec: Box<Account<'info, Spec>>,
    /// The spec's token account, closed here.
    /// CHECK: derived from the spec with its stored bump.
    #[account(mut)]
    pub escrow: UncheckedAccount<'info>,
    /// The treasury's token account, which gets what strangers have sent to the escrow.
    /// CHECK: the handler compares the address with the configured one.
    #[account(mut)]
    pub treasury_vault: UncheckedAccount<'info>,
    /// Who paid the rent of the spec and of its escrow, and gets it back.
    /// CHECK: the handler compares the address with the one the spec stores.
    #[account(mut)]
    pub rent_payer: UncheckedAccount<'info>,
    /// The mint of all stakes.
    /// CHECK: the handler compares the address with the configured one.
    pub stake_mint: UncheckedAccount<'info>,
    /// The token program that owns the mint.
    /// CHECK: the handler compares the address with the configured one.
    pub token_program: UncheckedAccount<'info>,
}

impl CleanupSpec<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let accounts = &ctx.accounts;
        let (config, spec) = (&accounts.config, &accounts.spec);
        config.require_stake(accounts.stake_mint.key, accounts.token_program.key)?;
        ensure!(
            *accounts.treasury_vault.key == config.treasury_vault,
            ChoirError::WrongTreasuryVault
        );
        require_rent_payer(&accounts.rent_payer, &spec.rent_payer)?;
        spec.require_settled()?;
        Escrow {
            spec,
            account: &accounts.escrow,
            mint: &accounts.stake_mint,
            decimals: config.mint_decimals,
            token_program: &accounts.token_program,
        }
        .require_own()?;

        // A settled spec's stake is gone; a token account with tokens in it could not be closed.
        let swept = token::amount(&accounts.escrow)?;
        let bump = [spec.bump];
        let seeds: &[&[u8]] = &[
            SPEC_SEED,
            spec.thread.as_ref(),
            spec.author.as_ref(),
            &spec.content_hash,
            &bump,
        ];
        Transfer {
            program: &accounts.token_program,
            mint: &accounts.stake_mint,
            decimals: config.mint_decimals,
            from: &accounts.escrow,
            to: &accounts.treasury_vault,
            authority: spec.as_ref().as_ref(),
        }
        .send(swept, seeds)?;
        TokenClose {
            program: &accounts.token_program,
            account: &accounts.escrow,
            to: &accounts.rent_payer,
            authority: spec.as_ref().as_ref(),
        }
        .send(seeds)?;
        spec.invariant(MAX_CO_AUTHORS)?;

        emit(
            &accounts.event_authority,
            &SpecCleaned {
                thread: spec.thread,
                spec: spec.key(),
                author: spec.author,
                content_hash: spec.content_hash,
                sequence: spec.sequence,
                swept,
                slot: clock.slot,
                timestamp: clock.unix_timestamp,
            },
        )?;
        close(spec.as_ref().as_ref(), &accounts.rent_payer)
    }
}
