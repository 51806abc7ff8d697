//! `process_approval`

use crate::{
    constants::*,
    ensure,
    errors::{ChoirError, OrRefuse},
    escrow::Escrow,
    events::{emit, AuthorJoined, MessagePosted, SpecDecided, SpecSettled},
    math,
    state::*,
    storage::{create_from_reserve, derive, load, store},
    token,
};
use anchor_lang::prelude::*;

/// Accounts of `process_approval`.
///
/// Which decision is the last is known only when it lands, so the accounts of the settlement are
/// always given; they are checked and read only when the decision settles the spec.
#[event_cpi]
#[derive(Accounts)]
pub struct ProcessApproval<'info> {
    /// The co-author who decides.
    pub approver: Signer<'info>,
    /// The settings.
    pub config: Box<Account<'info, Config>>,
    /// The thread.
    #[account(mut, dup)]
    pub thread: Box<Account<'info, Thread>>,
    /// The spec. It also pays, from what its author put in, for the message an approval
    /// records and the position it creates.
    #[account(mut, dup)]
    pub spec: Box<Account<'info, Spec>>,
    /// The approver's position.
    #[account(mut, dup)]
    pub approver_position: Box<Account<'info, Position>>,
    /// The position of the spec's author, created here, out of the spec, if they have none.
    /// CHECK: read or created, and checked, by the handler when the author joins.
    #[account(mut)]
    pub author_position: UncheckedAccount<'info>,
    /// The spec's token account, at `["escrow", spec]`.
    /// CHECK: checked by the handler when the stake moves.
    #[account(mut)]
    pub escrow: UncheckedAccount<'info>,
    /// The thread's token account.
    /// CHECK: checked by the handler when the stake moves.
    #[account(mut)]
    pub vault: UncheckedAccount<'info>,
    /// The treasury's token account.
    /// CHECK: checked by the handler when the stake moves.
    #[account(mut)]
    pub treasury_vault: UncheckedAccount<'info>,
    /// The thread's next message, at `["message", thread, message_count]`.
    /// CHECK: checked and created by the handler when the author joins.
    #[account(mut)]
    pub message: UncheckedAccount<'info>,
    /// The mint of all stakes.
    /// CHECK: checked by the handler when the stake moves.
    pub stake_mint: UncheckedAccount<'info>,
    /// The token program that owns the mint.
    /// CHECK: checked by the handler when the stake moves.
    pub token_program: UncheckedAccount<'info>,
    /// The system program.
    pub system_program: Program<'info, System>,
}

