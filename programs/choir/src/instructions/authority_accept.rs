//! `accept_authority`

use crate::{
    events::{emit, AuthorityAccepted},
    state::*,
};
use anchor_lang::prelude::*;

/// Accounts of `accept_authority`.
#[event_cpi]
#[derive(Accounts)]
pub struct AcceptAuthority<'info> {
    /// Who the authority was offered to.
    pub new_authority: Signer<'info>,
    /// The settings.
    #[account(mut, dup)]
    pub config: Box<Account<'info, Config>>,
}

impl AcceptAuthority<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let clock = Clock::get()?;
        let accounts = &mut *ctx.accounts;
        let config = &mut accounts.config;
        let previous = config.accept_authority(accounts.new_authority.key())?;

        emit(
            &accounts.event_authority,
            &AuthorityAccepted {
                authority: config.authority,
                previous,
                slot: clock.slot,
                timestamp: clock.unix_timestamp,
            },
        )?;
        config.invariant()
    }
}
