//! `deposit`

use crate::{
    constants::*,
    errors::ChoirError,
    events::Deposited,
    state::*,
    token::{self, Transfer},
};
use anchor_lang::prelude::*;
use anchor_spl::token_interface::TokenAccount;

/// Accounts of `deposit`.
#[event_cpi]
#[derive(Accounts)]
pub struct Deposit<'info> {
    /// The co-author who deposits.
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
    /// The owner's position, which gets the shares.
    #[account(
        mut,
        has_one = thread @ ChoirError::WrongPosition,
        has_one = owner @ ChoirError::WrongPosition,
    )]
    pub position: Box<Account<'info, Position>>,
    /// Where the deposit comes from.
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

impl Deposit<'_> {
    pub fn handle(ctx: Context<Self>, amount: u64) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, position) = (&mut accounts.thread, &mut accounts.position);
        accounts.config.require_running(PAUSE_THREADS, now)?;
        thread.require_open()?;
        thread.require_co_author(accounts.owner.key)?;
        require!(amount > 0, ChoirError::AmountZero);
        require!(
            accounts.owner_token.amount >= amount,
            ChoirError::InsufficientFunds
        );

        let balance_before = thread.balance;
        position.settle(thread, now)?;
        let shares = thread.deposit(amount)?;
        position.mint(shares, now)?;
        thread.touch(now);
        Transfer {
            program: &accounts.token_program,
            mint: &accounts.stake_mint,
            decimals: accounts.config.mint_decimals,
            from: accounts.owner_token.as_ref().as_ref(),
            to: &accounts.vault,
            authority: &accounts.owner,
        }
        .send(amount, &[])?;

        emit_cpi!(Deposited {
            thread: ctx.accounts.thread.key(),
            owner: ctx.accounts.owner.key(),
            amount,
            shares_minted: shares,
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
