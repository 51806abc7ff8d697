//! Choir: threads with stakes on them.
//!
//! People open threads and keep a stake in them. Somebody who wants to join submits a *spec*: the hash
//! of a message with a stake on it. The co-authors decide, and the stake settles by what they decide.
//!
//! The dispatch below says what each instruction is for; its file in [`instructions`] says how.

// An overflow in a test is a failed test.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

pub mod address;
pub mod closing;
pub mod constants;
pub mod cpi;
#[cfg(all(
    target_os = "solana",
    feature = "custom-entrypoint",
    not(feature = "cpi")
))]
mod entrypoint;
pub mod errors;
pub mod escrow;
pub mod events;
#[cfg(all(target_os = "solana", feature = "custom-heap", not(feature = "cpi")))]
mod heap;
pub mod instructions;
pub mod layout;
pub mod math;
pub mod state;
pub mod storage;
pub mod token;

use anchor_lang::prelude::*;
use instructions::*;
use state::{ConfigChange, Decision, Params, PrivacyLevel, TreasuryAction};

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
    /// Refused when fewer than `min_shares` would be minted, and when rounding would take more than a
    /// thousandth of the amount. When the depositor has all shares, these are first re-counted, one for
    /// each unit of the balance, and `min_shares` counts such shares.
    pub fn deposit(ctx: Context<Deposit>, amount: u64, min_shares: u64) -> Result<()> {
        Deposit::handle(ctx, amount, min_shares)
    }

    /// Records a co-author's message by the sha256 of its content, within the hourly rate. `privacy` is
    /// the level its author expects the thread to have; refused when it has another.
    pub fn post_message(
        ctx: Context<PostMessage>,
        content_hash: [u8; 32],
        privacy: PrivacyLevel,
    ) -> Result<()> {
        PostMessage::handle(ctx, content_hash, privacy)
    }

    /// Submits a message (by the sha256 of its content) with a stake on it (base units) and asks to
    /// join. Not for co-authors; refused when the thread has no free seat. `privacy` is the level its
    /// author expects the thread to have; refused when it has another. An approved message gets that or
    /// the thread's level by then, whichever is stricter.
    pub fn submit_spec(
        ctx: Context<SubmitSpec>,
        content_hash: [u8; 32],
        stake: u64,
        privacy: PrivacyLevel,
    ) -> Result<()> {
        SubmitSpec::handle(ctx, content_hash, stake, privacy)
    }

    /// A co-author's decision on a spec, bound to its content hash, to the submission (`sequence`) and
    /// to the thread's author epoch. The last decision settles it: all approve, and the stake is shared
    /// among the approvers, the message recorded, and the author joins; all deny, and the stake goes to
    /// the thread; else it is split between the treasury and the thread. Refused, whatever the decision,
    /// when the author could not join any more because the thread is full.
    pub fn process_approval(
        ctx: Context<ProcessApproval>,
        content_hash: [u8; 32],
        author_epoch: u32,
        sequence: u64,
        decision: Decision,
    ) -> Result<()> {
        ProcessApproval::handle(ctx, content_hash, author_epoch, sequence, decision)
    }

    /// Returns the whole stake of a spec to its author, who signs: while no decision of the present
    /// co-authors is on it, and in any case once its window has ended.
    pub fn withdraw_spec(ctx: Context<WithdrawSpec>) -> Result<()> {
        WithdrawSpec::handle(ctx)
    }

    /// Returns the stake of a spec whose window has ended to its author. Anybody may.
    pub fn expire_spec(ctx: Context<ExpireSpec>) -> Result<()> {
        ExpireSpec::handle(ctx)
    }

    /// Closes a settled spec and its escrow. Anybody may, at any time; the rent goes back to who paid it,
    /// tokens strangers have sent to the escrow go to the treasury.
    pub fn cleanup_spec(ctx: Context<CleanupSpec>) -> Result<()> {
        CleanupSpec::handle(ctx)
    }

    /// Pays all of a position's rewards to its owner.
    pub fn claim(ctx: Context<Claim>) -> Result<()> {
        Claim::handle(ctx)
    }

    /// Takes an amount (base units) out of a thread and burns shares for it, rounded up; at most
    /// `max_shares`. After the cooldown since the owner's last deposit or divestment, and never below
    /// the thread's minimum; of both, the present setting or that of the thread's opening binds,
    /// whichever is easier. Neither binds in a thread that is being wound down. When the owner has all
    /// shares, these are first re-counted, one for each unit of the balance, and `max_shares` counts
    /// such shares.
    pub fn divest(ctx: Context<Divest>, amount: u64, max_shares: u64) -> Result<()> {
        Divest::handle(ctx, amount, max_shares)
    }

    /// Takes the signer, a co-author without shares, out of the set of co-authors; not the last one.
    /// Rewards stay theirs to claim. Decisions on pending specs are void.
    pub fn leave_thread(ctx: Context<LeaveThread>) -> Result<()> {
        LeaveThread::handle(ctx)
    }

    /// Takes a co-author who has done nothing for the inactivity window out of the set of co-authors;
    /// another co-author signs. Shares and rewards stay the retired one's to take out. Decisions on
    /// pending specs are void.
    pub fn retire_author(ctx: Context<RetireAuthor>) -> Result<()> {
        RetireAuthor::handle(ctx)
    }

    /// Winds a thread down, for good: its sole remaining co-author signs, and no spec is pending. From
    /// then on shares can be divested to the last unit and rewards claimed, and nothing else happens.
    /// For a thread in which a former co-author still has shares, so that it cannot be closed.
    pub fn wind_down_thread(ctx: Context<WindDownThread>) -> Result<()> {
        WindDownThread::handle(ctx)
    }

    /// Closes a thread, for good, when all shares and rewards in it are those of its sole remaining
    /// co-author, who signs and gets everything in the vault. No spec is pending. The rent of the vault
    /// goes to the thread's creator, that of the position to who paid it; the thread's account stays,
    /// so that its id is never used twice.
    pub fn close_thread(ctx: Context<CloseThread>) -> Result<()> {
        CloseThread::handle(ctx)
    }

    /// Closes an empty position whose owner is not a co-author, or whose thread is closed. Anybody may,
    /// at any time; the rent goes back to who paid it.
    pub fn cleanup_position(ctx: Context<CleanupPosition>) -> Result<()> {
        CleanupPosition::handle(ctx)
    }

    /// Sets who may read the messages to come. Those already recorded keep their level.
    pub fn set_privacy(ctx: Context<SetPrivacy>, level: PrivacyLevel) -> Result<()> {
        SetPrivacy::handle(ctx, level)
    }
    /// Proposes a change of the settings, all of them given, by the authority. It may be applied after
    /// the parameter timelock in force. One at a time.
    pub fn propose_config(ctx: Context<ProposeConfig>, change: ConfigChange) -> Result<()> {
        ProposeConfig::handle(ctx, change)
    }

    /// Brings the proposed change of the settings into force, by the authority, once its timelock is
    /// over and for fourteen days from then.
    pub fn apply_config(ctx: Context<ApplyConfig>) -> Result<()> {
        ApplyConfig::handle(ctx)
    }

    /// Takes the proposed change of the settings back, by the authority.
    pub fn cancel_config(ctx: Context<CancelConfig>) -> Result<()> {
        CancelConfig::handle(ctx)
    }

    /// Offers the authority over the settings to another account, which must accept. Naming the present
    /// authority takes an offer back.
    pub fn transfer_authority(
        ctx: Context<TransferAuthority>,
        new_authority: Pubkey,
    ) -> Result<()> {
        TransferAuthority::handle(ctx, new_authority)
    }

    /// Takes the authority over the settings, by the one it was offered to. A proposed change of the
    /// settings is void.
    pub fn accept_authority(ctx: Context<AcceptAuthority>) -> Result<()> {
        AcceptAuthority::handle(ctx)
    }

    /// Pauses families of instructions (a bit each) for some seconds, at most seven days, by the
    /// guardian or the authority. Never again within a day of a pause's end.
    pub fn pause(ctx: Context<Pause>, families: u8, seconds: i64) -> Result<()> {
        Pause::handle(ctx, families, seconds)
    }

    /// Ends the pause of families of instructions (a bit each), by the guardian or the authority.
    pub fn unpause(ctx: Context<Unpause>, families: u8) -> Result<()> {
        Unpause::handle(ctx, families)
    }

    /// Proposes something to the signers of the treasury, by one of them, whose approval it still
    /// needs. Open for fourteen days.
    pub fn propose_treasury(ctx: Context<ProposeTreasury>, action: TreasuryAction) -> Result<()> {
        ProposeTreasury::handle(ctx, action)
    }

    /// Approves a proposal, by a signer of the treasury, once. A change of the signers voids it.
    pub fn approve_treasury(ctx: Context<ApproveTreasury>) -> Result<()> {
        ApproveTreasury::handle(ctx)
    }

    /// Executes a proposal that enough of the present signers have approved, by any signer of the
    /// treasury. Once.
    pub fn execute_treasury(ctx: Context<ExecuteTreasury>) -> Result<()> {
        ExecuteTreasury::handle(ctx)
    }

    /// Takes a proposal back that is not executed, by its proposer, who gets the rent back.
    pub fn cancel_treasury(ctx: Context<CancelTreasury>) -> Result<()> {
        CancelTreasury::handle(ctx)
    }

    /// Closes the account of a proposal that is executed or expired. Anybody may; the rent goes back to
    /// its proposer.
    pub fn cleanup_treasury(ctx: Context<CleanupTreasury>) -> Result<()> {
        CleanupTreasury::handle(ctx)
    }
}
