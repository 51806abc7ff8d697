//! Closing accounts: what is left in them goes back, and nothing of them remains.

use crate::{
    cpi::Call,
    ensure,
    errors::{ChoirError, OrRefuse},
};
use anchor_lang::{prelude::*, system_program};

/// Number of the token programs' instruction, the same in both.
const CLOSE_ACCOUNT: u8 = 9;

/// Closes an account of this program: its lamports, all of them, go to `to`.
///
/// It is given back to the system program without data at once, so that lamports sent to it later in
/// the same transaction make an empty wallet of it and revive nothing. Trap: what is still held of it
/// by type must not be written any more; Anchor's own exit sees that it is closed.
pub fn close<'info>(account: &AccountInfo<'info>, to: &AccountInfo<'info>) -> Result<()> {
    // Into itself would burn the lamports.
    ensure!(account.key != to.key, ChoirError::WrongRentPayer);
    let lamports = account.lamports();
    let sum = to
        .lamports()
        .checked_add(lamports)
        .or_refuse(ChoirError::ArithmeticOverflow)?;
    **to.try_borrow_mut_lamports()? = sum;
    **account.try_borrow_mut_lamports()? = 0;
    account.assign(&system_program::ID);
    account.resize(0)?;
    Ok(())
}

/// An empty token account about to be closed.
pub struct TokenClose<'a, 'info> {
    /// The token program.
    pub program: &'a AccountInfo<'info>,
    /// The account. Trap: both token programs refuse one that still holds tokens.
    pub account: &'a AccountInfo<'info>,
    /// Who gets its lamports, all of them.
    pub to: &'a AccountInfo<'info>,
    /// Who signs for it, by seeds.
    pub authority: &'a AccountInfo<'info>,
}

impl TokenClose<'_, '_> {
    /// Closes it. Trap: call before lamports of other accounts are moved by hand, because the runtime
    /// compares sums at every call.
    pub fn send(&self, seeds: &[&[u8]]) -> Result<()> {
        Call {
            program: self.program.key,
            accounts: &[
                (self.account, false, true),
                (self.to, false, true),
                (self.authority, true, false),
            ],
            data: &[&[CLOSE_ACCOUNT]],
            seeds,
        }
        .invoke()
    }
}

/// Refuses anybody but who paid for an account to get its rent.
pub fn require_rent_payer(account: &AccountInfo, rent_payer: &Pubkey) -> Result<()> {
    ensure!(account.key == rent_payer, ChoirError::WrongRentPayer);
    Ok(())
}
