//! Calls to other programs, with instructions written by hand.
//!
//! The interface crates write the same bytes through a general encoder, check the program's address by
//! decoding base58, and collect accounts and data on the heap, which costs more than the calls
//! themselves. Here the callers have checked the program, and everything lies on the stack, in the
//! layout the runtime takes from programs written in C: it needs no copies of what describes an account.

use anchor_lang::{prelude::*, system_program};

/// Most accounts of a call.
const MOST_ACCOUNTS: usize = 4;
/// Most bytes of data in several pieces.
const MOST_BYTES: usize = 64;

/// An instruction about to be called.
pub struct Call<'a, 'info> {
    /// The program; the caller has checked which one it is.
    pub program: &'a Pubkey,
    /// Its accounts, in its order, at most four: the account, whether it signs, whether it is written.
    pub accounts: &'a [(&'a AccountInfo<'info>, bool, bool)],
    /// Its data: one piece of any length, or several of at most 64 bytes together.
    pub data: &'a [&'a [u8]],
    /// Seeds of the program-derived address that signs; empty when none does.
    pub seeds: &'a [&'a [u8]],
}

impl Call<'_, '_> {
    /// Makes the call.
    #[inline(never)]
    pub fn invoke(&self) -> Result<()> {
        let mut joined = [0; MOST_BYTES];
        let data = match self.data {
            [one] => one,
            pieces => join(pieces, &mut joined).ok_or(ProgramError::InvalidInstructionData)?,
        };
        if self.accounts.len() > MOST_ACCOUNTS {
            return Err(ProgramError::InvalidArgument.into());
        }
        abi::invoke(self.program, self.accounts, data, self.seeds)?;
        Ok(())
    }
}

/// Puts pieces one after the other.
fn join<'a>(pieces: &[&[u8]], into: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut length = 0usize;
    for piece in pieces {
        let end = length.checked_add(piece.len())?;
        into.get_mut(length..end)?.copy_from_slice(piece);
        length = end;
    }
    into.get(..length)
}

/// The runtime's side of a call.
#[cfg(target_os = "solana")]
mod abi {
    use super::MOST_ACCOUNTS;
    use anchor_lang::{
        prelude::{AccountInfo, ProgramError, Pubkey},
        solana_program::entrypoint::SUCCESS,
    };
    use core::{mem::MaybeUninit, ptr};
    use solana_define_syscall::definitions::sol_invoke_signed_c;

    /// `SolInstruction`
    #[repr(C)]
    struct Instruction {
        program: *const Pubkey,
        metas: *const Meta,
        metas_length: u64,
        data: *const u8,
        data_length: u64,
    }

    /// `SolAccountMeta`
    #[repr(C)]
    struct Meta {
        key: *const Pubkey,
        is_writable: bool,
        is_signer: bool,
    }

    /// `SolAccountInfo`
    #[repr(C)]
    struct Info {
        key: *const Pubkey,
        lamports: *mut u64,
        data_length: u64,
        data: *mut u8,
        owner: *const Pubkey,
        rent_epoch: u64,
        is_signer: bool,
        is_writable: bool,
        executable: bool,
    }

    /// `SolSignerSeeds`. Trap: its elements are slices as Rust lays them out, address then length,
    /// which is what `SolSignerSeed` is; the runtime's own interface for Rust relies on it too.
    #[repr(C)]
    struct Seeds {
        seeds: *const &'static [u8],
        length: u64,
    }
    const _: () = assert!(size_of::<&[u8]>() == 16);

    impl Info {
        fn of(account: &AccountInfo) -> Self {
            let lamports: *mut &mut u64 = account.lamports.as_ptr();
            let data: *mut &mut [u8] = account.data.as_ptr();
            // SAFETY: only the addresses are taken out; this program holds no borrow across a call.
            let (lamports, data) =
                unsafe { (ptr::from_mut(&mut **lamports), ptr::from_mut(&mut **data)) };
            Self {
                key: account.key,
                lamports,
                data_length: data.len() as u64,
                data: data.cast(),
                owner: account.owner,
                // obsolete, and not looked at
                rent_epoch: 0,
                is_signer: account.is_signer,
                is_writable: account.is_writable,
                executable: account.executable,
            }
        }
    }

    /// Takes over the length the called program has left an account's data with.
    ///
    /// The runtime writes it to where the instruction's input has it, before the data, and to the
    /// description it was called with; of an account described twice only to one of the two.
    fn resize(account: &AccountInfo) {
        let data: *mut &mut [u8] = account.data.as_ptr();
        // SAFETY: the data stays where the runtime has laid it out, after its length, with room behind
        // it for as much as a program may grow it by. No borrow of it is held across a call.
        unsafe {
            let start = (**data).as_mut_ptr();
            let length = *start.sub(size_of::<u64>()).cast::<u64>();
            *data = core::slice::from_raw_parts_mut(start, length as usize);
        }
    }

