//! The stake mint and moving its tokens, under SPL Token or Token-2022.

use crate::{
    cpi::Call,
    ensure,
    errors::{refuse, ChoirError},
};
use anchor_lang::prelude::*;
use anchor_spl::{
    token,
    token_2022::{
        self,
        spl_token_2022::{
            extension::{BaseStateWithExtensions, ExtensionType, StateWithExtensions},
            state::Mint,
        },
    },
};

/// Numbers of the token programs' instructions, the same in both.
const TRANSFER_CHECKED: u8 = 12;
const MINT_TO_CHECKED: u8 = 14;
const INITIALIZE_ACCOUNT_3: u8 = 18;

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

/// Decimals of a mint of SPL Token or Token-2022. Refuses a mint of another program, and one with an
/// extension outside the list above.
pub fn inspect_mint(mint: &AccountInfo, token_program: &Pubkey) -> Result<u8> {
    let known = [token::ID, token_2022::ID].contains(token_program);
    ensure!(
        known && mint.owner == token_program,
        ChoirError::WrongTokenProgram
    );
    let data = mint.try_borrow_data()?;
    let state = StateWithExtensions::<Mint>::unpack(&data)?;
    // An extension this program has never heard of cannot be listed, and is refused alike.
    let harmless = state.get_extension_types().is_ok_and(|extensions| {
        extensions
            .iter()
            .all(|extension| ALLOWED_EXTENSIONS.contains(extension))
    });
    ensure!(harmless, ChoirError::MintExtensionNotAllowed);
    Ok(state.base.decimals)
}

/// Refuses a token account of another mint or another owner.
///
/// Reads the two addresses a token account begins with, and no more: a transfer follows, in which the
/// token program checks everything else about the account.
pub fn require_own(account: &AccountInfo, mint: &Pubkey, owner: &Pubkey) -> Result<()> {
    let data = account.try_borrow_data()?;
    ensure!(data.get(..32) == Some(mint.as_ref()), ChoirError::WrongMint);
    ensure!(
        data.get(32..64) == Some(owner.as_ref()),
        ChoirError::WrongTokenOwner
    );
    Ok(())
}

/// Refuses a token account that holds less than an amount, base units.
pub fn require_funds(account: &AccountInfo, needed: u64) -> Result<()> {
    ensure!(amount(account)? >= needed, ChoirError::InsufficientFunds);
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

/// Sizes the token programs tell accounts apart by, in bytes.
const ACCOUNT_BYTES: usize = 165;
const MULTISIG_BYTES: usize = 355;

/// Refuses anything but a token account of a mint that can be paid into: one of the token program, in
/// use, and not frozen. It may have been closed, or taken over by something else, since it was named.
pub fn require_destination(
    account: &AccountInfo,
    mint: &Pubkey,
    token_program: &Pubkey,
) -> Result<()> {
    // a token account is initialised (1) or frozen (2); in one that Token-2022 has extended, a byte
    // after the base says what it is
    const STATE: usize = 108;
    const TOKEN_ACCOUNT: u8 = 2;
    let data = account.try_borrow_data()?;
    let sized = match data.len() {
        ACCOUNT_BYTES => true,
        MULTISIG_BYTES => false,
        _ => data.get(ACCOUNT_BYTES) == Some(&TOKEN_ACCOUNT),
    };
    ensure!(
        account.owner == token_program && sized,
        ChoirError::DestinationNotTokenAccount
    );
    match data.get(STATE) {
        Some(1) => {}
        Some(2) => return Err(refuse(ChoirError::DestinationFrozen)),
        _ => return Err(refuse(ChoirError::DestinationNotTokenAccount)),
    }
    ensure!(data.get(..32) == Some(mint.as_ref()), ChoirError::WrongMint);
    Ok(())
}

/// Refuses a mint whose tokens somebody else than `authority` mints, or nobody.
pub fn require_mint_authority(mint: &AccountInfo, authority: &Pubkey) -> Result<()> {
    let data = mint.try_borrow_data()?;
    ensure!(
        data.get(..4) == Some(&[1, 0, 0, 0]) && data.get(4..36) == Some(authority.as_ref()),
        ChoirError::NotMintAuthority
    );
    Ok(())
}

/// Refuses an amount, base units, that would make the supply of a mint overflow.
pub fn require_mintable(mint: &AccountInfo, amount: u64) -> Result<()> {
    let data = mint.try_borrow_data()?;
    let supply = data
        .get(36..44)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u64::from_le_bytes)
        .ok_or(ProgramError::InvalidAccountData)?;
    ensure!(
        supply.checked_add(amount).is_some(),
        ChoirError::ArithmeticOverflow
    );
    Ok(())
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
    pub fn send(&self, amount: u64, seeds: &[&[u8]]) -> Result<()> {
        if amount == 0 {
            return Ok(());
        }
        let mut data = [TRANSFER_CHECKED; 10];
        data[1..9].copy_from_slice(&amount.to_le_bytes());
        data[9] = self.decimals;
        Call {
            program: self.program.key,
            accounts: &[
                (self.from, false, true),
                (self.mint, false, false),
                (self.to, false, true),
                (self.authority, true, false),
            ],
            data: &[&data],
            seeds,
        }
        .invoke()
    }
}

/// Makes a new account a token account for `authority` to sign for.
pub fn initialize_account<'info>(
    account: &AccountInfo<'info>,
    mint: &AccountInfo<'info>,
    token_program: &Pubkey,
    authority: &Pubkey,
) -> Result<()> {
    let mut data = [INITIALIZE_ACCOUNT_3; 33];
    data[1..].copy_from_slice(authority.as_ref());
    Call {
        program: token_program,
        accounts: &[(account, false, true), (mint, false, false)],
        data: &[&data],
        seeds: &[],
    }
    .invoke()
}

/// New tokens about to be minted.
pub struct Minting<'a, 'info> {
    /// The token program.
    pub program: &'a AccountInfo<'info>,
    /// The mint.
    pub mint: &'a AccountInfo<'info>,
    /// Its decimals.
    pub decimals: u8,
    /// Where the tokens go.
    pub to: &'a AccountInfo<'info>,
    /// Who may mint.
    pub authority: &'a AccountInfo<'info>,
}

impl Minting<'_, '_> {
    /// Mints an amount, base units. `seeds` sign for the authority.
    pub fn send(&self, amount: u64, seeds: &[&[u8]]) -> Result<()> {
        Call {
            program: self.program.key,
            accounts: &[
                (self.mint, false, true),
                (self.to, false, true),
                (self.authority, true, false),
            ],
            data: &[&[MINT_TO_CHECKED], &amount.to_le_bytes(), &[self.decimals]],
            seeds,
        }
        .invoke()
    }
}
