//! `unpause`

use crate::{
    events::{emit, Unpaused},
    state::*,
};
use anchor_lang::prelude::*;

/// Accounts of `unpause`.
#[event_cpi]
#[derive(Accounts)]
pub struct Unpause<'info> {
    /// The guardian, or the authority of the settings.
    pub guardian: Signer<'info>,
    /// The settings.
    #[account(mut, dup)]
    pub config: Box<Account<'info, Config>>,
}

impl Unpause<'_> {
    pub fn handle(ctx: Context<Self>, families: u8) -> Result<()> {
        let clock = Clock::get()?;
        let accounts = &mut *ctx.accounts;
        let (config, by) = (&mut accounts.config, accounts.guardian.key());
        config.require_guardian(&by)?;
        config.unpause(families, clock.unix_timestamp)?;

        emit(
            &accounts.event_authority,
            &Unpaused {
                by,
                families,
                slot: clock.slot,
                timestamp: clock.unix_timestamp,
            },
        )?;
        config.invariant()
    }
}
