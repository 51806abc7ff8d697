//! `divest`

use crate::{
    constants::*,
    ensure,
    errors::ChoirError,
    events::{emit, Divested, SharesRebased},
    math,
    state::*,
    token::{self, Transfer},
};
use anchor_lang::prelude::*;

/// Accounts of `divest`.
#[event_cpi]
#[derive(Accounts)]
pub struct Divest<'info> {
    /// The position's owner, who need not be a co-author any more: shares stay their owner's.
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
    /// The owner's position, whose shares are burned.
    #[account(mut, dup)]
    pub position: Box<Account<'info, Position>>,
    /// Where the amount goes.
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

impl Divest<'_> {
    pub fn handle(ctx: Context<Self>, amount: u64, max_shares: u64) -> Result<()> {
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
        thread.require_not_closed()?;
        ensure!(amount > 0, ChoirError::AmountZero);
        position.require_cooled_down(now, thread.cooldown(config.params.divest_cooldown))?;

        let balance_before = thread.balance;
        position.settle(thread, now)?;
        let rebased = thread.rebase(position);
        let shares = thread.divest(amount, max_shares, config.params.min_thread_balance)?;
        position.burn(shares, now)?;
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

        if let Some((shares_before, shares_after)) = rebased {
            emit(
                &ctx.accounts.event_authority,
                &SharesRebased {
                    thread: ctx.accounts.thread.key(),
                    owner: ctx.accounts.owner.key(),
                    shares_before,
                    shares_after,
                    slot: clock.slot,
                    timestamp: now,
                },
            )?;
        }
        emit(
            &ctx.accounts.event_authority,
            &Divested {
                thread: ctx.accounts.thread.key(),
                owner: ctx.accounts.owner.key(),
                amount,
                shares_burned: shares,
                balance_before,
                balance_after: ctx.accounts.thread.balance,
                shares_after: ctx.accounts.thread.total_shares,
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
