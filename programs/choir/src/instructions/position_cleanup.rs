//! `cleanup_position`

use crate::{
    closing::{close, require_rent_payer},
    ensure,
    errors::ChoirError,
    events::{emit, PositionCleaned},
    state::*,
};
use anchor_lang::prelude::*;

/// Accounts of `cleanup_position`. Nobody needs to sign but the payer of the transaction's fee.
#[event_cpi]
#[derive(Accounts)]
pub struct CleanupPosition<'info> {
    /// The thread.
    pub thread: Box<Account<'info, Thread>>,
    /// The position, closed here.
    #[account(mut, dup)]
    pub position: Box<Account<'info, Position>>,
    /// Who paid the position's rent, and gets it back.
    /// CHECK: the handler compares the address with the one the position stores.
    #[account(mut)]
    pub rent_payer: UncheckedAccount<'info>,
}

impl CleanupPosition<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let accounts = &ctx.accounts;
        let (thread, position) = (&accounts.thread, &accounts.position);
        position.require_of(&thread.key(), &position.owner)?;
        require_rent_payer(&accounts.rent_payer, &position.rent_payer)?;
        // A co-author's position is needed to act, and rewards may accrue to it.
        ensure!(
            thread.status == ThreadStatus::Closed || thread.author_index(&position.owner).is_none(),
            ChoirError::OwnerIsCoAuthor
        );
        ensure!(
            position.shares == 0 && position.claimable == 0,
            ChoirError::PositionNotEmpty
        );
        position.invariant(thread)?;

        emit(
            &accounts.event_authority,
            &PositionCleaned {
                thread: thread.key(),
                owner: position.owner,
                slot: clock.slot,
                timestamp: clock.unix_timestamp,
            },
        )?;
        close(position.as_ref().as_ref(), &accounts.rent_payer)
    }
}
