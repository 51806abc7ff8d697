//! The stake mint and moving its tokens, under SPL Token or Token-2022.

use crate::errors::ChoirError;
use anchor_lang::prelude::*;
use anchor_spl::{
    token_2022::{
        self,
        spl_token_2022::{
            extension::{BaseStateWithExtensions, ExtensionType, StateWithExtensions},
            state::Mint,
        },
    },
    token_interface::{self, TransferChecked},
};

/// Extensions of a Token-2022 mint that change nothing about what a transfer moves, who can move
/// it, or what is left afterwards. Every other one is refused: among them are transfer fees, hooks,
/// permanent delegates, confidential balances, closable and pausable mints.
const ALLOWED_EXTENSIONS: [ExtensionType; 6] = [
    ExtensionType::MetadataPointer,
    ExtensionType::TokenMetadata,
    ExtensionType::GroupPointer,
    ExtensionType::TokenGroup,
    ExtensionType::GroupMemberPointer,
    ExtensionType::TokenGroupMember,
];

/// Refuses a mint with an extension outside the list above.
pub fn require_harmless_mint(mint: &AccountInfo) -> Result<()> {
    if *mint.owner != token_2022::ID {
        return Ok(());
    }
    let data = mint.try_borrow_data()?;
    let extensions = StateWithExtensions::<Mint>::unpack(&data)?.get_extension_types()?;
    let harmless = extensions
        .iter()
        .all(|extension| ALLOWED_EXTENSIONS.contains(extension));
    require!(harmless, ChoirError::MintExtensionNotAllowed);
    Ok(())
}

/// What a token account holds, base units. For accounts this program created or the token program
/// has accepted in a transfer.
pub fn amount(account: &AccountInfo) -> Result<u64> {
    let data = account.try_borrow_data()?;
    let bytes = data
        .get(64..72)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(ProgramError::InvalidAccountData)?;
    Ok(u64::from_le_bytes(bytes))
}

/// A transfer about to be made.
pub struct Transfer<'a, 'info> {
    /// The token program.
    pub program: &'a AccountInfo<'info>,
    /// The mint.
    pub mint: &'a AccountInfo<'info>,
    /// Its decimals.
    pub decimals: u8,
    /// Where tokens come from.
    pub from: &'a AccountInfo<'info>,
    /// Where they go.
    pub to: &'a AccountInfo<'info>,
    /// Who signs for `from`.
    pub authority: &'a AccountInfo<'info>,
}

impl Transfer<'_, '_> {
    /// Moves an amount, base units. `seeds` sign for a program-derived authority; none are needed
    /// for one that has signed the transaction. Zero moves nothing and costs nothing.
    pub fn send(&self, amount: u64, seeds: &[&[&[u8]]]) -> Result<()> {
        if amount == 0 {
            return Ok(());
        }
        let accounts = TransferChecked {
            from: self.from.clone(),
            mint: self.mint.clone(),
            to: self.to.clone(),
            authority: self.authority.clone(),
        };
        let context = CpiContext::new_with_signer(self.program.key(), accounts, seeds);
        token_interface::transfer_checked(context, amount, self.decimals)
    }
}
