//! `submit_spec`

use crate::{
    constants::*,
    errors::ChoirError,
    events::SpecSubmitted,
    state::*,
    storage::{store, Payer},
    token::{self, Transfer},
};
use anchor_lang::prelude::*;
use anchor_spl::token_interface::TokenAccount;

/// Accounts of `submit_spec`.
#[event_cpi]
#[derive(Accounts)]
#[instruction(content_hash: [u8; 32])]
pub struct SubmitSpec<'info> {
    /// Submits, stakes, and pays the rent of the accounts, that of the message to come included.
    #[account(mut)]
    pub author: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The thread.
    #[account(mut)]
    pub thread: Box<Account<'info, Thread>>,
    /// The spec, created here.
    /// CHECK: created by the handler at the address checked here.
    #[account(
        mut,
        seeds = [SPEC_SEED, thread.key().as_ref(), author.key().as_ref(), content_hash.as_ref()],
        bump,
    )]
    pub spec: UncheckedAccount<'info>,
    /// The spec's token account, created here.
    /// CHECK: created by the handler at the address checked here.
    #[account(mut, seeds = [ESCROW_SEED, spec.key().as_ref()], bump)]
    pub escrow: UncheckedAccount<'info>,
    /// The author's position, created here unless an earlier spec of theirs did.
    /// CHECK: created or left alone by the handler at the address checked here.
    #[account(mut, seeds = [POSITION_SEED, thread.key().as_ref(), author.key().as_ref()], bump)]
    pub position: UncheckedAccount<'info>,
    /// Where the stake comes from.
    #[account(
        mut,
        constraint = author_token.mint == config.stake_mint @ ChoirError::WrongMint,
        constraint = author_token.owner == author.key() @ ChoirError::WrongTokenOwner,
    )]
    pub author_token: Box<InterfaceAccount<'info, TokenAccount>>,
    /// The mint of all stakes.
    /// CHECK: the address is the configured one.
    #[account(address = config.stake_mint @ ChoirError::WrongMint)]
    pub stake_mint: UncheckedAccount<'info>,
    /// The token program that owns the mint.
    /// CHECK: the address is the configured one.
    #[account(address = config.token_program @ ChoirError::WrongTokenProgram)]
    pub token_program: UncheckedAccount<'info>,
    /// The system program.
    pub system_program: Program<'info, System>,
}

impl SubmitSpec<'_> {
    pub fn handle(ctx: Context<Self>, content_hash: [u8; 32], stake: u64) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, config) = (&mut accounts.thread, &accounts.config);
        config.require_running(PAUSE_SPECS, now)?;
        thread.require_open()?;
        let author = accounts.author.key();
        require!(
            thread.author_index(&author).is_none(),
            ChoirError::CoAuthorCannotSubmit
        );
        thread.require_seat()?;
        require!(
            stake >= config.params.min_stake,
            ChoirError::StakeBelowMinimum
        );
        require!(
            accounts.author_token.amount >= stake,
            ChoirError::InsufficientFunds
        );

        let (thread_key, spec_key) = (thread.key(), accounts.spec.key());
        let spec = Spec {
            version: ACCOUNT_VERSION,
            bump: ctx.bumps.spec,
            escrow_bump: ctx.bumps.escrow,
            status: SpecStatus::Pending,
            thread: thread_key,
            author,
            rent_payer: author,
            content_hash,
            stake,
            approvals: 0,
            denials: 0,
            author_epoch: thread.author_epoch,
            submitted_at: now,
            expires_at: now
                .checked_add(config.params.approval_window)
                .ok_or(ChoirError::ArithmeticOverflow)?,
            resolved_at: 0,
            reserved: [0; 32],
        };
        thread.open_spec()?;
        thread.touch(now);

        let payer = Payer {
            payer: &accounts.author,
            system_program: &accounts.system_program,
        };
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
            8 + Message::INIT_SPACE,
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
        if *accounts.position.owner != crate::ID {
            let bump = ctx.bumps.position;
            payer.create(
                &accounts.position,
                &[POSITION_SEED, thread_key.as_ref(), author.as_ref(), &[bump]],
                8 + Position::INIT_SPACE,
                &crate::ID,
                ChoirError::AccountAlreadyExists,
            )?;
            let position = Position::new(bump, thread_key, author, author, now);
            store(&accounts.position, &position)?;
        }
        Transfer {
            program: &accounts.token_program,
            mint: &accounts.stake_mint,
            decimals: config.mint_decimals,
            from: accounts.author_token.as_ref().as_ref(),
            to: &accounts.escrow,
            authority: &accounts.author,
        }
        .send(stake, &[])?;
        store(&accounts.spec, &spec)?;

        emit_cpi!(SpecSubmitted {
            thread: thread_key,
            spec: spec_key,
            author,
            content_hash,
            stake,
            author_epoch: spec.author_epoch,
            expires_at: spec.expires_at,
            slot: clock.slot,
            timestamp: now,
        });
        require!(
            token::amount(&ctx.accounts.escrow)? >= stake,
            ChoirError::EscrowInvariant
        );
        spec.invariant(ctx.accounts.thread.co_authors.len())?;
        ctx.accounts.thread.invariant()
    }
}
