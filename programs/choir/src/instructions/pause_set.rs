//! `pause`

use crate::{
    events::{emit, Paused},
    state::*,
};
use anchor_lang::prelude::*;

/// Accounts of `pause`.
#[event_cpi]
#[derive(Accounts)]
pub struct Pause<'info> {
    /// The guardian, or the authority of the settings.
    pub guardian: Signer<'info>,
    /// The settings.
    #[account(mut, dup)]
    pub config: Box<Account<'info, Config>>,
}

impl Pause<'_> {
    pub fn handle(ctx: Context<Self>, families: u8, seconds: i64) -> Result<()> {
        let clock = Clock::get()?;
        let accounts = &mut *ctx.accounts;
        let (config, by) = (&mut accounts.config, accounts.guardian.key());
        config.require_guardian(&by)?;
        let until = config.pause(families, seconds, clock.unix_timestamp)?;

        emit(
            &accounts.event_authority,
            &Paused {
                by,
                families,
                until,
                slot: clock.slot,
                timestamp: clock.unix_timestamp,
            },
        )?;
        config.invariant()
    }
}
