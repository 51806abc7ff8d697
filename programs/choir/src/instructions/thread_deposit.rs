//! `deposit`

use crate::{
    constants::*,
    ensure,
    errors::ChoirError,
    events::{emit, Deposited, SharesRebased},
    state::*,
    token::{self, Transfer},
};
use anchor_lang::prelude::*;

/// Accounts of `deposit`.
#[event_cpi]
#[derive(Accounts)]
pub struct Deposit<'info> {
    /// The co-author who deposits.
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
    /// The owner's position, which gets the shares.
    #[account(mut, dup)]
    pub position: Box<Account<'info, Position>>,
    /// Where the deposit comes from.
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

impl Deposit<'_> {
    pub fn handle(ctx: Context<Self>, amount: u64, min_shares: u64) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, position) = (&mut accounts.thread, &mut accounts.position);
        let (config, owner) = (&accounts.config, accounts.owner.key);
        config.require_running(PAUSE_THREADS, now)?;
        config.require_stake(accounts.stake_mint.key, accounts.token_program.key)?;
        thread.require_vault(accounts.vault.key)?;
        position.require_of(&thread.key(), owner)?;
        token::require_own(&accounts.owner_token, &config.stake_mint, owner)?;
        thread.require_open()?;
        thread.require_co_author(owner)?;
        ensure!(amount > 0, ChoirError::AmountZero);
        token::require_funds(&accounts.owner_token, amount)?;

        let balance_before = thread.balance;
        position.settle(thread, now)?;
        let rebased = thread.rebase(position);
        let shares = thread.deposit(amount, min_shares)?;
        position.mint(shares, now)?;
        thread.touch(now);
        Transfer {
            program: &accounts.token_program,
            mint: &accounts.stake_mint,
            decimals: config.mint_decimals,
            from: &accounts.owner_token,
            to: &accounts.vault,
            authority: &accounts.owner,
        }
        .send(amount, &[])?;

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
            &Deposited {
                thread: ctx.accounts.thread.key(),
                owner: ctx.accounts.owner.key(),
                amount,
                shares_minted: shares,
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
