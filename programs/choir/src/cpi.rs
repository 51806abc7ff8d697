//! Calls to other programs, with instructions written by hand.
//!
//! The interface crates write the same bytes through a general encoder and check the program's address
//! by decoding base58, which costs more than the calls themselves. Here the callers have checked it.

use anchor_lang::{
    prelude::*,
    solana_program::{
        instruction::{AccountMeta, Instruction},
        program::invoke_signed_unchecked,
    },
    system_program,
};

/// An instruction about to be called.
pub struct Call<'a, 'info> {
    /// The program; the caller has checked which one it is.
    pub program: &'a Pubkey,
    /// Its accounts, in its order: the account, whether it signs, whether it is written.
    pub accounts: &'a [(&'a AccountInfo<'info>, bool, bool)],
    /// Its data.
    pub data: &'a [&'a [u8]],
    /// Seeds of the program-derived address that signs; empty when none does.
    pub seeds: &'a [&'a [u8]],
}

impl Call<'_, '_> {
    /// Makes the call.
    #[inline(never)]
    pub fn invoke(&self) -> Result<()> {
        let metas = self
            .accounts
            .iter()
            .map(|(info, signer, writable)| AccountMeta {
                pubkey: info.key(),
                is_signer: *signer,
                is_writable: *writable,
            });
        let instruction = Instruction {
            program_id: *self.program,
            accounts: metas.collect(),
            data: self.data.concat(),
        };
        let infos: Vec<AccountInfo> = self
            .accounts
            .iter()
            .map(|(info, _, _)| (*info).clone())
            .collect();
        let signers: &[&[&[u8]]] = if self.seeds.is_empty() {
            &[]
        } else {
            &[self.seeds]
        };
        // Unchecked leaves out the search for borrows of the accounts' data: this program holds none
        // across a call.
        invoke_signed_unchecked(&instruction, &infos, signers)?;
        Ok(())
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
        Call {
            program: &system_program::ID,
            accounts: &[(payer, true, true), (account, true, true)],
            data: &[
                &CREATE_ACCOUNT.to_le_bytes(),
                &lamports.to_le_bytes(),
                &space.to_le_bytes(),
                owner.as_ref(),
            ],
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
        let shown = giver.unwrap_or(account);
        let accounts = [(account, true, true), (shown, giver.is_none(), true)];
        Call {
            program: &system_program::ID,
            accounts: &accounts,
            data: &[&ALLOCATE.to_le_bytes(), &space.to_le_bytes()],
            seeds,
        }
        .invoke()
    }

    /// Gives an account an owner.
    pub fn assign(account: &AccountInfo, owner: &Pubkey, seeds: &[&[u8]]) -> Result<()> {
        Call {
            program: &system_program::ID,
            accounts: &[(account, true, true)],
            data: &[&ASSIGN.to_le_bytes(), owner.as_ref()],
            seeds,
        }
        .invoke()
    }
}
