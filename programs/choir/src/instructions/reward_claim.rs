//! `claim`

use crate::{
    constants::*,
    ensure,
    errors::ChoirError,
    events::{emit, RewardClaimed},
    math,
    state::*,
    token::{self, Transfer},
};
use anchor_lang::prelude::*;

/// Accounts of `claim`.
#[event_cpi]
#[derive(Accounts)]
pub struct Claim<'info> {
    /// The position's owner, who need not be a co-author any more: rewards stay their owner's.
    pub owner: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The thread.
    #[account(mut, dup)]
    pub thread: Box<Account<'info, Thread>>,
    /// The thread's token account.
    /// CHECK: the handler compares the address with the one the thread stores.
    #[account(mut)]
    pub vault: UncheckedAccount<'info>,
    /// The owner's position, whose rewards are paid.
    #[account(mut, dup)]
    pub position: Box<Account<'info, Position>>,
    /// Where the rewards go.
    /// CHECK: its mint and owner are checked by the handler.
    #[account(mut)]
    pub owner_token: UncheckedAccount<'info>,
    /// The mint of all stakes.
    /// CHECK: the handler compares the address with the configured one.
    pub stake_mint: UncheckedAccount<'info>,
    /// The token program that owns the mint.
    /// CHECK: the handler compares the address with the configured one.
    pub token_program: UncheckedAccount<'info>,
}

impl Claim<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, position) = (&mut accounts.thread, &mut accounts.position);
        let (config, owner) = (&accounts.config, accounts.owner.key);
        config.require_running(PAUSE_EXITS, now)?;
        config.require_stake(accounts.stake_mint.key, accounts.token_program.key)?;
        thread.require_vault(accounts.vault.key)?;
        position.require_of(&thread.key(), owner)?;
        token::require_own(&accounts.owner_token, &config.stake_mint, owner)?;

        position.settle(thread, now)?;
        let amount = position.claimable;
        ensure!(amount > 0, ChoirError::NothingToClaim);
        let total_claimable_before = thread.total_claimable;
        position.claimable = 0;
        thread.pay_claim(amount)?;
        thread.touch(now);
        let id_hash = math::thread_id_hash(&thread.thread_id);
        Transfer {
            program: &accounts.token_program,
            mint: &accounts.stake_mint,
            decimals: config.mint_decimals,
            from: &accounts.vault,
            to: &accounts.owner_token,
            authority: thread.as_ref().as_ref(),
        }
        .send(amount, &[THREAD_SEED, &id_hash, &[thread.bump]])?;

        emit(
            &ctx.accounts.event_authority,
            &RewardClaimed {
                thread: ctx.accounts.thread.key(),
                owner: ctx.accounts.owner.key(),
                amount,
                total_claimable_before,
                total_claimable_after: ctx.accounts.thread.total_claimable,
                slot: clock.slot,
                timestamp: now,
            },
        )?;
        let thread = &ctx.accounts.thread;
        thread.require_solvent(token::amount(&ctx.accounts.vault)?)?;
        ctx.accounts.position.invariant(thread)?;
        thread.invariant()
    }
}
