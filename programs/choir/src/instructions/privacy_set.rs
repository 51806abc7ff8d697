//! `set_privacy`

use crate::{constants::*, errors::ChoirError, events::PrivacyChanged, state::*};
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
    #[account(mut)]
    pub thread: Box<Account<'info, Thread>>,
    /// The author's position.
    #[account(
        mut,
        has_one = thread @ ChoirError::WrongPosition,
        constraint = position.owner == author.key() @ ChoirError::WrongPosition,
    )]
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
        thread.require_co_author(accounts.author.key)?;
        let from = thread.privacy;
        require!(from != level, ChoirError::PrivacyUnchanged);

        position.settle(thread, now)?;
        thread.privacy = level;
        thread.touch(now);

        emit_cpi!(PrivacyChanged {
            thread: ctx.accounts.thread.key(),
            by: ctx.accounts.author.key(),
            from,
            to: level,
            slot: clock.slot,
            timestamp: now,
        });
        ctx.accounts.position.invariant(&ctx.accounts.thread)?;
        ctx.accounts.thread.invariant()
    }
}
