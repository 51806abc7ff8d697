//! `set_privacy`

use crate::{
    constants::*,
    ensure,
    errors::ChoirError,
    events::{emit, PrivacyChanged},
    state::*,
};
use anchor_lang::prelude::*;

/// Accounts of `set_privacy`.
#[event_cpi]
#[derive(Accounts)]
pub struct SetPrivacy<'info> {
    /// The co-author who changes the level.
    pub author: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The thread.
    #[account(mut, dup)]
    pub thread: Box<Account<'info, Thread>>,
    /// The author's position.
    #[account(mut, dup)]
    pub position: Box<Account<'info, Position>>,
}

impl SetPrivacy<'_> {
    pub fn handle(ctx: Context<Self>, level: PrivacyLevel) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, position) = (&mut accounts.thread, &mut accounts.position);
        accounts.config.require_running(PAUSE_SETTINGS, now)?;
        thread.require_open()?;
        position.require_of(&thread.key(), accounts.author.key)?;
        thread.require_co_author(accounts.author.key)?;
        let from = thread.privacy;
        ensure!(from != level, ChoirError::PrivacyUnchanged);

        position.settle(thread, now)?;
        thread.privacy = level;
        thread.touch(now);

        emit(
            &ctx.accounts.event_authority,
            &PrivacyChanged {
                thread: ctx.accounts.thread.key(),
                by: ctx.accounts.author.key(),
                from,
                to: level,
                slot: clock.slot,
                timestamp: now,
            },
        )?;
        ctx.accounts.position.invariant(&ctx.accounts.thread)?;
        ctx.accounts.thread.invariant()
    }
}
