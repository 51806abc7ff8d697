//! One instruction a file: its accounts, its checks, its effects, its events, its invariants.
//!
//! `dup` on accounts leaves out Anchor's search for an account given twice, which hashes every address.
//! It is not needed: the accounts an instruction takes by type are each of another type, so that no
//! account can stand for two of them, and those taken unchecked are compared with stored addresses.
//! Where an instruction takes two of one type, its handler refuses the same one twice by name.

pub mod author_leave;
pub mod author_retire;
pub mod authority_accept;
pub mod authority_transfer;
pub mod config_apply;
pub mod config_cancel;
pub mod config_initialize;
pub mod config_propose;
pub mod message_post;
pub mod pause_end;
pub mod pause_set;
pub mod position_cleanup;
pub mod privacy_set;
pub mod reward_claim;
pub mod spec_cleanup;
pub mod spec_decide;
pub mod spec_expire;
pub mod spec_submit;
pub mod spec_withdraw;
pub mod thread_close;
pub mod thread_create;
pub mod thread_deposit;
pub mod thread_divest;
pub mod thread_wind_down;
pub mod treasury_approve;
pub mod treasury_cancel;
pub mod treasury_cleanup;
pub mod treasury_execute;
pub mod treasury_propose;

pub use {
    author_leave::*, author_retire::*, authority_accept::*, authority_transfer::*, config_apply::*,
    config_cancel::*, config_initialize::*, config_propose::*, message_post::*, pause_end::*,
    pause_set::*, position_cleanup::*, privacy_set::*, reward_claim::*, spec_cleanup::*,
    spec_decide::*, spec_expire::*, spec_submit::*, spec_withdraw::*, thread_close::*,
    thread_create::*, thread_deposit::*, thread_divest::*, thread_wind_down::*,
    treasury_approve::*, treasury_cancel::*, treasury_cleanup::*, treasury_execute::*,
    treasury_propose::*,
};
