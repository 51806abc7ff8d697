//! Random sequences of everything that moves money in a thread, over many positions, natively.
//!
//! `PROPTEST_CASES` says how many sequences; `scripts/fuzz` runs them for as long as it is told.
//! A sequence that fails is shrunk, printed, and kept beside this file, to be run first from then on.

// An overflow in a test is a failed test.
#![allow(clippy::arithmetic_side_effects)]

mod books;
mod world;

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use std::{cell::RefCell, collections::BTreeMap};
use world::{Amount, Step, World, PURSE};

fn amounts() -> impl Strategy<Value = Amount> {
    prop_oneof![
        2 => (0u64..20).prop_map(Amount::Units),
        3 => (0u64..100_000).prop_map(Amount::Units),
        1 => (0u64..PURSE).prop_map(Amount::Units),
        3 => (any::<u16>(), -2i8..=2).prop_map(|(part, more)| Amount::Part(part, more)),
        2 => (-1i8..=1).prop_map(|more| Amount::Part(u16::MAX, more)),
    ]
}

/// A few wallets act often, so that their acts meet.
fn wallets() -> impl Strategy<Value = u8> {
    prop_oneof![4 => 0u8..4, 1 => any::<u8>()]
}

fn steps() -> impl Strategy<Value = Step> {
    let spec = || prop_oneof![any::<u8>(), Just(0u8)];
    prop_oneof![
        4 => (wallets(), amounts()).prop_map(|(who, amount)| Step::Deposit { who, amount }),
        5 => (wallets(), amounts()).prop_map(|(who, amount)| Step::Divest { who, amount }),
        5 => (wallets(), amounts()).prop_map(|(who, stake)| Step::Submit { who, stake }),
        3 => (wallets(), spec(), any::<bool>()).prop_map(|(who, spec, approve)| Step::Decide { who, spec, approve }),
        3 => spec().prop_map(|spec| Step::DecideAll { spec, approvals: u16::MAX }),
        2 => spec().prop_map(|spec| Step::DecideAll { spec, approvals: 0 }),
        1 => (spec(), any::<u16>()).prop_map(|(spec, approvals)| Step::DecideAll { spec, approvals }),
        1 => spec().prop_map(|spec| Step::Expire { spec }),
        1 => spec().prop_map(|spec| Step::Withdraw { spec }),
        3 => wallets().prop_map(|who| Step::Claim { who }),
        2 => wallets().prop_map(|who| Step::Leave { who }),
        4 => (wallets(), wallets()).prop_map(|(by, who)| Step::Retire { by, who }),
        1 => wallets().prop_map(|who| Step::WindDown { who }),
        1 => wallets().prop_map(|who| Step::Close { who }),
        1 => wallets().prop_map(|who| Step::CleanPosition { who }),
        1 => amounts().prop_map(|amount| Step::Donate { amount }),
        3 => (0u16..50).prop_map(|hours| Step::Pass { hours }),
        2 => (0u16..1_000).prop_map(|hours| Step::Pass { hours }),
        4 => (any::<u8>(), amounts()).prop_map(|(who, stake)| Step::Join { who, stake }),
    ]
}

#[test]
fn the_books_balance_after_every_step_of_every_sequence() {
    let config = ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/sequences/kept.txt",
        ))),
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    };
    let deposit = prop_oneof![Just(1_000u64), 1_000u64..1_000_000, Just(PURSE)];
    let authors = prop_oneof![3 => 1usize..4, 1 => 1usize..=16];
    let sequence = (deposit, authors, prop::collection::vec(steps(), 1..120));
    let seen = RefCell::new(BTreeMap::new());
    TestRunner::new(config)
        .run(&sequence, |(deposit, authors, steps)| {
            let mut world = World::new(deposit, authors);
            for step in &steps {
                let result = world.take(step);
                *seen
                    .borrow_mut()
                    .entry(described(step, &result))
                    .or_default() += 1;
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
    require_reached(&seen.into_inner());
}

/// A step and what came of it.
fn described(step: &Step, result: &Result<(), String>) -> String {
    let step = format!("{step:?}");
    let name = step.split([' ', '{']).next().unwrap_or_default();
    let outcome = result.as_ref().err().map_or("done", String::as_str);
    format!("{name}: {outcome}")
}

/// Prints how often what happened. A kind of step that never succeeds tests nothing.
fn require_reached(seen: &BTreeMap<String, u64>) {
    println!("{} steps", seen.values().sum::<u64>());
    for (what, count) in seen {
        println!("{count:>9} {what}");
    }
    for step in [
        "Deposit",
        "Divest",
        "Submit",
        "Join",
        "Decide",
        "DecideAll",
        "Expire",
        "Withdraw",
        "Claim",
        "Leave",
        "Retire",
        "WindDown",
        "Close",
        "CleanPosition",
        "Donate",
        "Pass",
    ] {
        assert!(
            seen.contains_key(&format!("{step}: done")),
            "no {step} ever succeeded"
        );
    }
}
