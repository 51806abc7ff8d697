//! `cancel_treasury`

use crate::{
    closing::close,
    ensure,
    errors::ChoirError,
    events::{emit, TreasuryCancelled},
    state::*,
};
use anchor_lang::prelude::*;

/// Accounts of `cancel_treasury`.
#[event_cpi]
#[derive(Accounts)]
pub struct CancelTreasury<'info> {
    /// Who made the proposal, who need not be a signer any more; gets the rent back.
    #[account(mut)]
    pub proposer: Signer<'info>,
    /// The proposal, closed here.
    #[account(mut, dup)]
    pub proposal: Box<Account<'info, TreasuryProposal>>,
}

impl CancelTreasury<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let (proposal, proposer) = (&ctx.accounts.proposal, &ctx.accounts.proposer);
        ensure!(proposal.proposer == proposer.key(), ChoirError::NotProposer);
        proposal.require_not_executed()?;
        emit(
            &ctx.accounts.event_authority,
            &TreasuryCancelled {
                index: proposal.index,
                by: proposal.proposer,
                slot: clock.slot,
                timestamp: clock.unix_timestamp,
            },
        )?;
        close(proposal.as_ref().as_ref(), proposer)
    }
}
