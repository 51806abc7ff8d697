//! What happened, for those who follow. Amounts in base units of the stake mint; times in Unix
//! seconds. Where money moves, the thread's balance before and after is carried, so that a mirror can
//! check itself.

use crate::{
    cpi::Call,
    state::{ConfigChange, Decision, Params, PrivacyLevel, SpecStatus, TreasuryAction},
};
use anchor_lang::{event::EVENT_IX_TAG_LE, prelude::*, Discriminator};
use std::{
    io::{self, Write},
    mem::MaybeUninit,
};

/// Emits an event as an instruction to this program that only itself can sign, as Anchor's `emit_cpi!`
/// does and in the same bytes; written at once instead of copied byte by byte.
#[inline(never)]
pub fn emit<E: AnchorSerialize + Discriminator>(authority: &AccountInfo, event: &E) -> Result<()> {
    let mut buffer = Buffer {
        bytes: [const { MaybeUninit::uninit() }; MOST_BYTES],
        length: 0,
    };
    buffer.write_all(EVENT_IX_TAG_LE)?;
    buffer.write_all(E::DISCRIMINATOR)?;
    event.serialize(&mut buffer)?;
    send(authority, buffer.written())
}

/// What is the same for every event, and therefore there once.
#[inline(never)]
fn send(authority: &AccountInfo, data: &[u8]) -> Result<()> {
    let bump = [crate::EVENT_AUTHORITY_AND_BUMP.1];
    Call {
        program: &crate::ID,
        accounts: &[(authority, true, false)],
        data: &[data],
        seeds: &[b"__event_authority", &bump],
    }
    .invoke()
}

/// Room for the largest event.
const MOST_BYTES: usize = 512;

/// Bytes being written. Unlike a slice as a writer it knows at each field how many there are to copy, and
/// it does not begin as zeros, which would cost more than many an event.
struct Buffer {
    bytes: [MaybeUninit<u8>; MOST_BYTES],
    length: usize,
}

impl Buffer {
    /// What has been written.
    #[inline(always)]
    fn written(&self) -> &[u8] {
        // SAFETY: the first `length` bytes lie within the buffer and have been written.
        unsafe { core::slice::from_raw_parts(self.bytes.as_ptr().cast(), self.length) }
    }
}

impl Write for Buffer {
    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline(always)]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.length.saturating_add(bytes.len());
        match self.bytes.get_mut(self.length..end) {
            // SAFETY: as long as `bytes`, and apart from them, since it is borrowed alone.
            Some(place) => unsafe {
                core::ptr::copy_nonoverlapping(
                    bytes.as_ptr(),
                    place.as_mut_ptr().cast(),
                    bytes.len(),
                );
            },
            None => return Err(io::ErrorKind::WriteZero.into()),
        }
        self.length = end;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

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
    /// The highest minimum balance that will ever bind a divestment, base units.
    pub min_balance: u64,
    /// The longest divest cooldown that will ever bind, seconds.
    pub divest_cooldown: i64,
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
    /// Its privacy level.
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
    /// Which of the thread's submissions this is, from 0. Decisions name it.
    pub sequence: u64,
    /// The thread's privacy level, which its author has signed.
    pub privacy: PrivacyLevel,
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
    /// Which of the thread's submissions it is about.
    pub sequence: u64,
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
    /// Which of the thread's submissions it was.
    pub sequence: u64,
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

