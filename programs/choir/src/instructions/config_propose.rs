//! `propose_config`

use crate::{
    events::{emit, ConfigProposed},
    state::*,
};
use anchor_lang::prelude::*;

/// Accounts of `propose_config`.
#[event_cpi]
#[derive(Accounts)]
pub struct ProposeConfig<'info> {
    /// The authority of the settings.
    pub authority: Signer<'info>,
    /// The settings.
    #[account(mut, dup)]
    pub config: Box<Account<'info, Config>>,
}

impl ProposeConfig<'_> {
    pub fn handle(ctx: Context<Self>, change: ConfigChange) -> Result<()> {
        let clock = Clock::get()?;
        let accounts = &mut *ctx.accounts;
        let config = &mut accounts.config;
        config.require_authority(accounts.authority.key)?;
        let applies_at = config.propose(change, clock.unix_timestamp)?;

        emit(
            &accounts.event_authority,
            &ConfigProposed {
                change,
                applies_at,
                slot: clock.slot,
                timestamp: clock.unix_timestamp,
            },
        )?;
        config.invariant()
    }
}
