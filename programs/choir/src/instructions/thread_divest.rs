//! `divest`

use crate::{
    constants::*,
    errors::ChoirError,
    events::Divested,
    math,
    state::*,
    token::{self, Transfer},
};
use anchor_lang::prelude::*;
use anchor_spl::token_interface::TokenAccount;

/// Accounts of `divest`.
#[event_cpi]
#[derive(Accounts)]
pub struct Divest<'info> {
    /// The position's owner, who need not be a co-author any more: shares stay their owner's.
    pub owner: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The thread.
    #[account(mut)]
    pub thread: Box<Account<'info, Thread>>,
    /// The thread's token account.
    /// CHECK: the address is the one the thread stores.
    #[account(mut, address = thread.vault @ ChoirError::WrongVault)]
    pub vault: UncheckedAccount<'info>,
    /// The owner's position, whose shares are burned.
    #[account(
        mut,
        has_one = thread @ ChoirError::WrongPosition,
        has_one = owner @ ChoirError::WrongPosition,
    )]
    pub position: Box<Account<'info, Position>>,
    /// Where the amount goes.
    #[account(
        mut,
        constraint = owner_token.mint == config.stake_mint @ ChoirError::WrongMint,
        constraint = owner_token.owner == owner.key() @ ChoirError::WrongTokenOwner,
    )]
    pub owner_token: Box<InterfaceAccount<'info, TokenAccount>>,
    /// The mint of all stakes.
    /// CHECK: the address is the configured one.
    #[account(address = config.stake_mint @ ChoirError::WrongMint)]
    pub stake_mint: UncheckedAccount<'info>,
    /// The token program that owns the mint.
    /// CHECK: the address is the configured one.
    #[account(address = config.token_program @ ChoirError::WrongTokenProgram)]
    pub token_program: UncheckedAccount<'info>,
}

impl Divest<'_> {
    pub fn handle(ctx: Context<Self>, amount: u64) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, position) = (&mut accounts.thread, &mut accounts.position);
        let config = &accounts.config;
        config.require_running(PAUSE_EXITS, now)?;
        thread.require_open()?;
        require!(amount > 0, ChoirError::AmountZero);
        position.require_cooled_down(now, config.params.divest_cooldown)?;

        let balance_before = thread.balance;
        position.settle(thread, now)?;
        let shares = thread.divest(amount, config.params.min_thread_balance)?;
        position.burn(shares, now)?;
        thread.touch(now);
        let id_hash = math::thread_id_hash(&thread.thread_id);
        Transfer {
            program: &accounts.token_program,
            mint: &accounts.stake_mint,
            decimals: config.mint_decimals,
            from: &accounts.vault,
            to: accounts.owner_token.as_ref().as_ref(),
            authority: thread.as_ref().as_ref(),
        }
        .send(amount, &[&[THREAD_SEED, &id_hash, &[thread.bump]]])?;

        emit_cpi!(Divested {
            thread: ctx.accounts.thread.key(),
            owner: ctx.accounts.owner.key(),
            amount,
            shares_burned: shares,
            balance_before,
            balance_after: ctx.accounts.thread.balance,
            shares_after: ctx.accounts.thread.total_shares,
            slot: clock.slot,
            timestamp: now,
        });
        let thread = &ctx.accounts.thread;
        thread.require_solvent(token::amount(&ctx.accounts.vault)?)?;
        ctx.accounts.position.invariant(thread)?;
        thread.invariant()
    }
}
