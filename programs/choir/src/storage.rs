//! Creating accounts, and reading and writing those that are not given by type.
//!
//! Anchor's `init` refuses an account that exists with the system program's anonymous error 0; these
//! helpers name it, and cost less.

use crate::{
    cpi::system,
    ensure,
    errors::{refuse, ChoirError, OrRefuse},
    token,
};
use anchor_lang::{prelude::*, system_program};

pub use crate::address::derive;

/// Size of a token account without extensions, in bytes.
const TOKEN_ACCOUNT_BYTES: usize = 165;

/// Who pays for new accounts.
pub struct Payer<'a, 'info> {
    account: &'a AccountInfo<'info>,
    rent: Rent,
}

impl<'a, 'info> Payer<'a, 'info> {
    /// A wallet that has signed the transaction.
    pub fn new(account: &'a AccountInfo<'info>) -> Result<Self> {
        let rent = Rent::get()?;
        Ok(Self { account, rent })
    }

    /// Creates an account at a program-derived address, rent-exempt, and gives it to `owner`.
    /// Lamports somebody has already sent there do not stop it. Refuses with `taken` when the
    /// account exists.
    pub fn create(
        &self,
        account: &AccountInfo<'info>,
        seeds: &[&[u8]],
        bytes: usize,
        owner: &Pubkey,
        taken: ChoirError,
    ) -> Result<()> {
        self.create_with_reserve(account, seeds, bytes, 0, owner, taken)
    }

    /// As `create`, with the rent of `reserve_bytes` more put in, to pay for an account that comes
    /// later: see [`create_from_reserve`].
    pub fn create_with_reserve(
        &self,
        account: &AccountInfo<'info>,
        seeds: &[&[u8]],
        bytes: usize,
        reserve_bytes: usize,
        owner: &Pubkey,
        taken: ChoirError,
    ) -> Result<()> {
        if *account.owner != system_program::ID {
            return Err(refuse(taken));
        }
        let rent = &self.rent;
        let mut lamports = rent.minimum_balance(bytes);
        if reserve_bytes > 0 {
            lamports = lamports
                .checked_add(rent.minimum_balance(reserve_bytes))
                .or_refuse(ChoirError::ArithmeticOverflow)?;
        }
        let space = bytes as u64;
        if account.lamports() == 0 {
            return system::create_account(self.account, account, lamports, space, owner, seeds);
        }
        let missing = lamports.saturating_sub(account.lamports());
        if missing > 0 {
            system::transfer(self.account, account, missing)?;
        }
        system::allocate(account, None, space, seeds)?;
        system::assign(account, owner, seeds)
    }

    /// Creates a token account at a program-derived address, for `authority` to sign for.
    pub fn create_token_account(
        &self,
        account: &AccountInfo<'info>,
        seeds: &[&[u8]],
        mint: &AccountInfo<'info>,
        token_program: &AccountInfo<'info>,
        authority: &AccountInfo<'info>,
        taken: ChoirError,
    ) -> Result<()> {
        self.create(
            account,
            seeds,
            TOKEN_ACCOUNT_BYTES,
            token_program.key,
            taken,
        )?;
        token::initialize_account(account, mint, token_program.key, authority.key)
    }
}

/// Creates an account of this program at a program-derived address, paid with lamports another
/// account of this program holds above its own rent.
pub fn create_from_reserve<'info>(
    account: &AccountInfo<'info>,
    reserve: &AccountInfo<'info>,
    seeds: &[&[u8]],
    bytes: usize,
    taken: ChoirError,
) -> Result<()> {
    if *account.owner != system_program::ID {
        return Err(refuse(taken));
    }
    let rent = Rent::get()?;
    let missing = rent
        .minimum_balance(bytes)
        .saturating_sub(account.lamports());
    // what rent cost when it was put in may be less than it costs now
    let left = reserve.lamports().checked_sub(missing);
    ensure!(
        left.is_some_and(|left| left >= rent.minimum_balance(reserve.data_len())),
        ChoirError::ReserveTooSmall
    );
    reserve.sub_lamports(missing)?;
    account.add_lamports(missing)?;
    system::allocate(account, Some(reserve), bytes as u64, seeds)?;
    system::assign(account, &crate::ID, seeds)
}

/// Writes a value, its discriminator first, into an account of this program.
pub fn store<T: AccountSerialize>(account: &AccountInfo, value: &T) -> Result<()> {
    let mut data = account.try_borrow_mut_data()?;
    let mut writer: &mut [u8] = &mut data;
    value.try_serialize(&mut writer)
}

/// Reads an account of this program; `None` when it does not exist or is somebody else's.
pub fn load<T: AccountDeserialize>(account: &AccountInfo) -> Result<Option<T>> {
    if *account.owner != crate::ID {
        return Ok(None);
    }
    let data = account.try_borrow_data()?;
    T::try_deserialize(&mut &data[..]).map(Some)
}
