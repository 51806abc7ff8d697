//! `cancel_config`

use crate::{
    events::{emit, ConfigCancelled},
    state::*,
};
use anchor_lang::prelude::*;

/// Accounts of `cancel_config`.
#[event_cpi]
#[derive(Accounts)]
pub struct CancelConfig<'info> {
    /// The authority of the settings.
    pub authority: Signer<'info>,
    /// The settings.
    #[account(mut, dup)]
    pub config: Box<Account<'info, Config>>,
}

impl CancelConfig<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let accounts = &mut *ctx.accounts;
        let config = &mut accounts.config;
        config.require_authority(accounts.authority.key)?;
        let change = config.cancel()?;

        emit(
            &accounts.event_authority,
            &ConfigCancelled {
                change,
                slot: clock.slot,
                timestamp: clock.unix_timestamp,
            },
        )?;
        config.invariant()
    }
}
