//! `submit_spec`

use crate::{
    constants::*,
    ensure,
    errors::{ChoirError, OrRefuse},
    events::{emit, SpecSubmitted},
    state::*,
    storage::{derive, store, Payer},
    token::{self, Transfer},
};
use anchor_lang::prelude::*;

/// Accounts of `submit_spec`.
#[event_cpi]
#[derive(Accounts)]
pub struct SubmitSpec<'info> {
    /// Submits, stakes, and pays the rent of the accounts, that of the message
    /// and the position to come included.
    #[account(mut)]
    pub author: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The thread.
    #[account(mut, dup)]
    pub thread: Box<Account<'info, Thread>>,
    /// The spec, created here.
    /// CHECK: its address is checked by the handler, which creates it.
    #[account(mut)]
    pub spec: UncheckedAccount<'info>,
    /// The spec's token account, created here.
    /// CHECK: its address is checked by the handler, which creates it.
    #[account(mut)]
    pub escrow: UncheckedAccount<'info>,
    /// Where the stake comes from.
    /// CHECK: its mint and owner are checked by the handler.
    #[account(mut)]
    pub author_token: UncheckedAccount<'info>,
    /// The mint of all stakes.
    /// CHECK: the handler compares the address with the configured one.
    pub stake_mint: UncheckedAccount<'info>,
    /// The token program that owns the mint.
    /// CHECK: the handler compares the address with the configured one.
    pub token_program: UncheckedAccount<'info>,
    /// The system program.
    pub system_program: Program<'info, System>,
}

/// What the rent of the message and of the position that an approval may create amounts to: that of
/// one account of so many bytes. The runtime charges each account for 128 bytes besides its data.
const RESERVE_BYTES: usize = 8 + Message::INIT_SPACE + 128 + 8 + Position::INIT_SPACE;

impl SubmitSpec<'_> {
    pub fn handle(
        ctx: Context<Self>,
        content_hash: [u8; 32],
        stake: u64,
        privacy: PrivacyLevel,
    ) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, config) = (&mut accounts.thread, &accounts.config);
        config.require_running(PAUSE_SPECS, now)?;
        config.require_stake(accounts.stake_mint.key, accounts.token_program.key)?;
        token::require_own(
            &accounts.author_token,
            &config.stake_mint,
            accounts.author.key,
        )?;
        thread.require_open()?;
        let author = accounts.author.key();
        ensure!(
            thread.author_index(&author).is_none(),
            ChoirError::CoAuthorCannotSubmit
        );
        thread.require_seat()?;
        thread.require_privacy(privacy)?;
        ensure!(
            stake >= config.params.min_stake,
            ChoirError::StakeBelowMinimum
        );
        token::require_funds(&accounts.author_token, stake)?;

        let (thread_key, spec_key) = (thread.key(), accounts.spec.key());
        let spec_seeds: [&[u8]; 4] = [
            SPEC_SEED,
            thread_key.as_ref(),
            author.as_ref(),
            &content_hash,
        ];
        let escrow_seeds: [&[u8]; 2] = [ESCROW_SEED, spec_key.as_ref()];
        let sequence = thread.open_spec()?;
        let spec = Spec {
            version: ACCOUNT_VERSION,
            bump: derive(&accounts.spec, &spec_seeds, ChoirError::WrongSpec)?,
            escrow_bump: derive(&accounts.escrow, &escrow_seeds, ChoirError::WrongEscrow)?,
            status: SpecStatus::Pending,
            thread: thread_key,
            author,
            rent_payer: author,
            content_hash,
            sequence,
            privacy,
            stake,
            approvals: 0,
            denials: 0,
            author_epoch: thread.author_epoch,
            submitted_at: now,
            expires_at: now
                .checked_add(config.params.approval_window)
                .or_refuse(ChoirError::ArithmeticOverflow)?,
            resolved_at: 0,
            reserved: [0; 32],
        };
        thread.touch(now);

        let payer = Payer::new(&accounts.author)?;
        payer.create_with_reserve(
            &accounts.spec,
            &[
                SPEC_SEED,
                thread_key.as_ref(),
                author.as_ref(),
                &content_hash,
                &[spec.bump],
            ],
            8 + Spec::INIT_SPACE,
            RESERVE_BYTES,
            &crate::ID,
            ChoirError::SpecAlreadyExists,
        )?;
        payer.create_token_account(
            &accounts.escrow,
            &[ESCROW_SEED, spec_key.as_ref(), &[spec.escrow_bump]],
            &accounts.stake_mint,
            &accounts.token_program,
            &accounts.spec,
            ChoirError::AccountAlreadyExists,
        )?;
        Transfer {
            program: &accounts.token_program,
            mint: &accounts.stake_mint,
            decimals: config.mint_decimals,
            from: &accounts.author_token,
            to: &accounts.escrow,
            authority: &accounts.author,
        }
        .send(stake, &[])?;
        store(&accounts.spec, &spec)?;

        emit(
            &ctx.accounts.event_authority,
            &SpecSubmitted {
                thread: thread_key,
                spec: spec_key,
                author,
                content_hash,
                sequence: spec.sequence,
                privacy,
                stake,
                author_epoch: spec.author_epoch,
                expires_at: spec.expires_at,
                slot: clock.slot,
                timestamp: now,
            },
        )?;
        ensure!(
            token::amount(&ctx.accounts.escrow)? >= stake,
            ChoirError::EscrowInvariant
        );
        spec.invariant(ctx.accounts.thread.co_authors.len())?;
        ctx.accounts.thread.invariant()
    }
}