    pub fn invoke(
        program: &Pubkey,
        accounts: &[(&AccountInfo, bool, bool)],
        data: &[u8],
        seeds: &[&[u8]],
    ) -> Result<(), ProgramError> {
        let mut metas = [const { MaybeUninit::<Meta>::uninit() }; MOST_ACCOUNTS];
        let mut infos = [const { MaybeUninit::<Info>::uninit() }; MOST_ACCOUNTS];
        for (((account, is_signer, is_writable), meta), info) in
            accounts.iter().zip(&mut metas).zip(&mut infos)
        {
            meta.write(Meta {
                key: account.key,
                is_writable: *is_writable,
                is_signer: *is_signer,
            });
            info.write(Info::of(account));
        }
        let instruction = Instruction {
            program,
            metas: metas.as_ptr().cast(),
            metas_length: accounts.len() as u64,
            data: data.as_ptr(),
            data_length: data.len() as u64,
        };
        let signer = Seeds {
            seeds: seeds.as_ptr().cast(),
            length: seeds.len() as u64,
        };
        // SAFETY: everything pointed to lives until the call returns, and as many elements as said are
        // written: the caller has seen that there are no more accounts than room.
        let status = unsafe {
            sol_invoke_signed_c(
                ptr::from_ref(&instruction).cast(),
                infos.as_mut_ptr().cast(),
                accounts.len() as u64,
                ptr::from_ref(&signer).cast(),
                u64::from(!seeds.is_empty()),
            )
        };
        if status != SUCCESS {
            return Err(status.into());
        }
        for (account, _, is_writable) in accounts {
            if *is_writable {
                resize(account);
            }
        }
        Ok(())
    }
}

/// There is no runtime to call off the chain.
#[cfg(not(target_os = "solana"))]
mod abi {
    use anchor_lang::prelude::{AccountInfo, ProgramError, Pubkey};

    pub fn invoke(
        _program: &Pubkey,
        _accounts: &[(&AccountInfo, bool, bool)],
        _data: &[u8],
        _seeds: &[&[u8]],
    ) -> Result<(), ProgramError> {
        Err(ProgramError::UnsupportedSysvar)
    }
}

/// The system program's instructions, by the number they begin with.
pub mod system {
    use super::*;

    const CREATE_ACCOUNT: u32 = 0;
    const ASSIGN: u32 = 1;
    const TRANSFER: u32 = 2;
    const ALLOCATE: u32 = 8;

    /// Moves lamports into a new account with space and an owner. `seeds` sign for the account.
    pub fn create_account<'info>(
        payer: &AccountInfo<'info>,
        account: &AccountInfo<'info>,
        lamports: u64,
        space: u64,
        owner: &Pubkey,
        seeds: &[&[u8]],
    ) -> Result<()> {
        let mut data = [0; 52];
        data[..4].copy_from_slice(&CREATE_ACCOUNT.to_le_bytes());
        data[4..12].copy_from_slice(&lamports.to_le_bytes());
        data[12..20].copy_from_slice(&space.to_le_bytes());
        data[20..].copy_from_slice(owner.as_ref());
        Call {
            program: &system_program::ID,
            accounts: &[(payer, true, true), (account, true, true)],
            data: &[&data],
            seeds,
        }
        .invoke()
    }

    /// Moves lamports of a wallet that has signed.
    pub fn transfer<'info>(
        payer: &AccountInfo<'info>,
        account: &AccountInfo<'info>,
        lamports: u64,
    ) -> Result<()> {
        Call {
            program: &system_program::ID,
            accounts: &[(payer, true, true), (account, false, true)],
            data: &[&TRANSFER.to_le_bytes(), &lamports.to_le_bytes()],
            seeds: &[],
        }
        .invoke()
    }

    /// Gives an account space. Lamports that this instruction has taken from `giver` must be shown to
    /// the runtime, which compares sums at every call; the system program does not look at it.
    pub fn allocate<'info>(
        account: &AccountInfo<'info>,
        giver: Option<&AccountInfo<'info>>,
        space: u64,
        seeds: &[&[u8]],
    ) -> Result<()> {
        let mut data = [0; 12];
        data[..4].copy_from_slice(&ALLOCATE.to_le_bytes());
        data[4..].copy_from_slice(&space.to_le_bytes());
        let both = [
            (account, true, true),
            (giver.unwrap_or(account), false, true),
        ];
        let accounts = if giver.is_some() { &both } else { &both[..1] };
        Call {
            program: &system_program::ID,
            accounts,
            data: &[&data],
            seeds,
        }
        .invoke()
    }

    /// Gives an account an owner.
    pub fn assign(account: &AccountInfo, owner: &Pubkey, seeds: &[&[u8]]) -> Result<()> {
        let mut data = [0; 36];
        data[..4].copy_from_slice(&ASSIGN.to_le_bytes());
        data[4..].copy_from_slice(owner.as_ref());
        Call {
            program: &system_program::ID,
            accounts: &[(account, true, true)],
            data: &[&data],
            seeds,
        }
        .invoke()
    }
}
