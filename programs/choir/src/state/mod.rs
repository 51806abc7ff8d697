//! Accounts: layouts, transitions, and the invariant each keeps.
//!
//! A layout is an interface. Fields are never moved; new ones take reserved bytes.

pub mod config;
pub mod message;
pub mod position;
pub mod proposal;
pub mod spec;
pub mod thread;
pub mod treasury;
pub mod types;

pub use {
    config::*, message::*, position::*, proposal::*, spec::*, thread::*, treasury::*, types::*,
};
