//! Formulas: pure functions over integers. No accounts, no clock, no errors of the program: `None`
//! means that a result does not fit into 64 bits or that a divisor is zero.
//!
//! Each has a property test here and golden vectors in `tests/program/golden` that are run through
//! this code and through the Python library's.

pub mod chain;
pub mod distinct;
pub mod rate;
pub mod ratio;
pub mod settlement;
pub mod shares;

pub use {chain::*, distinct::*, rate::*, ratio::*, settlement::*, shares::*};
