//! What one wallet has in one thread.

use super::Thread;
use crate::{
    constants::*,
    ensure,
    errors::{ChoirError, OrRefuse},
    math,
};
use anchor_lang::prelude::*;

/// What one wallet has in one thread, at `["position", thread, owner]`.
///
/// It is created when its owner opens the thread or joins it, and can be closed once it is empty and its
/// owner is a co-author no more.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, InitSpace, Debug)]
pub struct Position {
    /// Layout version of this account.
    pub version: u8,
    /// Bump of this account's address.
    pub bump: u8,
    /// The thread.
    pub thread: Pubkey,
    /// The wallet.
    pub owner: Pubkey,
    /// Who paid this account's rent and gets it back.
    pub rent_payer: Pubkey,
    /// Shares of the thread's balance.
    pub shares: u64,
    /// Settled rewards, base units. Trap: while its owner is a co-author, what they may claim is
    /// this plus the rise of the thread's `reward_per_author` since `reward_checkpoint`.
    pub claimable: u64,
    /// The thread's `reward_per_author` up to which rewards are in `claimable`.
    pub reward_checkpoint: u64,
    /// When its owner last deposited or divested, Unix seconds; 0 when never.
    pub last_stake_at: i64,
    /// When its owner last did anything in the thread, Unix seconds.
    pub last_action_at: i64,
    /// When the current hour of counted messages began, Unix seconds.
    pub window_start: i64,
    /// How many messages were posted in that hour.
    pub window_count: u16,
    /// Zeros, for later fields.
    pub reserved: [u8; 32],
}

crate::layout::account!(Position = [170, 188, 143, 228, 122, 64, 247, 208], varying 0, {
    version,
    bump,
    thread,
    owner,
    rent_payer,
    shares,
    claimable,
    reward_checkpoint,
    last_stake_at,
    last_action_at,
    window_start,
    window_count,
    reserved,
});

impl Position {
    /// A position with nothing in it.
    pub fn new(bump: u8, thread: Pubkey, owner: Pubkey, rent_payer: Pubkey, now: i64) -> Self {
        Self {
            version: ACCOUNT_VERSION,
            bump,
            thread,
            owner,
            rent_payer,
            shares: 0,
            claimable: 0,
            reward_checkpoint: 0,
            last_stake_at: 0,
            last_action_at: now,
            window_start: 0,
            window_count: 0,
            reserved: [0; 32],
        }
    }

    /// Moves the rewards its owner has earned since the checkpoint into `claimable`, if its owner is
    /// a co-author, and notes that the owner has acted at `now`, Unix seconds.
    pub fn settle(&mut self, thread: &Thread, now: i64) -> Result<()> {
        self.last_action_at = self.last_action_at.max(now);
        self.settle_rewards(thread)
    }

    /// Moves the rewards its owner has earned since the checkpoint into `claimable`, if its owner is
    /// a co-author. For what others do to the owner, who has not acted by it.
    pub fn settle_rewards(&mut self, thread: &Thread) -> Result<()> {
        if thread.author_index(&self.owner).is_none() {
            return Ok(());
        }
        let earned = thread
            .reward_per_author
            .checked_sub(self.reward_checkpoint)
            .or_refuse(ChoirError::PositionInvariant)?;
        self.claimable = self
            .claimable
            .checked_add(earned)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        self.reward_checkpoint = thread.reward_per_author;
        Ok(())
    }

    /// Refuses when its owner has acted within the last `window` seconds.
    pub fn require_inactive(&self, now: i64, window: i64) -> Result<()> {
        ensure!(
            now.saturating_sub(self.last_action_at) >= window,
            ChoirError::AuthorActive
        );
        Ok(())
    }

    /// Its owner becomes a co-author: rewards count from here.
    pub fn join(&mut self, thread: &Thread, now: i64) {
        self.reward_checkpoint = thread.reward_per_author;
        self.last_action_at = self.last_action_at.max(now);
    }

    /// Refuses the position of another thread or another owner.
    ///
    /// The program creates one account of this type for a thread and an owner, so that these two
    /// fields name the account as well as its address does.
    pub fn require_of(&self, thread: &Pubkey, owner: &Pubkey) -> Result<()> {
        ensure!(
            self.thread == *thread && self.owner == *owner,
            ChoirError::WrongPosition
        );
        Ok(())
    }

    /// Adds shares bought at `now`, Unix seconds, which starts the divest cooldown anew.
    pub fn mint(&mut self, shares: u64, now: i64) -> Result<()> {
        self.shares = self
            .shares
            .checked_add(shares)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        self.last_stake_at = now;
        Ok(())
    }

    /// Takes shares sold at `now`, Unix seconds, which starts the divest cooldown anew.
    pub fn burn(&mut self, shares: u64, now: i64) -> Result<()> {
        self.shares = self
            .shares
            .checked_sub(shares)
            .or_refuse(ChoirError::InsufficientShares)?;
        self.last_stake_at = now;
        Ok(())
    }

    /// Refuses until `cooldown` seconds have passed since the last deposit or divestment.
    pub fn require_cooled_down(&self, now: i64, cooldown: i64) -> Result<()> {
        ensure!(
            now.saturating_sub(self.last_stake_at) >= cooldown,
            ChoirError::DivestCooldown
        );
        Ok(())
    }

    /// Counts a message against the hourly limit.
    pub fn count_message(&mut self, now: i64, limit: u16) -> Result<()> {
        let (start, count) =
            math::count_message(self.window_start, self.window_count, now, HOUR, limit)
                .or_refuse(ChoirError::MessageRateExceeded)?;
        self.window_start = start;
        self.window_count = count;
        Ok(())
    }

    /// What must hold of the position, next to its thread, after every instruction.
    pub fn invariant(&self, thread: &Thread) -> Result<()> {
        ensure!(
            self.version == ACCOUNT_VERSION
                && self.shares <= thread.total_shares
                && self.claimable <= thread.total_claimable
                && self.reward_checkpoint <= thread.reward_per_author,
            ChoirError::PositionInvariant
        );
        Ok(())
    }
}
