//! `post_message`

use crate::{
    constants::*,
    errors::ChoirError,
    events::emit,
    state::*,
    storage::{derive, store, Payer},
};
use anchor_lang::prelude::*;

/// Accounts of `post_message`.
#[event_cpi]
#[derive(Accounts)]
pub struct PostMessage<'info> {
    /// The co-author who posts, and pays the message's rent.
    #[account(mut)]
    pub author: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The thread.
    #[account(mut, dup)]
    pub thread: Box<Account<'info, Thread>>,
    /// The author's position, which counts the messages of the hour.
    #[account(mut, dup)]
    pub position: Box<Account<'info, Position>>,
    /// The message, created here; its index is the thread's message count.
    /// CHECK: its address is checked by the handler, which creates it.
    #[account(mut)]
    pub message: UncheckedAccount<'info>,
    /// The system program.
    pub system_program: Program<'info, System>,
}

impl PostMessage<'_> {
    pub fn handle(ctx: Context<Self>, content_hash: [u8; 32], privacy: PrivacyLevel) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, position) = (&mut accounts.thread, &mut accounts.position);
        let config = &accounts.config;
        config.require_running(PAUSE_MESSAGES, now)?;
        thread.require_open()?;
        position.require_of(&thread.key(), accounts.author.key)?;
        thread.require_co_author(accounts.author.key)?;
        thread.require_privacy(privacy)?;

        position.settle(thread, now)?;
        position.count_message(now, config.params.messages_per_hour)?;
        thread.touch(now);
        let key = thread.key();
        let index = thread.message_count.to_le_bytes();
        let seeds: &[&[u8]] = &[MESSAGE_SEED, key.as_ref(), &index];
        let draft = Draft {
            bump: derive(&accounts.message, seeds, ChoirError::WrongMessage)?,
            privacy,
            author: accounts.author.key(),
            rent_payer: accounts.author.key(),
            content_hash,
        };
        let (message, event) = Message::record(thread, key, draft, &clock)?;
        Payer::new(&accounts.author)?.create(
            &accounts.message,
            &[MESSAGE_SEED, key.as_ref(), &index, &[message.bump]],
            8 + Message::INIT_SPACE,
            &crate::ID,
            ChoirError::AccountAlreadyExists,
        )?;
        store(&accounts.message, &message)?;

        emit(&ctx.accounts.event_authority, &event)?;
        ctx.accounts.position.invariant(&ctx.accounts.thread)?;
        ctx.accounts.thread.invariant()
    }
}
