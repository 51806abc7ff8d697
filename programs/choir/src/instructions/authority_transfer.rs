//! `transfer_authority`

use crate::{
    events::{emit, AuthorityOffered},
    state::*,
};
use anchor_lang::prelude::*;

/// Accounts of `transfer_authority`.
#[event_cpi]
#[derive(Accounts)]
pub struct TransferAuthority<'info> {
    /// The authority of the settings.
    pub authority: Signer<'info>,
    /// The settings.
    #[account(mut, dup)]
    pub config: Box<Account<'info, Config>>,
}

impl TransferAuthority<'_> {
    pub fn handle(ctx: Context<Self>, new_authority: Pubkey) -> Result<()> {
        let clock = Clock::get()?;
        let accounts = &mut *ctx.accounts;
        let config = &mut accounts.config;
        config.require_authority(accounts.authority.key)?;
        config.offer_authority(new_authority)?;

        emit(
            &accounts.event_authority,
            &AuthorityOffered {
                authority: config.authority,
                pending: config.pending_authority,
                slot: clock.slot,
                timestamp: clock.unix_timestamp,
            },
        )?;
        config.invariant()
    }
}
