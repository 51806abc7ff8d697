//! `create_thread`

use crate::{
    constants::*,
    ensure,
    errors::ChoirError,
    events::{emit, ThreadCreated},
    math,
    state::*,
    storage::{derive, store, Payer},
    token::{self, Transfer},
};
use anchor_lang::prelude::*;

/// Accounts of `create_thread`.
#[event_cpi]
#[derive(Accounts)]
pub struct CreateThread<'info> {
    /// Opens the thread, deposits, and pays the rent of its accounts.
    #[account(mut)]
    pub creator: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The thread, created here.
    /// CHECK: its address is checked by the handler, which creates it.
    #[account(mut)]
    pub thread: UncheckedAccount<'info>,
    /// The thread's token account, created here.
    /// CHECK: its address is checked by the handler, which creates it.
    #[account(mut)]
    pub vault: UncheckedAccount<'info>,
    /// The creator's position, created here.
    /// CHECK: its address is checked by the handler, which creates it.
    #[account(mut)]
    pub position: UncheckedAccount<'info>,
    /// Where the first deposit comes from.
    /// CHECK: its mint and owner are checked by the handler.
    #[account(mut)]
    pub creator_token: UncheckedAccount<'info>,
    /// The mint of all stakes.
    /// CHECK: the handler compares the address with the configured one.
    pub stake_mint: UncheckedAccount<'info>,
    /// The token program that owns the mint.
    /// CHECK: the handler compares the address with the configured one.
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
        config.require_stake(accounts.stake_mint.key, accounts.token_program.key)?;
        let source = &accounts.creator_token;
        token::require_own(source, &config.stake_mint, accounts.creator.key)?;
        ensure!(
            (1..=MAX_THREAD_ID_BYTES).contains(&thread_id.len()),
            ChoirError::ThreadIdLength
        );
        ensure!(
            deposit >= config.params.min_thread_balance,
            ChoirError::DepositBelowMinimum
        );
        token::require_funds(source, deposit)?;

        let (key, creator) = (accounts.thread.key(), accounts.creator.key());
        let id_hash = math::thread_id_hash(&thread_id);
        let thread_seeds: [&[u8]; 2] = [THREAD_SEED, &id_hash];
        let vault_seeds: [&[u8]; 2] = [VAULT_SEED, key.as_ref()];
        let position_seeds: [&[u8]; 3] = [POSITION_SEED, key.as_ref(), creator.as_ref()];
        let mut thread = Thread {
            version: ACCOUNT_VERSION,
            bump: derive(&accounts.thread, &thread_seeds, ChoirError::WrongThread)?,
            vault_bump: derive(&accounts.vault, &vault_seeds, ChoirError::WrongVault)?,
            status: ThreadStatus::Open,
            privacy,
            author_epoch: 0,
            pending_specs: 0,
            spec_count: 0,
            creator,
            vault: accounts.vault.key(),
            balance: 0,
            total_claimable: 0,
            total_shares: 0,
            reward_per_author: 0,
            message_count: 0,
            head: math::genesis_head(&id_hash),
            min_balance: config.params.min_thread_balance,
            divest_cooldown: config.params.divest_cooldown,
            created_at: now,
            updated_at: now,
            reserved: [0; 64],
            thread_id,
            co_authors: vec![creator],
        };
        let position_bump = derive(
            &accounts.position,
            &position_seeds,
            ChoirError::WrongPosition,
        )?;
        let mut position = Position::new(position_bump, key, creator, creator, now);
        let shares = thread.deposit(deposit, deposit)?;
        position.mint(shares, now)?;

        let payer = Payer::new(&accounts.creator)?;
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
            from: source,
            to: &accounts.vault,
            authority: &accounts.creator,
        }
        .send(deposit, &[])?;
        store(&accounts.thread, &thread)?;
        store(&accounts.position, &position)?;

        emit(
            &ctx.accounts.event_authority,
            &ThreadCreated {
                thread: key,
                creator,
                thread_id: thread.thread_id.clone(),
                vault: thread.vault,
                privacy,
                deposit,
                balance_after: thread.balance,
                shares_after: thread.total_shares,
                min_balance: thread.min_balance,
                divest_cooldown: thread.divest_cooldown,
                head: thread.head,
                slot: clock.slot,
                timestamp: now,
            },
        )?;
        thread.require_solvent(token::amount(&ctx.accounts.vault)?)?;
        position.invariant(&thread)?;
        thread.invariant()
    }
}
