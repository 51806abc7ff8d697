//! `propose_treasury`

use crate::{
    constants::*,
    ensure,
    errors::{ChoirError, OrRefuse},
    events::{emit, TreasuryProposed},
    state::*,
    storage::{derive, store, Payer},
    token,
};
use anchor_lang::prelude::*;

/// Accounts of `propose_treasury`.
#[event_cpi]
#[derive(Accounts)]
pub struct ProposeTreasury<'info> {
    /// A signer of the treasury; pays the rent of the proposal and gets it back.
    #[account(mut)]
    pub proposer: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The treasury.
    #[account(mut, dup)]
    pub treasury: Box<Account<'info, Treasury>>,
    /// The proposal, created here.
    /// CHECK: created by the handler at the address of the treasury's next proposal.
    #[account(mut)]
    pub proposal: UncheckedAccount<'info>,
    /// Where the action pays to; none when it does not pay.
    /// CHECK: the handler compares the address with the action's and reads the account.
    pub destination: Option<UncheckedAccount<'info>>,
    /// The mint of all stakes.
    /// CHECK: the handler compares the address with the configured one.
    pub stake_mint: UncheckedAccount<'info>,
    /// The system program.
    pub system_program: Program<'info, System>,
}

impl ProposeTreasury<'_> {
    pub fn handle(ctx: Context<Self>, action: TreasuryAction) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (config, treasury) = (&accounts.config, &mut accounts.treasury);
        config.require_running(PAUSE_TREASURY, now)?;
        treasury.require_signer(accounts.proposer.key)?;
        action.validate()?;
        ensure!(
            *accounts.stake_mint.key == config.stake_mint,
            ChoirError::WrongMint
        );
        if let Some(destination) = action.destination() {
            let account = accounts.destination.as_deref();
            let account = account.or_refuse(ChoirError::WrongDestination)?;
            ensure!(
                account.key == destination && *destination != treasury.vault,
                ChoirError::WrongDestination
            );
            token::require_destination(account, &config.stake_mint, &config.token_program)?;
        }
        if let TreasuryAction::Mint { amount, .. } = &action {
            token::require_mint_authority(&accounts.stake_mint, &config.treasury)?;
            token::require_mintable(&accounts.stake_mint, *amount)?;
        }

        let index = treasury.next_index()?;
        let number = index.to_le_bytes();
        let bump = derive(
            &accounts.proposal,
            &[TREASURY_SEED, &number],
            ChoirError::WrongProposal,
        )?;
        let proposal = TreasuryProposal::new(
            bump,
            index,
            accounts.proposer.key(),
            action,
            treasury.signer_epoch,
            now,
        )?;
        Payer::new(&accounts.proposer)?.create(
            &accounts.proposal,
            &[TREASURY_SEED, &number, &[bump]],
            proposal.bytes()?,
            &crate::ID,
            ChoirError::AccountAlreadyExists,
        )?;
        store(&accounts.proposal, &proposal)?;

        proposal.invariant(treasury)?;
        treasury.invariant()?;
        let event = TreasuryProposed {
            index,
            proposer: proposal.proposer,
            signer_epoch: proposal.signer_epoch,
            expires_at: proposal.expires_at,
            action: proposal.action,
            slot: clock.slot,
            timestamp: now,
        };
        emit(&accounts.event_authority, &event)
    }
}
