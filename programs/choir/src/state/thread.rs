//! A conversation with a stake.

use super::{Position, PrivacyLevel, ThreadStatus};
use crate::{
    constants::*,
    ensure,
    errors::{ChoirError, OrRefuse},
    math,
};
use anchor_lang::{prelude::*, solana_program::pubkey::PUBKEY_BYTES};

/// A thread, at `["thread", sha256(thread_id)]`.
///
/// Only this program can create an account of this type, and it does so at that address alone: an
/// account that deserialises as a `Thread` *is* the thread of its id, and is not derived again.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, InitSpace, Debug)]
pub struct Thread {
    /// Layout version of this account.
    pub version: u8,
    /// Bump of this account's address; it signs for the vault.
    pub bump: u8,
    /// Bump of the vault's address.
    pub vault_bump: u8,
    /// Open, being wound down for good, or closed for good.
    pub status: ThreadStatus,
    /// Privacy of the messages to come. Trap: a message keeps the level it was recorded under.
    pub privacy: PrivacyLevel,
    /// Rises with every change of the co-authors, which voids decisions on pending specs.
    pub author_epoch: u32,
    /// How many specs are waiting for decisions.
    pub pending_specs: u32,
    /// How many specs were ever submitted; the `sequence` of the next one.
    pub spec_count: u64,
    /// Who opened the thread. Trap: not necessarily a co-author any more.
    pub creator: Pubkey,
    /// The thread's token account, at `["vault", thread]`, owned by this account's address.
    pub vault: Pubkey,
    /// What the shares stand for, base units. Trap: not what the vault holds, which also covers
    /// `total_claimable` and whatever strangers have sent to it.
    pub balance: u64,
    /// What the vault owes to positions besides their shares, base units.
    pub total_claimable: u64,
    /// Sum of the shares of all positions.
    pub total_shares: u64,
    /// What each co-author has been awarded since the thread was opened, base units; only rises. A
    /// position's share of it is the rise since its checkpoint.
    pub reward_per_author: u64,
    /// How many messages were recorded; the index of the next one.
    pub message_count: u64,
    /// Head of the hash chain over all messages.
    pub head: [u8; 32],
    /// The minimum thread balance when the thread was opened, base units. A divestment is held to this
    /// or to the present setting, whichever is lower: an exit never gets harder than it was.
    pub min_balance: u64,
    /// The divest cooldown when the thread was opened, seconds; likewise.
    pub divest_cooldown: i64,
    /// When the thread was opened, Unix seconds.
    pub created_at: i64,
    /// When the thread last changed, Unix seconds.
    pub updated_at: i64,
    /// Zeros, for later fields.
    pub reserved: [u8; 64],
    /// The id its opener chose, 1 to 64 bytes of UTF-8.
    #[max_len(MAX_THREAD_ID_BYTES)]
    pub thread_id: String,
    /// Those who must decide on a spec, 1 to 16, none twice. A spec's bitmaps go by the index here.
    #[max_len(MAX_CO_AUTHORS)]
    pub co_authors: Vec<Pubkey>,
}

/// Most bytes of the id and the co-authors, each with its length before it.
const VARYING: usize = 4 + MAX_THREAD_ID_BYTES + 4 + MAX_CO_AUTHORS * 32;

crate::layout::account!(Thread = [186, 27, 154, 111, 51, 36, 159, 90], varying VARYING, {
    version,
    bump,
    vault_bump,
    status,
    privacy,
    author_epoch,
    pending_specs,
    spec_count,
    creator,
    vault,
    balance,
    total_claimable,
    total_shares,
    reward_per_author,
    message_count,
    head,
    min_balance,
    divest_cooldown,
    created_at,
    updated_at,
    reserved,
    thread_id,
    co_authors,
});

impl Thread {
    /// Refuses when the thread is closed or being wound down.
    pub fn require_open(&self) -> Result<()> {
        ensure!(
            self.status != ThreadStatus::Closing,
            ChoirError::ThreadClosing
        );
        self.require_not_closed()
    }

    /// Refuses when the thread is closed.
    pub fn require_not_closed(&self) -> Result<()> {
        ensure!(
            self.status != ThreadStatus::Closed,
            ChoirError::ThreadClosed
        );
        Ok(())
    }

    /// Refuses when specs wait for decisions.
    pub fn require_no_pending_specs(&self) -> Result<()> {
        ensure!(self.pending_specs == 0, ChoirError::SpecsPending);
        Ok(())
    }

    /// Refuses anybody who is not the only co-author left.
    pub fn require_sole_co_author(&self, key: &Pubkey) -> Result<()> {
        self.require_co_author(key)?;
        ensure!(self.co_authors.len() == 1, ChoirError::NotSoleCoAuthor);
        Ok(())
    }

    /// Refuses a token account that is not the thread's.
    pub fn require_vault(&self, vault: &Pubkey) -> Result<()> {
        ensure!(*vault == self.vault, ChoirError::WrongVault);
        Ok(())
    }

