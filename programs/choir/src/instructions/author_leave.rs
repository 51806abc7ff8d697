//! `leave_thread`

use crate::{
    constants::*,
    ensure,
    errors::ChoirError,
    events::{emit, AuthorLeft},
    state::*,
};
use anchor_lang::prelude::*;

/// Accounts of `leave_thread`.
#[event_cpi]
#[derive(Accounts)]
pub struct LeaveThread<'info> {
    /// The co-author who leaves.
    pub author: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The thread.
    #[account(mut, dup)]
    pub thread: Box<Account<'info, Thread>>,
    /// The author's position, which keeps the rewards earned so far.
    #[account(mut, dup)]
    pub position: Box<Account<'info, Position>>,
}

impl LeaveThread<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, position) = (&mut accounts.thread, &mut accounts.position);
        accounts.config.require_running(PAUSE_EXITS, now)?;
        thread.require_open()?;
        position.require_of(&thread.key(), accounts.author.key)?;
        let index = thread.require_co_author(accounts.author.key)?;
        ensure!(position.shares == 0, ChoirError::SharesRemain);

        // While still in the set: once out of it, nothing accrues any more.
        position.settle(thread, now)?;
        thread.dismiss(index)?;
        thread.touch(now);

        emit(
            &ctx.accounts.event_authority,
            &AuthorLeft {
                thread: ctx.accounts.thread.key(),
                author: ctx.accounts.author.key(),
                author_epoch: ctx.accounts.thread.author_epoch,
                slot: clock.slot,
                timestamp: now,
            },
        )?;
        let thread = &ctx.accounts.thread;
        thread.wipe_rest(thread.as_ref().as_ref())?;
        ctx.accounts.position.invariant(&ctx.accounts.thread)?;
        ctx.accounts.thread.invariant()
    }
}
