//! `apply_config`

use crate::{
    events::{emit, ConfigApplied},
    state::*,
};
use anchor_lang::prelude::*;

/// Accounts of `apply_config`.
#[event_cpi]
#[derive(Accounts)]
pub struct ApplyConfig<'info> {
    /// The authority of the settings.
    pub authority: Signer<'info>,
    /// The settings.
    #[account(mut, dup)]
    pub config: Box<Account<'info, Config>>,
}

impl ApplyConfig<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let accounts = &mut *ctx.accounts;
        let config = &mut accounts.config;
        config.require_authority(accounts.authority.key)?;
        let change = config.apply(clock.unix_timestamp)?;

        emit(
            &accounts.event_authority,
            &ConfigApplied {
                change,
                slot: clock.slot,
                timestamp: clock.unix_timestamp,
            },
        )?;
        config.invariant()
    }
}
