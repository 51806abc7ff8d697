//! `cleanup_treasury`

use crate::{
    closing::{close, require_rent_payer},
    events::{emit, TreasuryCleaned},
    state::*,
};
use anchor_lang::prelude::*;

/// Accounts of `cleanup_treasury`. Nobody in particular signs.
#[event_cpi]
#[derive(Accounts)]
pub struct CleanupTreasury<'info> {
    /// The proposal, closed here.
    #[account(mut, dup)]
    pub proposal: Box<Account<'info, TreasuryProposal>>,
    /// Who made the proposal; gets the rent back.
    /// CHECK: the handler compares the address with the one the proposal stores.
    #[account(mut)]
    pub proposer: UncheckedAccount<'info>,
}

impl CleanupTreasury<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let (proposal, proposer) = (&ctx.accounts.proposal, &ctx.accounts.proposer);
        require_rent_payer(proposer, &proposal.proposer)?;
        proposal.require_over(clock.unix_timestamp)?;
        emit(
            &ctx.accounts.event_authority,
            &TreasuryCleaned {
                index: proposal.index,
                slot: clock.slot,
                timestamp: clock.unix_timestamp,
            },
        )?;
        close(proposal.as_ref().as_ref(), proposer)
    }
}
