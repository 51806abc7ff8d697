//! What happened, for those who follow. Amounts in base units of the stake mint; times in Unix
//! seconds. Where money moves, the thread's balance before and after is carried, so that a mirror can
//! check itself.

use crate::{
    cpi::Call,
    state::{Decision, Params, PrivacyLevel, SpecStatus},
};
use anchor_lang::{event::EVENT_IX_TAG_LE, prelude::*, Discriminator};

/// Emits an event as an instruction to this program that only itself can sign, as Anchor's `emit_cpi!`
/// does and in the same bytes; written at once instead of copied byte by byte.
#[inline(never)]
pub fn emit<E: AnchorSerialize + Discriminator>(authority: &AccountInfo, event: &E) -> Result<()> {
    let mut data = Vec::with_capacity(MOST_BYTES);
    data.extend_from_slice(EVENT_IX_TAG_LE);
    data.extend_from_slice(E::DISCRIMINATOR);
    event.serialize(&mut data)?;
    let bump = [crate::EVENT_AUTHORITY_AND_BUMP.1];
    Call {
        program: &crate::ID,
        accounts: &[(authority, true, false)],
        data: &[&data],
        seeds: &[b"__event_authority", &bump],
    }
    .invoke()
}

/// Room for the largest event.
const MOST_BYTES: usize = 384;

/// The program was initialized.
#[event]
pub struct Initialized {
    /// Who may change the settings.
    pub authority: Pubkey,
    /// Who may pause.
    pub guardian: Pubkey,
    /// The mint of all stakes.
    pub stake_mint: Pubkey,
    /// The token program that owns the mint.
    pub token_program: Pubkey,
    /// The treasury's token account.
    pub treasury_vault: Pubkey,
    /// The settings.
    pub params: Params,
    /// How long changes of settings wait, seconds.
    pub parameter_timelock: i64,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A thread was opened.
#[event]
pub struct ThreadCreated {
    /// The thread.
    pub thread: Pubkey,
    /// Who opened it; its first co-author.
    pub creator: Pubkey,
    /// Its id.
    pub thread_id: String,
    /// Its token account.
    pub vault: Pubkey,
    /// Its privacy level.
    pub privacy: PrivacyLevel,
    /// The first deposit.
    pub deposit: u64,
    /// Its balance.
    pub balance_after: u64,
    /// Its shares, all of them the creator's.
    pub shares_after: u64,
    /// Head of its hash chain before any message.
    pub head: [u8; 32],
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A co-author added to their stake.
#[event]
pub struct Deposited {
    /// The thread.
    pub thread: Pubkey,
    /// Who deposited.
    pub owner: Pubkey,
    /// How much.
    pub amount: u64,
    /// Shares minted for it.
    pub shares_minted: u64,
    /// The thread's balance before.
    pub balance_before: u64,
    /// The thread's balance after.
    pub balance_after: u64,
    /// All shares of the thread after.
    pub shares_after: u64,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A message was recorded.
#[event]
pub struct MessagePosted {
    /// The thread.
    pub thread: Pubkey,
    /// Who wrote it.
    pub author: Pubkey,
    /// Its place in the thread, from 0.
    pub index: u64,
    /// sha256 of its content.
    pub content_hash: [u8; 32],
    /// Head of the hash chain before.
    pub previous_head: [u8; 32],
    /// Head of the hash chain after.
    pub head: [u8; 32],
    /// The thread's privacy level.
    pub privacy: PrivacyLevel,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A spec was submitted and its stake put into escrow.
#[event]
pub struct SpecSubmitted {
    /// The thread.
    pub thread: Pubkey,
    /// The spec.
    pub spec: Pubkey,
    /// Who submitted it.
    pub author: Pubkey,
    /// sha256 of its content.
    pub content_hash: [u8; 32],
    /// What is at stake.
    pub stake: u64,
    /// The set of co-authors it was opened under.
    pub author_epoch: u32,
    /// When the window for decisions ends.
    pub expires_at: i64,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A co-author decided on a spec.
#[event]
pub struct SpecDecided {
    /// The thread.
    pub thread: Pubkey,
    /// The spec.
    pub spec: Pubkey,
    /// Who decided.
    pub approver: Pubkey,
    /// What.
    pub decision: Decision,
    /// Bitmap of approvals after.
    pub approvals: u16,
    /// Bitmap of denials after.
    pub denials: u16,
    /// The set of co-authors the bitmaps go by.
    pub author_epoch: u32,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A spec's stake left the escrow. `stake` is the sum of the four parts.
#[event]
pub struct SpecSettled {
    /// The thread.
    pub thread: Pubkey,
    /// The spec.
    pub spec: Pubkey,
    /// Who submitted it.
    pub author: Pubkey,
    /// sha256 of its content.
    pub content_hash: [u8; 32],
    /// How it was settled.
    pub outcome: SpecStatus,
    /// What was at stake.
    pub stake: u64,
    /// What the approvers may claim, in equal parts.
    pub to_approvers: u64,
    /// What was added to the thread's balance.
    pub to_thread: u64,
    /// What the treasury got.
    pub to_treasury: u64,
    /// What went back to the author.
    pub to_author: u64,
    /// The thread's balance before.
    pub balance_before: u64,
    /// The thread's balance after.
    pub balance_after: u64,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A spec's author became a co-author.
#[event]
pub struct AuthorJoined {
    /// The thread.
    pub thread: Pubkey,
    /// The new co-author.
    pub author: Pubkey,
    /// The set of co-authors they are in.
    pub author_epoch: u32,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A position's rewards were paid out.
#[event]
pub struct RewardClaimed {
    /// The thread.
    pub thread: Pubkey,
    /// Who was paid.
    pub owner: Pubkey,
    /// How much.
    pub amount: u64,
    /// What the thread owed to all positions before.
    pub total_claimable_before: u64,
    /// What the thread owes to all positions after.
    pub total_claimable_after: u64,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A position took some of its stake out.
#[event]
pub struct Divested {
    /// The thread.
    pub thread: Pubkey,
    /// Who divested.
    pub owner: Pubkey,
    /// How much.
    pub amount: u64,
    /// Shares burned for it.
    pub shares_burned: u64,
    /// The thread's balance before.
    pub balance_before: u64,
    /// The thread's balance after.
    pub balance_after: u64,
    /// All shares of the thread after.
    pub shares_after: u64,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A thread's privacy level was changed, for the messages to come.
#[event]
pub struct PrivacyChanged {
    /// The thread.
    pub thread: Pubkey,
    /// Which co-author changed it.
    pub by: Pubkey,
    /// The level before.
    pub from: PrivacyLevel,
    /// The level after.
    pub to: PrivacyLevel,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}
