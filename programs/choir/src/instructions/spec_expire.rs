//! `expire_spec`

use crate::{constants::*, errors::ChoirError, escrow::Escrow, events::SpecSettled, state::*};
use anchor_lang::prelude::*;
use anchor_spl::token_interface::TokenAccount;

/// Accounts of `expire_spec`. Nobody needs to sign but the payer of the transaction's fee.
#[event_cpi]
#[derive(Accounts)]
pub struct ExpireSpec<'info> {
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The thread.
    #[account(mut)]
    pub thread: Box<Account<'info, Thread>>,
    /// The spec.
    #[account(mut, has_one = thread @ ChoirError::WrongSpec)]
    pub spec: Box<Account<'info, Spec>>,
    /// The spec's token account.
    /// CHECK: derived from the spec with its stored bump.
    #[account(mut)]
    pub escrow: UncheckedAccount<'info>,
    /// A token account of the spec's author, where the stake goes back to.
    #[account(
        mut,
        constraint = author_token.mint == config.stake_mint @ ChoirError::WrongMint,
        constraint = author_token.owner == spec.author @ ChoirError::WrongTokenOwner,
    )]
    pub author_token: Box<InterfaceAccount<'info, TokenAccount>>,
    /// The mint of all stakes.
    /// CHECK: the address is the configured one.
    #[account(address = config.stake_mint @ ChoirError::WrongMint)]
    pub stake_mint: UncheckedAccount<'info>,
    /// The token program that owns the mint.
    /// CHECK: the address is the configured one.
    #[account(address = config.token_program @ ChoirError::WrongTokenProgram)]
    pub token_program: UncheckedAccount<'info>,
}

impl ExpireSpec<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, spec) = (&mut accounts.thread, &mut accounts.spec);
        accounts.config.require_running(PAUSE_EXITS, now)?;
        spec.require_pending()?;
        require!(now >= spec.expires_at, ChoirError::SpecWindowOpen);

        let escrow = Escrow {
            spec,
            account: &accounts.escrow,
            mint: &accounts.stake_mint,
            decimals: accounts.config.mint_decimals,
            token_program: &accounts.token_program,
        };
        escrow.require_own()?;
        escrow.pay(&[(accounts.author_token.as_ref().as_ref(), spec.stake)])?;
        spec.resolve(SpecStatus::Expired, now);
        thread.close_spec()?;
        thread.touch(now);

        emit_cpi!(SpecSettled {
            thread: ctx.accounts.thread.key(),
            spec: ctx.accounts.spec.key(),
            author: ctx.accounts.spec.author,
            content_hash: ctx.accounts.spec.content_hash,
            outcome: SpecStatus::Expired,
            stake: ctx.accounts.spec.stake,
            to_approvers: 0,
            to_thread: 0,
            to_treasury: 0,
            to_author: ctx.accounts.spec.stake,
            balance_before: ctx.accounts.thread.balance,
            balance_after: ctx.accounts.thread.balance,
            slot: clock.slot,
            timestamp: now,
        });
        // The bitmaps may go by an older, larger set of co-authors.
        ctx.accounts.spec.invariant(MAX_CO_AUTHORS)?;
        ctx.accounts.thread.invariant()
    }
}
