//! One instruction a file: its accounts, its checks, its effects, its events, its invariants.
//!
//! `dup` on accounts leaves out Anchor's search for an account given twice, which hashes every address.
//! It is not needed: the accounts an instruction takes by type are each of another type, so that no
//! account can stand for two of them, and those taken unchecked are compared with stored addresses.

pub mod config_initialize;
pub mod message_post;
pub mod privacy_set;
pub mod reward_claim;
pub mod spec_decide;
pub mod spec_expire;
pub mod spec_submit;
pub mod thread_create;
pub mod thread_deposit;
pub mod thread_divest;

pub use {
    config_initialize::*, message_post::*, privacy_set::*, reward_claim::*, spec_decide::*,
    spec_expire::*, spec_submit::*, thread_create::*, thread_deposit::*, thread_divest::*,
};
