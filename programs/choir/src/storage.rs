//! Creating accounts, and reading and writing those that are not given by type.
//!
//! Anchor's `init` refuses an account that exists with the system program's anonymous error 0; these
//! helpers name it, and cost less.

use crate::errors::ChoirError;
use anchor_lang::{
    prelude::*,
    solana_program::{instruction::AccountMeta, program::invoke_signed, system_instruction},
    system_program,
};
use anchor_spl::token_interface;

/// Size of a token account without extensions, in bytes.
const TOKEN_ACCOUNT_BYTES: usize = 165;

/// Who pays for a new account.
pub struct Payer<'a, 'info> {
    /// Pays the rent; signs the transaction.
    pub payer: &'a AccountInfo<'info>,
    /// The system program.
    pub system_program: &'a AccountInfo<'info>,
}

impl<'info> Payer<'_, 'info> {
    /// Creates an account at a program-derived address, rent-exempt, and gives it to `owner`.
    /// Lamports somebody has already sent there do not stop it. Refuses with `taken` when the
    /// account exists.
    pub fn create(
        &self,
        account: &AccountInfo<'info>,
        seeds: &[&[u8]],
        bytes: usize,
        owner: &Pubkey,
        taken: impl Into<Error>,
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
        taken: impl Into<Error>,
    ) -> Result<()> {
        if *account.owner != system_program::ID {
            return Err(taken.into());
        }
        let rent = Rent::get()?;
        let mut lamports = rent.minimum_balance(bytes);
        if reserve_bytes > 0 {
            lamports = lamports
                .checked_add(rent.minimum_balance(reserve_bytes))
                .ok_or(ChoirError::ArithmeticOverflow)?;
        }
        let program = self.system_program.key();
        let (from, to) = (self.payer.clone(), account.clone());
        let signer = &[seeds];
        let space = bytes as u64;
        if account.lamports() == 0 {
            let accounts = system_program::CreateAccount { from, to };
            let context = CpiContext::new_with_signer(program, accounts, signer);
            return system_program::create_account(context, lamports, space, owner);
        }
        let missing = lamports.saturating_sub(account.lamports());
        if missing > 0 {
            let accounts = system_program::Transfer {
                from,
                to: to.clone(),
            };
            system_program::transfer(CpiContext::new(program, accounts), missing)?;
        }
        allocate(&to, &[], self.system_program, seeds, space, owner)
    }

    /// Creates a token account at a program-derived address, for `authority` to sign for.
    pub fn create_token_account(
        &self,
        account: &AccountInfo<'info>,
        seeds: &[&[u8]],
        mint: &AccountInfo<'info>,
        token_program: &AccountInfo<'info>,
        authority: &AccountInfo<'info>,
        taken: impl Into<Error>,
    ) -> Result<()> {
        self.create(
            account,
            seeds,
            TOKEN_ACCOUNT_BYTES,
            token_program.key,
            taken,
        )?;
        token_interface::initialize_account3(CpiContext::new(
            token_program.key(),
            token_interface::InitializeAccount3 {
                account: account.clone(),
                mint: mint.clone(),
                authority: authority.clone(),
            },
        ))
    }
}

/// Creates an account of this program at a program-derived address, paid with lamports another
/// account of this program holds above its own rent.
pub fn create_from_reserve<'info>(
    account: &AccountInfo<'info>,
    reserve: &AccountInfo<'info>,
    system_program: &AccountInfo<'info>,
    seeds: &[&[u8]],
    bytes: usize,
    taken: impl Into<Error>,
) -> Result<()> {
    if *account.owner != system_program::ID {
        return Err(taken.into());
    }
    let missing = Rent::get()?
        .minimum_balance(bytes)
        .saturating_sub(account.lamports());
    reserve.sub_lamports(missing)?;
    account.add_lamports(missing)?;
    // The runtime compares the sum of lamports at every call: it must be shown both accounts.
    let shown = [reserve.clone()];
    allocate(
        account,
        &shown,
        system_program,
        seeds,
        bytes as u64,
        &crate::ID,
    )
}

/// Gives an account that already has its lamports space and an owner. `shown` are accounts whose
/// lamports this instruction has changed and the runtime must learn of.
fn allocate<'info>(
    account: &AccountInfo<'info>,
    shown: &[AccountInfo<'info>],
    system_program: &AccountInfo<'info>,
    seeds: &[&[u8]],
    space: u64,
    owner: &Pubkey,
) -> Result<()> {
    let mut infos = vec![account.clone(), system_program.clone()];
    infos.extend_from_slice(shown);
    let mut allocate = system_instruction::allocate(account.key, space);
    let metas = shown.iter().map(|info| AccountMeta::new(info.key(), false));
    allocate.accounts.extend(metas);
    invoke_signed(&allocate, &infos, &[seeds])?;
    let assign = system_instruction::assign(account.key, owner);
    invoke_signed(&assign, &infos, &[seeds])?;
    Ok(())
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
