//! `retire_author`

use crate::{
    constants::*,
    ensure,
    errors::{ChoirError, OrRefuse},
    events::{emit, AuthorRetired},
    state::*,
};
use anchor_lang::prelude::*;

/// Accounts of `retire_author`.
#[event_cpi]
#[derive(Accounts)]
pub struct RetireAuthor<'info> {
    /// The co-author who retires another.
    pub author: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The thread.
    #[account(mut, dup)]
    pub thread: Box<Account<'info, Thread>>,
    /// The position of the co-author who signs.
    #[account(mut, dup)]
    pub position: Box<Account<'info, Position>>,
    /// The position of the co-author to retire, which keeps their shares and rewards. The one other
    /// account of its type here; the handler refuses the same one twice.
    #[account(mut, dup)]
    pub retiree_position: Box<Account<'info, Position>>,
}

impl RetireAuthor<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, position) = (&mut accounts.thread, &mut accounts.position);
        let (config, retiree) = (&accounts.config, &mut accounts.retiree_position);
        config.require_running(PAUSE_SETTINGS, now)?;
        thread.require_open()?;
        position.require_of(&thread.key(), accounts.author.key)?;
        thread.require_co_author(accounts.author.key)?;
        // Distinct owners in one thread are distinct accounts.
        ensure!(
            retiree.owner != *accounts.author.key,
            ChoirError::CannotRetireSelf
        );
        retiree.require_of(&thread.key(), &retiree.owner)?;
        let index = thread
            .author_index(&retiree.owner)
            .or_refuse(ChoirError::RetireeNotCoAuthor)?;
        retiree.require_inactive(now, config.params.inactivity_window)?;

        // While still in the set: once out of it, nothing accrues any more.
        retiree.settle_rewards(thread)?;
        position.settle(thread, now)?;
        thread.dismiss(index)?;
        thread.touch(now);

        let (thread, retiree) = (&ctx.accounts.thread, &ctx.accounts.retiree_position);
        emit(
            &ctx.accounts.event_authority,
            &AuthorRetired {
                thread: thread.key(),
                author: retiree.owner,
                by: ctx.accounts.author.key(),
                author_epoch: thread.author_epoch,
                last_action_at: retiree.last_action_at,
                slot: clock.slot,
                timestamp: now,
            },
        )?;
        thread.wipe_rest(thread.as_ref().as_ref())?;
        retiree.invariant(thread)?;
        ctx.accounts.position.invariant(thread)?;
        thread.invariant()
    }
}
