//! A recorded message.

use super::{PrivacyLevel, Thread};
use crate::{constants::*, events::MessagePosted};
use anchor_lang::prelude::*;

/// A recorded message, at `["message", thread, index]`. It is never changed.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, InitSpace, Debug)]
pub struct Message {
    /// Layout version of this account.
    pub version: u8,
    /// Bump of this account's address.
    pub bump: u8,
    /// Who may read it: the thread's level when it was recorded or, for a message that was a spec, when
    /// that was submitted, whichever is stricter.
    pub privacy: PrivacyLevel,
    /// The thread.
    pub thread: Pubkey,
    /// Who wrote it.
    pub author: Pubkey,
    /// Who paid this account's rent.
    pub rent_payer: Pubkey,
    /// Place in the thread, from 0.
    pub index: u64,
    /// sha256 of the content.
    pub content_hash: [u8; 32],
    /// Head of the hash chain before it. The head after it is
    /// sha256(previous head ‖ index, u64 little endian ‖ author ‖ content hash).
    pub previous_head: [u8; 32],
    /// Slot it was recorded in.
    pub slot: u64,
    /// When it was recorded, Unix seconds.
    pub created_at: i64,
    /// Zeros, for later fields.
    pub reserved: [u8; 32],
}

crate::layout::account!(Message = [110, 151, 23, 110, 198, 6, 125, 181], varying 0, {
    version,
    bump,
    privacy,
    thread,
    author,
    rent_payer,
    index,
    content_hash,
    previous_head,
    slot,
    created_at,
    reserved,
});

impl Message {
    /// Records the next message of a thread: appends it to the thread's hash chain, and returns the
    /// account to store and the event to emit.
    pub fn record(
        thread: &mut Thread,
        thread_key: Pubkey,
        draft: Draft,
        clock: &Clock,
    ) -> Result<(Self, MessagePosted)> {
        let (index, previous_head) = thread.append(&draft.author, &draft.content_hash)?;
        let message = Self {
            version: ACCOUNT_VERSION,
            bump: draft.bump,
            privacy: draft.privacy,
            thread: thread_key,
            author: draft.author,
            rent_payer: draft.rent_payer,
            index,
            content_hash: draft.content_hash,
            previous_head,
            slot: clock.slot,
            created_at: clock.unix_timestamp,
            reserved: [0; 32],
        };
        let event = MessagePosted {
            thread: thread_key,
            author: draft.author,
            index,
            content_hash: draft.content_hash,
            previous_head,
            head: thread.head,
            privacy: draft.privacy,
            slot: clock.slot,
            timestamp: clock.unix_timestamp,
        };
        Ok((message, event))
    }
}

/// What a message is made of, besides its thread and the time.
pub struct Draft {
    /// Bump of the message's address.
    pub bump: u8,
    /// Who may read it.
    pub privacy: PrivacyLevel,
    /// Who wrote it.
    pub author: Pubkey,
    /// Who pays its rent.
    pub rent_payer: Pubkey,
    /// sha256 of the content.
    pub content_hash: [u8; 32],
}
