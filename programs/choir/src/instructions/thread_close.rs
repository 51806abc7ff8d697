//! `close_thread`

use crate::{
    closing::{close, require_rent_payer, TokenClose},
    constants::*,
    ensure,
    errors::ChoirError,
    events::{emit, ThreadClosed},
    math,
    state::*,
    token::{self, Transfer},
};
use anchor_lang::prelude::*;

/// Accounts of `close_thread`. The co-author, the creator and the payer of the position's rent may be
/// one and the same.
#[event_cpi]
#[derive(Accounts)]
pub struct CloseThread<'info> {
    /// The thread's sole remaining co-author, who gets everything in the vault.
    pub author: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The thread. It stays, closed, so that its id is never used twice.
    #[account(mut, dup)]
    pub thread: Box<Account<'info, Thread>>,
    /// The thread's token account, closed here.
    /// CHECK: the handler compares the address with the one the thread stores.
    #[account(mut)]
    pub vault: UncheckedAccount<'info>,
    /// The author's position, closed here.
    #[account(mut, dup)]
    pub position: Box<Account<'info, Position>>,
    /// Where everything in the vault goes.
    /// CHECK: its mint and owner are checked by the handler.
    #[account(mut)]
    pub author_token: UncheckedAccount<'info>,
    /// Who opened the thread, paid the vault's rent, and gets it back.
    /// CHECK: the handler compares the address with the one the thread stores.
    #[account(mut)]
    pub creator: UncheckedAccount<'info>,
    /// Who paid the position's rent, and gets it back.
    /// CHECK: the handler compares the address with the one the position stores.
    #[account(mut)]
    pub rent_payer: UncheckedAccount<'info>,
    /// The mint of all stakes.
    /// CHECK: the handler compares the address with the configured one.
    pub stake_mint: UncheckedAccount<'info>,
    /// The token program that owns the mint.
    /// CHECK: the handler compares the address with the configured one.
    pub token_program: UncheckedAccount<'info>,
}

impl CloseThread<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, position) = (&mut accounts.thread, &mut accounts.position);
        let (config, author) = (&accounts.config, accounts.author.key);
        config.require_running(PAUSE_EXITS, now)?;
        config.require_stake(accounts.stake_mint.key, accounts.token_program.key)?;
        thread.require_not_closed()?;
        thread.require_vault(accounts.vault.key)?;
        position.require_of(&thread.key(), author)?;
        token::require_own(&accounts.author_token, &config.stake_mint, author)?;
        ensure!(
            *accounts.creator.key == thread.creator,
            ChoirError::WrongCreator
        );
        require_rent_payer(&accounts.rent_payer, &position.rent_payer)?;
        thread.require_sole_co_author(author)?;
        thread.require_no_pending_specs()?;

        position.settle(thread, now)?;
        let (balance_before, claimable_before) = (thread.balance, thread.total_claimable);
        let shares_burned = thread.total_shares;
        // What is owed must be there before everything goes out.
        let paid = token::amount(&accounts.vault)?;
        thread.require_solvent(paid)?;
        thread.finish(position)?;
        thread.touch(now);

        let id_hash = math::thread_id_hash(&thread.thread_id);
        let bump = [thread.bump];
        let seeds: &[&[u8]] = &[THREAD_SEED, &id_hash, &bump];
        Transfer {
            program: &accounts.token_program,
            mint: &accounts.stake_mint,
            decimals: config.mint_decimals,
            from: &accounts.vault,
            to: &accounts.author_token,
            authority: thread.as_ref().as_ref(),
        }
        .send(paid, seeds)?;
        TokenClose {
            program: &accounts.token_program,
            account: &accounts.vault,
            to: &accounts.creator,
            authority: thread.as_ref().as_ref(),
        }
        .send(seeds)?;

        emit(
            &accounts.event_authority,
            &ThreadClosed {
                thread: thread.key(),
                by: *author,
                paid,
                shares_burned,
                balance_before,
                claimable_before,
                slot: clock.slot,
                timestamp: now,
            },
        )?;
        close(position.as_ref().as_ref(), &accounts.rent_payer)?;
        ctx.accounts.thread.invariant()
    }
}
