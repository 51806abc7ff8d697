//! `claim`

use crate::{
    constants::*,
    errors::ChoirError,
    events::RewardClaimed,
    math,
    state::*,
    token::{self, Transfer},
};
use anchor_lang::prelude::*;
use anchor_spl::token_interface::TokenAccount;

/// Accounts of `claim`.
#[event_cpi]
#[derive(Accounts)]
pub struct Claim<'info> {
    /// The position's owner, who need not be a co-author any more: rewards stay their owner's.
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
    /// The owner's position, whose rewards are paid.
    #[account(
        mut,
        has_one = thread @ ChoirError::WrongPosition,
        has_one = owner @ ChoirError::WrongPosition,
    )]
    pub position: Box<Account<'info, Position>>,
    /// Where the rewards go.
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

impl Claim<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, position) = (&mut accounts.thread, &mut accounts.position);
        let config = &accounts.config;
        config.require_running(PAUSE_EXITS, now)?;

        position.settle(thread, now)?;
        let amount = position.claimable;
        require!(amount > 0, ChoirError::NothingToClaim);
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
            to: accounts.owner_token.as_ref().as_ref(),
            authority: thread.as_ref().as_ref(),
        }
        .send(amount, &[&[THREAD_SEED, &id_hash, &[thread.bump]]])?;

        emit_cpi!(RewardClaimed {
            thread: ctx.accounts.thread.key(),
            owner: ctx.accounts.owner.key(),
            amount,
            total_claimable_before,
            total_claimable_after: ctx.accounts.thread.total_claimable,
            slot: clock.slot,
            timestamp: now,
        });
        let thread = &ctx.accounts.thread;
        thread.require_solvent(token::amount(&ctx.accounts.vault)?)?;
        ctx.accounts.position.invariant(thread)?;
        thread.invariant()
    }
}
