//! `create_thread`

use crate::{
    constants::*,
    errors::ChoirError,
    events::ThreadCreated,
    math,
    state::*,
    storage::{store, Payer},
    token::{self, Transfer},
};
use anchor_lang::prelude::*;
use anchor_spl::token_interface::TokenAccount;

/// Accounts of `create_thread`.
#[event_cpi]
#[derive(Accounts)]
#[instruction(thread_id: String)]
pub struct CreateThread<'info> {
    /// Opens the thread, deposits, and pays the rent of its accounts.
    #[account(mut)]
    pub creator: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The thread, created here.
    /// CHECK: created by the handler at the address checked here.
    #[account(mut, seeds = [THREAD_SEED, &math::thread_id_hash(&thread_id)], bump)]
    pub thread: UncheckedAccount<'info>,
    /// The thread's token account, created here.
    /// CHECK: created by the handler at the address checked here.
    #[account(mut, seeds = [VAULT_SEED, thread.key().as_ref()], bump)]
    pub vault: UncheckedAccount<'info>,
    /// The creator's position, created here.
    /// CHECK: created by the handler at the address checked here.
    #[account(mut, seeds = [POSITION_SEED, thread.key().as_ref(), creator.key().as_ref()], bump)]
    pub position: UncheckedAccount<'info>,
    /// Where the first deposit comes from.
    #[account(
        mut,
        constraint = creator_token.mint == config.stake_mint @ ChoirError::WrongMint,
        constraint = creator_token.owner == creator.key() @ ChoirError::WrongTokenOwner,
    )]
    pub creator_token: Box<InterfaceAccount<'info, TokenAccount>>,
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

impl CreateThread<'_> {
    pub fn handle(
        ctx: Context<Self>,
        thread_id: String,
        deposit: u64,
        privacy: PrivacyLevel,
    ) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &ctx.accounts;
        let config = &accounts.config;
        config.require_running(PAUSE_THREADS, now)?;
        require!(
            (1..=MAX_THREAD_ID_BYTES).contains(&thread_id.len()),
            ChoirError::ThreadIdLength
        );
        require!(
            deposit >= config.params.min_thread_balance,
            ChoirError::DepositBelowMinimum
        );
        require!(
            accounts.creator_token.amount >= deposit,
            ChoirError::InsufficientFunds
        );

        let (key, creator) = (accounts.thread.key(), accounts.creator.key());
        let id_hash = math::thread_id_hash(&thread_id);
        let mut thread = Thread {
            version: ACCOUNT_VERSION,
            bump: ctx.bumps.thread,
            vault_bump: ctx.bumps.vault,
            status: ThreadStatus::Open,
            privacy,
            author_epoch: 0,
            pending_specs: 0,
            creator,
            vault: accounts.vault.key(),
            balance: 0,
            total_claimable: 0,
            total_shares: 0,
            reward_per_author: 0,
            message_count: 0,
            head: math::genesis_head(&id_hash),
            created_at: now,
            updated_at: now,
            reserved: [0; 64],
            thread_id,
            co_authors: vec![creator],
        };
        let mut position = Position::new(ctx.bumps.position, key, creator, creator, now);
        let shares = thread.deposit(deposit)?;
        position.mint(shares, now)?;

        let payer = Payer {
            payer: &accounts.creator,
            system_program: &accounts.system_program,
        };
        payer.create(
            &accounts.thread,
            &[THREAD_SEED, &id_hash, &[thread.bump]],
            8 + Thread::INIT_SPACE,
            &crate::ID,
            ChoirError::ThreadAlreadyExists,
        )?;
        payer.create_token_account(
            &accounts.vault,
            &[VAULT_SEED, key.as_ref(), &[thread.vault_bump]],
            &accounts.stake_mint,
            &accounts.token_program,
            &accounts.thread,
            ChoirError::AccountAlreadyExists,
        )?;
        payer.create(
            &accounts.position,
            &[
                POSITION_SEED,
                key.as_ref(),
                creator.as_ref(),
                &[position.bump],
            ],
            8 + Position::INIT_SPACE,
            &crate::ID,
            ChoirError::AccountAlreadyExists,
        )?;
        Transfer {
            program: &accounts.token_program,
            mint: &accounts.stake_mint,
            decimals: config.mint_decimals,
            from: accounts.creator_token.as_ref().as_ref(),
            to: &accounts.vault,
            authority: &accounts.creator,
        }
        .send(deposit, &[])?;
        store(&accounts.thread, &thread)?;
        store(&accounts.position, &position)?;

        emit_cpi!(ThreadCreated {
            thread: key,
            creator,
            thread_id: thread.thread_id.clone(),
            vault: thread.vault,
            privacy,
            deposit,
            balance_after: thread.balance,
            shares_after: thread.total_shares,
            head: thread.head,
            slot: clock.slot,
            timestamp: now,
        });
        thread.require_solvent(token::amount(&ctx.accounts.vault)?)?;
        position.invariant(&thread)?;
        thread.invariant()
    }
}