    /// Place of a co-author, the bit they have in a spec's bitmaps.
    pub fn author_index(&self, key: &Pubkey) -> Option<usize> {
        self.co_authors.iter().position(|author| author == key)
    }

    /// Place of a co-author; refuses anybody else.
    pub fn require_co_author(&self, key: &Pubkey) -> Result<usize> {
        self.author_index(key).or_refuse(ChoirError::NotCoAuthor)
    }

    /// Refuses a privacy level that is not the thread's: its author would be surprised who can read.
    pub fn require_privacy(&self, expected: PrivacyLevel) -> Result<()> {
        ensure!(expected == self.privacy, ChoirError::PrivacyMismatch);
        Ok(())
    }

    /// Refuses when another co-author would be one too many.
    pub fn require_seat(&self) -> Result<()> {
        ensure!(
            self.co_authors.len() < MAX_CO_AUTHORS,
            ChoirError::ThreadFull
        );
        Ok(())
    }

    /// Notes that the thread changed at `now`, Unix seconds. Never goes back.
    pub fn touch(&mut self, now: i64) {
        self.updated_at = self.updated_at.max(now);
    }

    /// When `holder` has all shares, re-counts them: one for each unit of the balance. So a share never
    /// becomes too coarse for its only holder. Returns the shares before and after, if they changed.
    ///
    /// Before every deposit and divestment, so that the limits their caller gives in shares are meant
    /// in shares after it.
    pub fn rebase(&mut self, holder: &mut Position) -> Option<(u64, u64)> {
        let before = self.total_shares;
        if holder.shares != before {
            return None;
        }
        let after = math::rebased_shares(self.balance, before);
        holder.shares = after;
        self.total_shares = after;
        (after != before).then_some((before, after))
    }

    /// Adds an amount to the balance and mints shares for it, rounded down; at least `min_shares`.
    /// Returns the shares.
    pub fn deposit(&mut self, amount: u64, min_shares: u64) -> Result<u64> {
        let shares = math::shares_for_deposit(amount, self.balance, self.total_shares)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        ensure!(shares > 0, ChoirError::DepositBuysNoShare);
        ensure!(shares >= min_shares, ChoirError::SlippageExceeded);
        let coarse = math::deposit_is_too_coarse(amount, self.balance, self.total_shares)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        ensure!(!coarse, ChoirError::DepositTooCoarse);
        self.add_balance(amount)?;
        self.total_shares = self
            .total_shares
            .checked_add(shares)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        Ok(shares)
    }

    /// Takes an amount from the balance and burns shares for it, rounded up; at most `max_shares`.
    /// Returns the shares.
    ///
    /// `minimum` is the minimum thread balance of the settings. That or the one the thread was opened
    /// under, whichever is lower, binds here, and only while the thread is open: what is being wound
    /// down can be taken out to the last unit.
    pub fn divest(&mut self, amount: u64, max_shares: u64, minimum: u64) -> Result<u64> {
        let open = self.status == ThreadStatus::Open;
        let floor = if open {
            minimum.min(self.min_balance)
        } else {
            0
        };
        let left = self
            .balance
            .checked_sub(amount)
            .or_refuse(ChoirError::BalanceBelowMinimum)?;
        ensure!(left >= floor, ChoirError::BalanceBelowMinimum);
        let shares = math::shares_for_divest(amount, self.balance, self.total_shares)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        let shares_left = self
            .total_shares
            .checked_sub(shares)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        ensure!(!open || shares_left > 0, ChoirError::SharesBelowMinimum);
        ensure!(shares <= max_shares, ChoirError::SlippageExceeded);
        self.balance = left;
        self.total_shares = shares_left;
        Ok(shares)
    }

    /// How long after a deposit or a divestment the next divestment must wait, seconds. `cooldown` is
    /// that of the settings.
    pub fn cooldown(&self, cooldown: i64) -> i64 {
        if self.status == ThreadStatus::Open {
            cooldown.min(self.divest_cooldown)
        } else {
            0
        }
    }

    /// Adds to the balance without minting shares: every share is worth more.
    pub fn add_balance(&mut self, amount: u64) -> Result<()> {
        self.balance = self
            .balance
            .checked_add(amount)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        Ok(())
    }

    /// Awards every present co-author the same, in constant time: positions catch up when touched.
    pub fn award(&mut self, per_author: u64, total: u64) -> Result<()> {
        self.reward_per_author = self
            .reward_per_author
            .checked_add(per_author)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        self.total_claimable = self
            .total_claimable
            .checked_add(total)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        Ok(())
    }

    /// Notes that an amount of what was owed has been paid.
    pub fn pay_claim(&mut self, amount: u64) -> Result<()> {
        self.total_claimable = self
            .total_claimable
            .checked_sub(amount)
            .or_refuse(ChoirError::VaultInsolvent)?;
        Ok(())
    }

