//! `withdraw_spec`

use crate::{
    constants::*,
    ensure,
    errors::ChoirError,
    escrow::Escrow,
    events::{emit, SpecSettled},
    state::*,
    token,
};
use anchor_lang::prelude::*;

/// Accounts of `withdraw_spec`.
#[event_cpi]
#[derive(Accounts)]
pub struct WithdrawSpec<'info> {
    /// The spec's author.
    pub author: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The thread.
    #[account(mut, dup)]
    pub thread: Box<Account<'info, Thread>>,
    /// The spec.
    #[account(mut, dup)]
    pub spec: Box<Account<'info, Spec>>,
    /// The spec's token account.
    /// CHECK: derived from the spec with its stored bump.
    #[account(mut)]
    pub escrow: UncheckedAccount<'info>,
    /// A token account of the author, where the stake goes back to.
    /// CHECK: its mint and owner are checked by the handler.
    #[account(mut)]
    pub author_token: UncheckedAccount<'info>,
    /// The mint of all stakes.
    /// CHECK: the handler compares the address with the configured one.
    pub stake_mint: UncheckedAccount<'info>,
    /// The token program that owns the mint.
    /// CHECK: the handler compares the address with the configured one.
    pub token_program: UncheckedAccount<'info>,
}

impl WithdrawSpec<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, spec) = (&mut accounts.thread, &mut accounts.spec);
        let config = &accounts.config;
        config.require_running(PAUSE_EXITS, now)?;
        config.require_stake(accounts.stake_mint.key, accounts.token_program.key)?;
        spec.require_of(&thread.key())?;
        ensure!(
            *accounts.author.key == spec.author,
            ChoirError::NotSpecAuthor
        );
        token::require_own(&accounts.author_token, &config.stake_mint, &spec.author)?;
        spec.require_pending()?;
        // Once the window has ended the stake is the author's again, whoever has decided.
        if now < spec.expires_at {
            spec.require_undecided(thread.author_epoch)?;
        }

        let escrow = Escrow {
            spec,
            account: &accounts.escrow,
            mint: &accounts.stake_mint,
            decimals: config.mint_decimals,
            token_program: &accounts.token_program,
        };
        escrow.require_own()?;
        escrow.pay(&[(&accounts.author_token, spec.stake)])?;
        spec.resolve(SpecStatus::Withdrawn, now);
        thread.close_spec()?;
        thread.touch(now);

        emit(
            &ctx.accounts.event_authority,
            &SpecSettled {
                thread: ctx.accounts.thread.key(),
                spec: ctx.accounts.spec.key(),
                author: ctx.accounts.spec.author,
                content_hash: ctx.accounts.spec.content_hash,
                sequence: ctx.accounts.spec.sequence,
                outcome: SpecStatus::Withdrawn,
                stake: ctx.accounts.spec.stake,
                to_approvers: 0,
                to_thread: 0,
                to_treasury: 0,
                to_author: ctx.accounts.spec.stake,
                balance_before: ctx.accounts.thread.balance,
                balance_after: ctx.accounts.thread.balance,
                slot: clock.slot,
                timestamp: now,
            },
        )?;
        // The bitmaps may go by an older, larger set of co-authors.
        ctx.accounts.spec.invariant(MAX_CO_AUTHORS)?;
        ctx.accounts.thread.invariant()
    }
}
