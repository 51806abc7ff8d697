//! Paying a spec's stake out of its escrow.

use crate::{
    address::require_at,
    constants::ESCROW_SEED,
    constants::SPEC_SEED,
    ensure,
    errors::ChoirError,
    state::Spec,
    token::{self, Transfer},
};
use anchor_lang::prelude::*;

/// The escrow of a spec, with what a transfer out of it takes.
pub struct Escrow<'a, 'info> {
    /// The spec, which signs.
    pub spec: &'a Account<'info, Spec>,
    /// The token account.
    pub account: &'a AccountInfo<'info>,
    /// The stake mint.
    pub mint: &'a AccountInfo<'info>,
    /// Its decimals.
    pub decimals: u8,
    /// The token program.
    pub token_program: &'a AccountInfo<'info>,
}

impl<'info> Escrow<'_, 'info> {
    /// Refuses a token account that is not this spec's escrow.
    pub fn require_own(&self) -> Result<()> {
        let key = self.spec.key();
        require_at(
            self.account,
            &[ESCROW_SEED, key.as_ref()],
            self.spec.escrow_bump,
            ChoirError::WrongEscrow,
        )
    }

    /// Pays the stake out, all of it: the amounts (base units) must sum to it. What strangers have
    /// sent to the escrow stays there.
    pub fn pay(&self, payments: &[(&AccountInfo<'info>, u64)]) -> Result<()> {
        let before = token::amount(self.account)?;
        let spec = self.spec;
        let bump = [spec.bump];
        let seeds: &[&[u8]] = &[
            SPEC_SEED,
            spec.thread.as_ref(),
            spec.author.as_ref(),
            &spec.content_hash,
            &bump,
        ];
        for (to, amount) in payments {
            Transfer {
                program: self.token_program,
                mint: self.mint,
                decimals: self.decimals,
                from: self.account,
                to,
                authority: spec.as_ref(),
            }
            .send(*amount, seeds)?;
        }
        let paid = before.checked_sub(token::amount(self.account)?);
        ensure!(paid == Some(spec.stake), ChoirError::EscrowInvariant);
        Ok(())
    }
}