    /// Appends a message to the hash chain. Returns its index and the head before it.
    pub fn append(&mut self, author: &Pubkey, content_hash: &[u8; 32]) -> Result<(u64, [u8; 32])> {
        let (index, previous) = (self.message_count, self.head);
        self.head = math::next_head(&previous, index, &author.to_bytes(), content_hash);
        self.message_count = index
            .checked_add(1)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        Ok((index, previous))
    }

    /// Makes somebody a co-author. Decisions made under the old set are void from here on.
    pub fn admit(&mut self, author: Pubkey) -> Result<()> {
        self.require_seat()?;
        self.co_authors.push(author);
        self.bump_epoch()
    }

    /// Takes the co-author at `index` out of the set; the others keep their order. Decisions made under
    /// the old set are void from here on. Their position must have been settled before: once out of
    /// the set, nothing accrues to it.
    pub fn dismiss(&mut self, index: usize) -> Result<()> {
        ensure!(self.co_authors.len() > 1, ChoirError::LastCoAuthor);
        ensure!(index < self.co_authors.len(), ChoirError::ThreadInvariant);
        self.co_authors.remove(index);
        self.bump_epoch()
    }

    /// How many bytes of the account of a thread this one fills, the discriminator included.
    fn used_bytes(&self) -> usize {
        let id = MAX_THREAD_ID_BYTES.saturating_sub(self.thread_id.len());
        let seats = MAX_CO_AUTHORS.saturating_sub(self.co_authors.len());
        (8 + Self::INIT_SPACE)
            .saturating_sub(id)
            .saturating_sub(seats.saturating_mul(PUBKEY_BYTES))
    }

    /// Zeros the bytes of the thread's account after its last field, where one who is no longer a
    /// co-author would else be left.
    pub fn wipe_rest(&self, account: &AccountInfo) -> Result<()> {
        let mut data = account.try_borrow_mut_data()?;
        if let Some(rest) = data.get_mut(self.used_bytes()..) {
            rest.fill(0);
        }
        Ok(())
    }

    /// Begins to wind the thread down, for good.
    pub fn wind_down(&mut self) {
        self.status = ThreadStatus::Closing;
    }

    /// Closes the thread, for good, when all that is left in it is `holder`'s.
    pub fn finish(&mut self, holder: &Position) -> Result<()> {
        ensure!(
            holder.shares == self.total_shares && holder.claimable == self.total_claimable,
            ChoirError::OthersHaveStake
        );
        self.status = ThreadStatus::Closed;
        self.balance = 0;
        self.total_claimable = 0;
        self.total_shares = 0;
        Ok(())
    }

    fn bump_epoch(&mut self) -> Result<()> {
        self.author_epoch = self
            .author_epoch
            .checked_add(1)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        Ok(())
    }

    /// One more spec waits for decisions. Returns its place among all submissions.
    pub fn open_spec(&mut self) -> Result<u64> {
        let sequence = self.spec_count;
        self.spec_count = sequence
            .checked_add(1)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        self.pending_specs = self
            .pending_specs
            .checked_add(1)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        Ok(sequence)
    }

    /// One spec waits no more.
    pub fn close_spec(&mut self) -> Result<()> {
        self.pending_specs = self
            .pending_specs
            .checked_sub(1)
            .or_refuse(ChoirError::ThreadInvariant)?;
        Ok(())
    }

    /// What must hold of the thread after every instruction.
    pub fn invariant(&self) -> Result<()> {
        let authors = &self.co_authors;
        let no_duplicates = math::all_distinct(authors.iter().map(Pubkey::as_array));
        let id_length = self.thread_id.len();
        let stakes = match self.status {
            // a share stands for a unit or more, and something stands for the balance
            ThreadStatus::Open => self.total_shares > 0 && self.total_shares <= self.balance,
            ThreadStatus::Closing => {
                self.total_shares <= self.balance
                    && (self.total_shares == 0) == (self.balance == 0)
                    && self.pending_specs == 0
                    && authors.len() == 1
            }
            ThreadStatus::Closed => {
                self.total_shares == 0
                    && self.balance == 0
                    && self.total_claimable == 0
                    && self.pending_specs == 0
            }
        };
        ensure!(
            self.version == ACCOUNT_VERSION
                && (1..=MAX_CO_AUTHORS).contains(&authors.len())
                && (1..=MAX_THREAD_ID_BYTES).contains(&id_length)
                && self.created_at <= self.updated_at
                && u64::from(self.pending_specs) <= self.spec_count
                && stakes
                && no_duplicates,
            ChoirError::ThreadInvariant
        );
        Ok(())
    }

    /// The vault covers what the shares stand for and what is owed. It may hold more: anybody can
    /// send tokens to it, which belong to nobody and change nothing.
    pub fn require_solvent(&self, vault_amount: u64) -> Result<()> {
        let owed = self
            .balance
            .checked_add(self.total_claimable)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        ensure!(vault_amount >= owed, ChoirError::VaultInsolvent);
        Ok(())
    }
}
