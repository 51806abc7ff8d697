//! `initialize`

use crate::{
    constants::*,
    ensure,
    errors::ChoirError,
    events::{emit, Initialized},
    state::*,
    storage::{store, Payer},
    token::inspect_mint,
};
use anchor_lang::prelude::*;
use anchor_lang::solana_program::bpf_loader_upgradeable;

/// Accounts of `initialize`.
#[event_cpi]
#[derive(Accounts)]
pub struct Initialize<'info> {
    /// The program's upgrade authority; pays, and becomes the authority of the settings.
    #[account(mut)]
    pub authority: Signer<'info>,
    /// The program's data account, which names the upgrade authority.
    /// CHECK: the loader's account of this program, by its address; read by the handler.
    #[account(
        seeds = [crate::ID.as_ref()],
        bump,
        seeds::program = bpf_loader_upgradeable::ID,
    )]
    pub program_data: UncheckedAccount<'info>,
    /// The settings, created here.
    /// CHECK: created by the handler at the address checked here.
    #[account(mut, seeds = [CONFIG_SEED], bump)]
    pub config: UncheckedAccount<'info>,
    /// The treasury, created here.
    /// CHECK: created by the handler at the address checked here.
    #[account(mut, seeds = [TREASURY_SEED], bump)]
    pub treasury: UncheckedAccount<'info>,
    /// The treasury's token account, created here.
    /// CHECK: created by the handler at the address checked here.
    #[account(mut, seeds = [TREASURY_VAULT_SEED], bump)]
    pub treasury_vault: UncheckedAccount<'info>,
    /// The mint of all stakes.
    /// CHECK: read and checked by the handler.
    pub stake_mint: UncheckedAccount<'info>,
    /// The token program that owns the mint: SPL Token or Token-2022.
    /// CHECK: the handler knows both.
    pub token_program: UncheckedAccount<'info>,
    /// The system program.
    pub system_program: Program<'info, System>,
}

/// What `initialize` is given.
pub struct InitializeArgs {
    /// The settings.
    pub params: Params,
    /// Who may pause.
    pub guardian: Pubkey,
    /// The treasury's signers.
    pub treasury_signers: Vec<Pubkey>,
    /// How many of them must approve.
    pub treasury_threshold: u8,
    /// How long changes of settings wait, seconds.
    pub parameter_timelock: i64,
}

impl Initialize<'_> {
    pub fn handle(ctx: Context<Self>, args: InitializeArgs) -> Result<()> {
        let clock = Clock::get()?;
        let accounts = &ctx.accounts;
        ensure!(
            upgrade_authority(&accounts.program_data)? == Some(accounts.authority.key()),
            ChoirError::NotUpgradeAuthority
        );
        let mint_decimals = inspect_mint(&accounts.stake_mint, accounts.token_program.key)?;

        let config = Config {
            version: ACCOUNT_VERSION,
            bump: ctx.bumps.config,
            mint_decimals,
            stake_mint: accounts.stake_mint.key(),
            token_program: accounts.token_program.key(),
            treasury_vault: accounts.treasury_vault.key(),
            params: args.params,
            paused_until: [0; PAUSE_FAMILIES],
            authority: accounts.authority.key(),
            pending_authority: Pubkey::default(),
            guardian: args.guardian,
            treasury: accounts.treasury.key(),
            parameter_timelock: args.parameter_timelock,
            pending: ConfigChange::default(),
            pending_at: 0,
            reserved: [0; 64],
        };
        let treasury = Treasury {
            version: ACCOUNT_VERSION,
            bump: ctx.bumps.treasury,
            vault_bump: ctx.bumps.treasury_vault,
            threshold: args.treasury_threshold,
            signer_epoch: 0,
            proposal_count: 0,
            vault: accounts.treasury_vault.key(),
            reserved: [0; 64],
            signers: args.treasury_signers,
        };
        // A vector of any length fits an argument: refuse before the account is too small for it.
        config.invariant()?;
        treasury.invariant()?;

        let payer = Payer::new(&accounts.authority)?;
        payer.create(
            &accounts.config,
            &[CONFIG_SEED, &[config.bump]],
            8 + Config::INIT_SPACE,
            &crate::ID,
            ChoirError::AlreadyInitialized,
        )?;
        payer.create(
            &accounts.treasury,
            &[TREASURY_SEED, &[treasury.bump]],
            8 + Treasury::INIT_SPACE,
            &crate::ID,
            ChoirError::AlreadyInitialized,
        )?;
        payer.create_token_account(
            &accounts.treasury_vault,
            &[TREASURY_VAULT_SEED, &[treasury.vault_bump]],
            &accounts.stake_mint,
            &accounts.token_program,
            &accounts.treasury,
            ChoirError::AlreadyInitialized,
        )?;
        store(&accounts.config, &config)?;
        store(&accounts.treasury, &treasury)?;

        emit(
            &ctx.accounts.event_authority,
            &Initialized {
                authority: config.authority,
                guardian: config.guardian,
                stake_mint: config.stake_mint,
                token_program: config.token_program,
                treasury_vault: config.treasury_vault,
                params: config.params,
                parameter_timelock: config.parameter_timelock,
                slot: clock.slot,
                timestamp: clock.unix_timestamp,
            },
        )?;
        Ok(())
    }
}

/// Who may upgrade the program: `None` when nobody, or when the account is not one of the loader's.
///
/// The loader writes a tag (u32, 3), the slot (u64), and an optional address (u8, 32 bytes). Read by
/// hand: the loader's own type brings a general decoder into the program.
fn upgrade_authority(program_data: &AccountInfo) -> Result<Option<Pubkey>> {
    if *program_data.owner != bpf_loader_upgradeable::ID {
        return Ok(None);
    }
    let data = program_data.try_borrow_data()?;
    let (Some([3, 0, 0, 0]), Some([1]), Some(address)) =
        (data.get(..4), data.get(12..13), data.get(13..45))
    else {
        return Ok(None);
    };
    Ok(Pubkey::try_from(address).ok())
}
