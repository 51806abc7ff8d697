//! `wind_down_thread`

use crate::{
    constants::*,
    events::{emit, ThreadClosing},
    state::*,
};
use anchor_lang::prelude::*;

/// Accounts of `wind_down_thread`.
#[event_cpi]
#[derive(Accounts)]
pub struct WindDownThread<'info> {
    /// The thread's sole remaining co-author.
    pub author: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The thread.
    #[account(mut, dup)]
    pub thread: Box<Account<'info, Thread>>,
}

impl WindDownThread<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let thread = &mut accounts.thread;
        accounts.config.require_running(PAUSE_EXITS, now)?;
        thread.require_open()?;
        thread.require_sole_co_author(accounts.author.key)?;
        thread.require_no_pending_specs()?;

        thread.wind_down();
        thread.touch(now);

        let thread = &ctx.accounts.thread;
        emit(
            &ctx.accounts.event_authority,
            &ThreadClosing {
                thread: thread.key(),
                by: ctx.accounts.author.key(),
                balance: thread.balance,
                total_claimable: thread.total_claimable,
                slot: clock.slot,
                timestamp: now,
            },
        )?;
        thread.invariant()
    }
}
