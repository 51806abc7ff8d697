//! `approve_treasury`

use crate::{
    constants::*,
    events::{emit, TreasuryApproved},
    state::*,
};
use anchor_lang::prelude::*;

/// Accounts of `approve_treasury`.
#[event_cpi]
#[derive(Accounts)]
pub struct ApproveTreasury<'info> {
    /// A signer of the treasury.
    pub signer: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The treasury.
    pub treasury: Box<Account<'info, Treasury>>,
    /// The proposal.
    #[account(mut, dup)]
    pub proposal: Box<Account<'info, TreasuryProposal>>,
}

impl ApproveTreasury<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (treasury, proposal) = (&accounts.treasury, &mut accounts.proposal);
        accounts.config.require_running(PAUSE_TREASURY, now)?;
        let place = treasury.require_signer(accounts.signer.key)?;
        proposal.require_open(now)?;
        proposal.approve(place, treasury.signer_epoch)?;

        emit(
            &accounts.event_authority,
            &TreasuryApproved {
                index: proposal.index,
                signer: accounts.signer.key(),
                approvals: proposal.approvals,
                signer_epoch: proposal.signer_epoch,
                slot: clock.slot,
                timestamp: now,
            },
        )?;
        proposal.invariant(treasury)
    }
}
