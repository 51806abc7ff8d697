//! Choir: threads with stakes on them.
//!
//! People open threads and keep a stake in them. Somebody who wants to join submits a *spec*: the hash
//! of a message with a stake on it. The co-authors decide, and the stake settles by what they decide.
//!
//! The dispatch below says what each instruction is for; its file in [`instructions`] says how.

// An overflow in a test is a failed test.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

pub mod constants;
pub mod cpi;
pub mod errors;
pub mod escrow;
pub mod events;
#[cfg(all(
    target_os = "solana",
    feature = "custom-heap",
    not(feature = "no-entrypoint")
))]
mod heap;
pub mod instructions;
pub mod math;
pub mod state;
pub mod storage;
pub mod token;

use anchor_lang::prelude::*;
use instructions::*;
use state::{Decision, Params, PrivacyLevel};

declare_id!("ChonT23wyjxh3cgPfBfpgt4doviH78vJRCcUasYuaZdz");

#[program]
pub mod choir {
    use super::*;

    /// Sets the program up: the settings, the treasury and its vault. Once, and by the program's
    /// upgrade authority alone, so that nobody front-runs a deployment.
    pub fn initialize(
        ctx: Context<Initialize>,
        params: Params,
        guardian: Pubkey,
        treasury_signers: Vec<Pubkey>,
        treasury_threshold: u8,
        parameter_timelock: i64,
    ) -> Result<()> {
        Initialize::handle(
            ctx,
            InitializeArgs {
                params,
                guardian,
                treasury_signers,
                treasury_threshold,
                parameter_timelock,
            },
        )
    }

    /// Opens a thread with a first deposit (base units, at least the minimum thread balance), which
    /// buys as many shares. The signer becomes its first co-author.
    pub fn create_thread(
        ctx: Context<CreateThread>,
        thread_id: String,
        deposit: u64,
        privacy: PrivacyLevel,
    ) -> Result<()> {
        CreateThread::handle(ctx, thread_id, deposit, privacy)
    }

    /// Adds to a co-author's stake (base units) and mints shares at the present price, rounded down.
    pub fn deposit(ctx: Context<Deposit>, amount: u64) -> Result<()> {
        Deposit::handle(ctx, amount)
    }

    /// Records a co-author's message by the sha256 of its content, within the hourly rate.
    pub fn post_message(ctx: Context<PostMessage>, content_hash: [u8; 32]) -> Result<()> {
        PostMessage::handle(ctx, content_hash)
    }

    /// Submits a message (by the sha256 of its content) with a stake on it (base units) and asks to
    /// join. Not for co-authors; refused when the thread has no free seat.
    pub fn submit_spec(ctx: Context<SubmitSpec>, content_hash: [u8; 32], stake: u64) -> Result<()> {
        SubmitSpec::handle(ctx, content_hash, stake)
    }

    /// A co-author's decision on a spec, bound to its content hash and to the thread's author epoch.
    /// The last decision settles it: all approve, and the stake is shared among the approvers, the
    /// message recorded, and the author joins; all deny, and the stake goes to the thread; else it is
    /// split between the treasury and the thread.
    pub fn process_approval(
        ctx: Context<ProcessApproval>,
        content_hash: [u8; 32],
        author_epoch: u32,
        decision: Decision,
    ) -> Result<()> {
        ProcessApproval::handle(ctx, content_hash, author_epoch, decision)
    }

    /// Returns the stake of a spec whose window has ended to its author. Anybody may.
    pub fn expire_spec(ctx: Context<ExpireSpec>) -> Result<()> {
        ExpireSpec::handle(ctx)
    }

    /// Pays all of a position's rewards to its owner.
    pub fn claim(ctx: Context<Claim>) -> Result<()> {
        Claim::handle(ctx)
    }

    /// Takes an amount (base units) out of a thread and burns shares for it, rounded up. After the
    /// cooldown since the owner's last deposit or divestment, and never below the thread's minimum.
    pub fn divest(ctx: Context<Divest>, amount: u64) -> Result<()> {
        Divest::handle(ctx, amount)
    }

    /// Sets who may read the messages to come. Those already recorded keep their level.
    pub fn set_privacy(ctx: Context<SetPrivacy>, level: PrivacyLevel) -> Result<()> {
        SetPrivacy::handle(ctx, level)
    }
}