/// All shares of a thread were in one hand and were re-counted, one for each unit of the balance.
/// What they are worth did not change.
#[event]
pub struct SharesRebased {
    /// The thread.
    pub thread: Pubkey,
    /// Who has all shares.
    pub owner: Pubkey,
    /// Their shares, all of the thread's, before.
    pub shares_before: u64,
    /// Their shares, all of the thread's, after: the thread's balance.
    pub shares_after: u64,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A co-author left.
#[event]
pub struct AuthorLeft {
    /// The thread.
    pub thread: Pubkey,
    /// Who left.
    pub author: Pubkey,
    /// The set of co-authors they are no longer in.
    pub author_epoch: u32,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A co-author who had done nothing for long was retired by another.
#[event]
pub struct AuthorRetired {
    /// The thread.
    pub thread: Pubkey,
    /// Who was retired.
    pub author: Pubkey,
    /// Which co-author retired them.
    pub by: Pubkey,
    /// The set of co-authors they are no longer in.
    pub author_epoch: u32,
    /// When they last did anything in the thread.
    pub last_action_at: i64,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A thread is being wound down, for good.
#[event]
pub struct ThreadClosing {
    /// The thread.
    pub thread: Pubkey,
    /// Its sole co-author.
    pub by: Pubkey,
    /// Its balance, which shares can still take out.
    pub balance: u64,
    /// What it owes to positions besides.
    pub total_claimable: u64,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A thread was emptied and closed, for good.
#[event]
pub struct ThreadClosed {
    /// The thread.
    pub thread: Pubkey,
    /// Its sole co-author, who got what was in it.
    pub by: Pubkey,
    /// What was paid: the balance, the rewards, and whatever strangers had sent to the vault.
    pub paid: u64,
    /// The shares that stood for the balance.
    pub shares_burned: u64,
    /// The thread's balance before.
    pub balance_before: u64,
    /// What the thread owed in rewards before, all of it to its sole co-author.
    pub claimable_before: u64,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A settled spec's accounts were closed; their rent went back to who paid it.
#[event]
pub struct SpecCleaned {
    /// The thread.
    pub thread: Pubkey,
    /// The spec.
    pub spec: Pubkey,
    /// Who had submitted it.
    pub author: Pubkey,
    /// sha256 of its content.
    pub content_hash: [u8; 32],
    /// Which of the thread's submissions it was.
    pub sequence: u64,
    /// What strangers had sent to the escrow, now the treasury's.
    pub swept: u64,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// An empty position was closed; its rent went back to who paid it.
#[event]
pub struct PositionCleaned {
    /// The thread.
    pub thread: Pubkey,
    /// Whose it was.
    pub owner: Pubkey,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A change of the settings was proposed.
#[event]
pub struct ConfigProposed {
    /// The change.
    pub change: ConfigChange,
    /// When it may be applied.
    pub applies_at: i64,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A proposed change of the settings came into force.
#[event]
pub struct ConfigApplied {
    /// The change.
    pub change: ConfigChange,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A proposed change of the settings was taken back.
#[event]
pub struct ConfigCancelled {
    /// The change.
    pub change: ConfigChange,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// The authority over the settings was offered to somebody, or an offer taken back.
#[event]
pub struct AuthorityOffered {
    /// The authority.
    pub authority: Pubkey,
    /// Who may accept; zeros when nobody may any more.
    pub pending: Pubkey,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// The authority over the settings was handed over.
#[event]
pub struct AuthorityAccepted {
    /// The authority now.
    pub authority: Pubkey,
    /// The authority before.
    pub previous: Pubkey,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// Families of instructions were paused.
#[event]
pub struct Paused {
    /// Who paused them.
    pub by: Pubkey,
    /// Which, a bit each.
    pub families: u8,
    /// When the pause ends by itself.
    pub until: i64,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// Pauses were ended early.
#[event]
pub struct Unpaused {
    /// Who ended them.
    pub by: Pubkey,
    /// Of which families, a bit each.
    pub families: u8,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// Something was proposed to the signers of the treasury.
#[event]
pub struct TreasuryProposed {
    /// Number of the proposal, from 0.
    pub index: u64,
    /// Which signer proposed it.
    pub proposer: Pubkey,
    /// What.
    pub action: TreasuryAction,
    /// The set of signers.
    pub signer_epoch: u32,
    /// When it expires.
    pub expires_at: i64,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A signer of the treasury approved a proposal.
#[event]
pub struct TreasuryApproved {
    /// Number of the proposal.
    pub index: u64,
    /// Which signer.
    pub signer: Pubkey,
    /// Bitmap of approvals after.
    pub approvals: u16,
    /// The set of signers the bitmap goes by.
    pub signer_epoch: u32,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A proposal to the treasury was executed.
#[event]
pub struct TreasuryExecuted {
    /// Number of the proposal.
    pub index: u64,
    /// What was done.
    pub action: TreasuryAction,
    /// What the treasury's vault held before.
    pub vault_before: u64,
    /// What the treasury's vault holds after.
    pub vault_after: u64,
    /// The set of signers after.
    pub signer_epoch: u32,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// A proposal to the treasury was taken back.
#[event]
pub struct TreasuryCancelled {
    /// Number of the proposal.
    pub index: u64,
    /// Its proposer.
    pub by: Pubkey,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}

/// The account of a proposal that is executed or expired was closed.
#[event]
pub struct TreasuryCleaned {
    /// Number of the proposal.
    pub index: u64,
    /// Slot.
    pub slot: u64,
    /// Time.
    pub timestamp: i64,
}
