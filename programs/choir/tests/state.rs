//! Transitions and invariants of the accounts, away from the chain.

// An overflow in a test is a failed test.
#![allow(clippy::arithmetic_side_effects)]

use anchor_lang::prelude::Pubkey;
use choir::{
    constants::{ACCOUNT_VERSION, MINIMUM_TOTAL_SHARES},
    errors::ChoirError,
    state::{Decision, Position, PrivacyLevel, Spec, SpecStatus, Thread, ThreadStatus},
};
use proptest::prelude::*;

fn key(number: u8) -> Pubkey {
    Pubkey::new_from_array([number; 32])
}

fn thread(authors: u8) -> Thread {
    Thread {
        version: ACCOUNT_VERSION,
        bump: 255,
        vault_bump: 255,
        status: ThreadStatus::Open,
        privacy: PrivacyLevel::Public,
        author_epoch: 0,
        pending_specs: 0,
        creator: key(1),
        vault: key(200),
        balance: 10_000,
        total_claimable: 0,
        total_shares: 10_000,
        reward_per_author: 0,
        message_count: 0,
        head: [0; 32],
        created_at: 5,
        updated_at: 5,
        reserved: [0; 64],
        thread_id: "x".into(),
        co_authors: (1..=authors).map(key).collect(),
    }
}

