//! `post_message`

use crate::{constants::*, errors::ChoirError, state::*};
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
    #[account(mut)]
    pub thread: Box<Account<'info, Thread>>,
    /// The author's position, which counts the messages of the hour.
    #[account(
        mut,
        has_one = thread @ ChoirError::WrongPosition,
        constraint = position.owner == author.key() @ ChoirError::WrongPosition,
    )]
    pub position: Box<Account<'info, Position>>,
    /// The message, created here; its index is the thread's message count.
    #[account(
        init,
        payer = author,
        space = 8 + Message::INIT_SPACE,
        seeds = [MESSAGE_SEED, thread.key().as_ref(), thread.message_count.to_le_bytes().as_ref()],
        bump,
    )]
    pub message: Box<Account<'info, Message>>,
    /// The system program.
    pub system_program: Program<'info, System>,
}

impl PostMessage<'_> {
    pub fn handle(ctx: Context<Self>, content_hash: [u8; 32]) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, position) = (&mut accounts.thread, &mut accounts.position);
        let config = &accounts.config;
        config.require_running(PAUSE_MESSAGES, now)?;
        thread.require_open()?;
        thread.require_co_author(accounts.author.key)?;

        position.settle(thread, now)?;
        position.count_message(now, config.params.messages_per_hour)?;
        thread.touch(now);
        let draft = Draft {
            bump: ctx.bumps.message,
            author: accounts.author.key(),
            rent_payer: accounts.author.key(),
            content_hash,
        };
        let key = thread.key();
        let (message, event) = Message::record(thread, key, draft, &clock)?;
        accounts.message.set_inner(message);

        emit_cpi!(event);
        ctx.accounts.position.invariant(&ctx.accounts.thread)?;
        ctx.accounts.thread.invariant()
    }
}