impl ProcessApproval<'_> {
    pub fn handle(
        ctx: Context<Self>,
        content_hash: [u8; 32],
        author_epoch: u32,
        sequence: u64,
        decision: Decision,
    ) -> Result<()> {
        let clock = Clock::get()?;
        let now = clock.unix_timestamp;
        let accounts = &mut *ctx.accounts;
        let (thread, spec) = (&mut accounts.thread, &mut accounts.spec);
        accounts.config.require_running(PAUSE_DECISIONS, now)?;
        thread.require_open()?;
        spec.require_of(&thread.key())?;
        accounts
            .approver_position
            .require_of(&thread.key(), accounts.approver.key)?;
        let index = thread.require_co_author(accounts.approver.key)?;
        spec.require_pending()?;
        spec.require_window_open(now)?;
        ensure!(
            spec.content_hash == content_hash,
            ChoirError::ContentHashMismatch
        );
        ensure!(sequence == spec.sequence, ChoirError::StaleSpec);
        ensure!(
            author_epoch == thread.author_epoch,
            ChoirError::StaleAuthorEpoch
        );
        // A spec that cannot be approved any more cannot be denied either: its stake is out of reach.
        if thread.author_index(&spec.author).is_none() {
            thread.require_seat()?;
        }

        spec.decide(index, decision, author_epoch)?;
        accounts.approver_position.settle(thread, now)?;
        thread.touch(now);
        let decided = SpecDecided {
            thread: thread.key(),
            spec: spec.key(),
            sequence,
            approver: accounts.approver.key(),
            decision,
            approvals: spec.approvals,
            denials: spec.denials,
            author_epoch,
            slot: clock.slot,
            timestamp: now,
        };
        let authors = thread.co_authors.len();
        let settled = if spec.is_decided(authors) {
            Some(accounts.settle(&clock)?)
        } else {
            None
        };

        emit(&ctx.accounts.event_authority, &decided)?;
        if let Some(settled) = settled {
            emit(&ctx.accounts.event_authority, &settled.event)?;
            if let Some(message) = settled.message {
                emit(&ctx.accounts.event_authority, &message)?;
            }
            if let Some(joined) = settled.joined {
                emit(&ctx.accounts.event_authority, &joined)?;
            }
            let vault = token::amount(&ctx.accounts.vault)?;
            ctx.accounts.thread.require_solvent(vault)?;
        }
        let thread = &ctx.accounts.thread;
        ctx.accounts.spec.invariant(authors)?;
        ctx.accounts.approver_position.invariant(thread)?;
        thread.invariant()
    }

    /// Settles the spec by the decisions of all co-authors.
    fn settle(&mut self, clock: &Clock) -> Result<Settled> {
        let now = clock.unix_timestamp;
        self.require_settlement_accounts()?;
        let outcome = self.spec.outcome();
        let parts = math::settle(
            self.spec.stake,
            self.spec.approvals.count_ones(),
            self.spec.denials.count_ones(),
        )
        .or_refuse(ChoirError::ArithmeticOverflow)?;
        let balance_before = self.thread.balance;
        self.thread.add_balance(parts.to_thread)?;
        self.thread.award(parts.per_approver, parts.to_approvers)?;
        self.thread.close_spec()?;
        self.spec.resolve(outcome, now);

        let to_vault = parts
            .to_thread
            .checked_add(parts.to_approvers)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        Escrow {
            spec: &self.spec,
            account: &self.escrow,
            mint: &self.stake_mint,
            decimals: self.config.mint_decimals,
            token_program: &self.token_program,
        }
        .pay(&[
            (self.vault.as_ref(), to_vault),
            (self.treasury_vault.as_ref(), parts.to_treasury),
        ])?;

        let (message, joined) = if outcome == SpecStatus::Approved {
            (Some(self.record_message(clock)?), self.admit_author(clock)?)
        } else {
            (None, None)
        };
        Ok(Settled {
            event: SpecSettled {
                thread: self.thread.key(),
                spec: self.spec.key(),
                author: self.spec.author,
                content_hash: self.spec.content_hash,
                sequence: self.spec.sequence,
                outcome,
                stake: self.spec.stake,
                to_approvers: parts.to_approvers,
                to_thread: parts.to_thread,
                to_treasury: parts.to_treasury,
                to_author: 0,
                balance_before,
                balance_after: self.thread.balance,
                slot: clock.slot,
                timestamp: now,
            },
            message,
            joined,
        })
    }

    fn require_settlement_accounts(&self) -> Result<()> {
        let config = &self.config;
        config.require_stake(self.stake_mint.key, self.token_program.key)?;
        self.thread.require_vault(self.vault.key)?;
        ensure!(
            *self.treasury_vault.key == config.treasury_vault,
            ChoirError::WrongTreasuryVault
        );
        Escrow {
            spec: &self.spec,
            account: &self.escrow,
            mint: &self.stake_mint,
            decimals: config.mint_decimals,
            token_program: &self.token_program,
        }
        .require_own()
    }

    /// Records the approved message, out of the rent its author put into the spec.
    fn record_message(&mut self, clock: &Clock) -> Result<MessagePosted> {
        let thread = self.thread.key();
        let index = self.thread.message_count.to_le_bytes();
        let seeds: &[&[u8]] = &[MESSAGE_SEED, thread.as_ref(), &index];
        let bump = derive(&self.message, seeds, ChoirError::WrongMessage)?;
        create_from_reserve(
            &self.message,
            self.spec.as_ref().as_ref(),
            &[MESSAGE_SEED, thread.as_ref(), &index, &[bump]],
            8 + Message::INIT_SPACE,
            ChoirError::AccountAlreadyExists,
        )?;
        let draft = Draft {
            bump,
            // The author agreed to one level; the thread may have become stricter or laxer since.
            privacy: self.spec.privacy.stricter(self.thread.privacy),
            author: self.spec.author,
            rent_payer: self.spec.rent_payer,
            content_hash: self.spec.content_hash,
        };
        let (message, event) = Message::record(&mut self.thread, thread, draft, clock)?;
        store(&self.message, &message)?;
        Ok(event)
    }

    /// Makes the spec's author a co-author, unless another spec of theirs already did.
    fn admit_author(&mut self, clock: &Clock) -> Result<Option<AuthorJoined>> {
        let author = self.spec.author;
        if self.thread.author_index(&author).is_some() {
            return Ok(None);
        }
        let mut position = self.author_position(clock.unix_timestamp)?;
        self.thread.admit(author)?;
        position.join(&self.thread, clock.unix_timestamp);
        position.invariant(&self.thread)?;
        store(&self.author_position, &position)?;
        Ok(Some(AuthorJoined {
            thread: self.thread.key(),
            author,
            author_epoch: self.thread.author_epoch,
            slot: clock.slot,
            timestamp: clock.unix_timestamp,
        }))
    }

    /// The position of the spec's author: the one they have, or a new one out of the rent they put into
    /// the spec. The caller stores it.
    fn author_position(&self, now: i64) -> Result<Position> {
        let (thread, author) = (self.thread.key(), self.spec.author);
        if let Some(position) = load::<Position>(&self.author_position)? {
            position.require_of(&thread, &author)?;
            return Ok(position);
        }
        let seeds: &[&[u8]] = &[POSITION_SEED, thread.as_ref(), author.as_ref()];
        let bump = derive(&self.author_position, seeds, ChoirError::WrongPosition)?;
        create_from_reserve(
            &self.author_position,
            self.spec.as_ref().as_ref(),
            &[POSITION_SEED, thread.as_ref(), author.as_ref(), &[bump]],
            8 + Position::INIT_SPACE,
            ChoirError::AccountAlreadyExists,
        )?;
        Ok(Position::new(
            bump,
            thread,
            author,
            self.spec.rent_payer,
            now,
        ))
    }
}

/// The events of a settlement.
struct Settled {
    event: SpecSettled,
    message: Option<MessagePosted>,
    joined: Option<AuthorJoined>,
}