fn spec() -> Spec {
    Spec {
        version: ACCOUNT_VERSION,
        bump: 255,
        escrow_bump: 255,
        status: SpecStatus::Pending,
        thread: key(100),
        author: key(50),
        rent_payer: key(50),
        content_hash: [7; 32],
        stake: 1_000,
        approvals: 0,
        denials: 0,
        author_epoch: 0,
        submitted_at: 5,
        expires_at: 10,
        resolved_at: 0,
        reserved: [0; 32],
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: anchor_lang::Result<T>, error: ChoirError) {
    let text = format!("{:?}", result.unwrap_err());
    assert!(text.contains(&format!("{error:?}")), "{text}");
}

#[test]
fn a_thread_in_order_passes() {
    thread(1).invariant().unwrap();
    thread(16).invariant().unwrap();
}

#[test]
fn a_thread_out_of_order_is_refused() {
    let broken: [fn(&mut Thread); 7] = [
        |t| t.version = 0,
        |t| t.co_authors.clear(),
        |t| t.co_authors.push(key(1)),
        |t| t.co_authors = (1..=17).map(key).collect(),
        |t| t.updated_at = 4,
        |t| t.total_shares = MINIMUM_TOTAL_SHARES - 1,
        |t| t.thread_id.clear(),
    ];
    for change in broken {
        let mut thread = thread(3);
        change(&mut thread);
        refused(thread.invariant(), ChoirError::ThreadInvariant);
    }
}

#[test]
fn a_vault_short_by_one_unit_is_refused() {
    let mut thread = thread(2);
    thread.award(7, 14).unwrap();
    thread.require_solvent(10_014).unwrap();
    refused(thread.require_solvent(10_013), ChoirError::VaultInsolvent);
}

#[test]
fn a_position_out_of_order_is_refused() {
    let thread = thread(1);
    let broken: [fn(&mut Position); 4] = [
        |p| p.version = 0,
        |p| p.shares = 10_001,
        |p| p.claimable = 1,
        |p| p.reward_checkpoint = 1,
    ];
    for change in broken {
        let mut position = Position::new(255, key(100), key(1), key(1), 5);
        position.invariant(&thread).unwrap();
        change(&mut position);
        refused(position.invariant(&thread), ChoirError::PositionInvariant);
    }
}

#[test]
fn a_spec_out_of_order_is_refused() {
    let broken: [fn(&mut Spec); 6] = [
        |s| s.version = 0,
        |s| (s.approvals, s.denials) = (1, 1),
        |s| s.approvals = 0b100,
        |s| s.stake = 0,
        |s| s.expires_at = 5,
        |s| s.status = SpecStatus::Approved,
    ];
    for change in broken {
        let mut spec = spec();
        spec.invariant(2).unwrap();
        change(&mut spec);
        refused(spec.invariant(2), ChoirError::SpecInvariant);
    }
}

#[test]
fn the_cooldown_and_the_window_end_on_the_second() {
    let mut position = Position::new(255, key(100), key(1), key(1), 5);
    position.mint(10, 100).unwrap();
    refused(
        position.require_cooled_down(109, 10),
        ChoirError::DivestCooldown,
    );
    position.require_cooled_down(110, 10).unwrap();
    spec().require_window_open(9).unwrap();
    refused(spec().require_window_open(10), ChoirError::SpecWindowEnded);
}

proptest! {
    #[test]
    fn a_decision_counts_once_and_only_under_its_epoch(
        steps in prop::collection::vec((0usize..16, any::<bool>(), 0u32..3), 1..60),
    ) {
        let mut spec = spec();
        let (mut epoch, mut decided) = (0, [None; 16]);
        for (index, approve, later) in steps {
            if later == 2 {
                epoch += 1;
                decided = [None; 16];
            }
            let decision = if approve { Decision::Approve } else { Decision::Deny };
            let result = spec.decide(index, decision, epoch);
            prop_assert_eq!(result.is_ok(), decided[index].is_none());
            decided[index].get_or_insert(approve);
            let count = |what| decided.iter().filter(|d| **d == Some(what)).count() as u32;
            prop_assert_eq!((spec.approvals.count_ones(), spec.denials.count_ones()), (count(true), count(false)));
            prop_assert_eq!(spec.is_decided(16), count(true) + count(false) == 16);
            spec.invariant(16).unwrap();
        }
    }

    /// Rewards are noted once for all and settled lazily; nothing is lost or paid twice, whoever joins
    /// when and settles when.
    #[test]
    fn lazily_settled_rewards_sum_to_what_the_thread_owes(
        steps in prop::collection::vec((0u8..3, 0usize..16, 0u64..1_000_000), 1..80),
    ) {
        let mut thread = thread(1);
        let mut positions = vec![Position::new(255, key(100), key(1), key(1), 5)];
        let mut paid = 0u64;
        let mut awarded = 0u64;
        for (step, who, amount) in steps {
            let authors = thread.co_authors.len() as u64;
            match step {
                0 => {
                    thread.award(amount, amount * authors).unwrap();
                    awarded += amount * authors;
                }
                1 if authors < 16 => {
                    let owner = key(positions.len() as u8 + 1);
                    let mut position = Position::new(255, key(100), owner, owner, 5);
                    thread.admit(owner).unwrap();
                    position.join(&thread, 6);
                    positions.push(position);
                }
                _ => {
                    let count = positions.len();
                    let position = &mut positions[who % count];
                    position.settle(&thread, 7).unwrap();
                    if amount % 2 == 0 {
                        thread.pay_claim(position.claimable).unwrap();
                        paid += position.claimable;
                        position.claimable = 0;
                    }
                    position.invariant(&thread).unwrap();
                }
            }
            let owed: u64 = positions
                .iter()
                .map(|p| p.claimable + thread.reward_per_author - p.reward_checkpoint)
                .sum();
            prop_assert_eq!(owed, thread.total_claimable);
            prop_assert_eq!(owed + paid, awarded);
        }
    }

    #[test]
    fn deposits_and_divestments_keep_the_price(
        steps in prop::collection::vec((any::<bool>(), 1u64..1_000_000), 1..80),
    ) {
        let mut thread = thread(1);
        let mut shares = thread.total_shares;
        for (deposit, amount) in steps {
            let (balance, total) = (u128::from(thread.balance), u128::from(thread.total_shares));
            if deposit {
                if let Ok(minted) = thread.deposit(amount) {
                    shares += minted;
                }
            } else if let Ok(burned) = thread.divest(amount, 1_000) {
                shares -= burned;
            }
            // balance / shares never falls
            let after = u128::from(thread.balance) * total;
            prop_assert!(after >= balance * u128::from(thread.total_shares));
            prop_assert_eq!(shares, thread.total_shares);
            thread.invariant().unwrap();
        }
    }
}
