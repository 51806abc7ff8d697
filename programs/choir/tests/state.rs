//! Transitions and invariants of the accounts, away from the chain.

// An overflow in a test is a failed test.
#![allow(clippy::arithmetic_side_effects)]

use anchor_lang::prelude::Pubkey;
use choir::{
    constants::ACCOUNT_VERSION,
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
        spec_count: 0,
        creator: key(1),
        vault: key(200),
        balance: 10_000,
        total_claimable: 0,
        total_shares: 10_000,
        reward_per_author: 0,
        message_count: 0,
        head: [0; 32],
        min_balance: 1_000,
        divest_cooldown: 10,
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
        sequence: 0,
        privacy: PrivacyLevel::Public,
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
    let broken: [fn(&mut Thread); 14] = [
        |t| t.version = 0,
        |t| t.co_authors.clear(),
        |t| t.co_authors.push(key(1)),
        |t| t.co_authors = (1..=17).map(key).collect(),
        |t| t.updated_at = 4,
        |t| t.total_shares = 0,
        |t| t.balance = t.total_shares - 1,
        |t| t.pending_specs = 1,
        |t| t.status = ThreadStatus::Closing,
        |t| t.status = ThreadStatus::Closed,
        |t| {
            t.co_authors.truncate(1);
            t.status = ThreadStatus::Closing;
            t.total_shares = 0;
        },
        |t| {
            (t.balance, t.total_shares, t.total_claimable) = (0, 0, 1);
            t.status = ThreadStatus::Closed;
        },
        |t| {
            (t.balance, t.total_shares, t.spec_count, t.pending_specs) = (0, 0, 1, 1);
            t.status = ThreadStatus::Closed;
        },
        |t| t.thread_id.clear(),
    ];
    for change in broken {
        let mut thread = thread(3);
        change(&mut thread);
        refused(thread.invariant(), ChoirError::ThreadInvariant);
    }
}

/// A co-author of `thread(_)` with some of its shares.
fn holder(number: u8, shares: u64) -> Position {
    let mut position = Position::new(255, key(100), key(number), key(number), 5);
    position.shares = shares;
    position
}

#[test]
fn who_is_dismissed_leaves_the_others_in_order() {
    let mut thread = thread(4);
    thread.dismiss(1).unwrap();
    assert_eq!(thread.co_authors, [key(1), key(3), key(4)]);
    assert_eq!(thread.author_epoch, 1);
    refused(thread.dismiss(3), ChoirError::ThreadInvariant);
    thread.dismiss(2).unwrap();
    thread.dismiss(0).unwrap();
    refused(thread.dismiss(0), ChoirError::LastCoAuthor);
    assert_eq!((thread.co_authors, thread.author_epoch), (vec![key(3)], 3));
}

#[test]
fn only_all_shares_are_counted_anew() {
    let mut thread = thread(2);
    thread.add_balance(5_000).unwrap();
    let mut some = holder(1, 9_999);
    assert_eq!(thread.rebase(&mut some), None);
    assert_eq!((some.shares, thread.total_shares), (9_999, 10_000));
    let mut all = holder(1, 10_000);
    assert_eq!(thread.rebase(&mut all), Some((10_000, 15_000)));
    assert_eq!((all.shares, thread.total_shares), (15_000, 15_000));
    assert_eq!(thread.rebase(&mut all), None);
    thread.invariant().unwrap();
}

#[test]
fn a_thread_is_closed_only_by_who_has_all_of_it() {
    let mut thread = thread(1);
    thread.award(7, 7).unwrap();
    let mut position = holder(1, 10_000);
    refused(thread.finish(&position), ChoirError::OthersHaveStake);
    position.settle(&thread, 6).unwrap();
    position.shares = 9_999;
    refused(thread.finish(&position), ChoirError::OthersHaveStake);
    position.shares = 10_000;
    thread.finish(&position).unwrap();
    thread.invariant().unwrap();
    refused(thread.require_open(), ChoirError::ThreadClosed);
    refused(thread.require_not_closed(), ChoirError::ThreadClosed);
}

#[test]
fn what_is_wound_down_has_neither_minimum_nor_cooldown() {
    let mut thread = thread(1);
    assert_eq!((thread.cooldown(20), thread.cooldown(5)), (10, 5));
    refused(
        thread.divest(9_001, u64::MAX, 5_000),
        ChoirError::BalanceBelowMinimum,
    );
    refused(
        thread.divest(9_501, u64::MAX, 500),
        ChoirError::BalanceBelowMinimum,
    );
    refused(
        thread.divest(9_500, 9_499, 500),
        ChoirError::SlippageExceeded,
    );
    thread.wind_down();
    thread.invariant().unwrap();
    refused(thread.require_open(), ChoirError::ThreadClosing);
    thread.require_not_closed().unwrap();
    assert_eq!(thread.cooldown(20), 0);
    thread.divest(10_000, 10_000, 5_000).unwrap();
    thread.invariant().unwrap();
}

#[test]
fn settling_for_another_is_no_action_of_theirs() {
    let mut thread = thread(2);
    let mut position = holder(2, 0);
    thread.award(7, 14).unwrap();
    position.settle_rewards(&thread).unwrap();
    assert_eq!((position.claimable, position.last_action_at), (7, 5));
    refused(position.require_inactive(14, 10), ChoirError::AuthorActive);
    position.require_inactive(15, 10).unwrap();
    position.settle(&thread, 9).unwrap();
    assert_eq!((position.claimable, position.last_action_at), (7, 9));
}

#[test]
fn only_decisions_of_the_present_set_hold_a_stake() {
    let mut spec = spec();
    spec.require_undecided(0).unwrap();
    spec.decide(3, Decision::Deny, 0).unwrap();
    refused(spec.require_undecided(0), ChoirError::SpecHasDecisions);
    spec.require_undecided(1).unwrap();
    refused(spec.require_settled(), ChoirError::SpecPending);
    spec.resolve(SpecStatus::Withdrawn, 6);
    spec.require_settled().unwrap();
}

#[test]
fn submissions_are_numbered() {
    let mut thread = thread(1);
    assert_eq!(
        (thread.open_spec().unwrap(), thread.open_spec().unwrap()),
        (0, 1)
    );
    refused(thread.require_no_pending_specs(), ChoirError::SpecsPending);
    thread.close_spec().unwrap();
    thread.close_spec().unwrap();
    thread.require_no_pending_specs().unwrap();
    assert_eq!(thread.open_spec().unwrap(), 2);
    thread.invariant().unwrap();
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

    /// Of two holders: the price never falls but by re-counting, which changes nobody's worth; shares
    /// sum up; a share is worth a unit or more; what is wound down can be emptied to the unit.
    #[test]
    fn deposits_and_divestments_keep_the_price(
        steps in prop::collection::vec((0u8..3, 0usize..2, 1u64..1_000_000), 1..80),
    ) {
        let mut thread = thread(2);
        let mut holders = [holder(1, 10_000), holder(2, 0)];
        for (step, who, amount) in steps {
            let (balance, total) = (u128::from(thread.balance), u128::from(thread.total_shares));
            let worth = |t: &Thread, p: &Position| {
                choir::math::value_of_shares(p.shares, t.balance, t.total_shares).unwrap()
            };
            let before = (thread.clone(), holders.clone());
            let held = &mut holders[who];
            let was = worth(&thread, held);
            if step < 2 {
                let rebased = thread.rebase(held).is_some();
                prop_assert_eq!(worth(&thread, held), was);
                let done = if step == 0 {
                    thread.deposit(amount, 0).and_then(|shares| held.mint(shares, 9))
                } else {
                    thread
                        .divest(amount, u64::MAX, 1_000)
                        .and_then(|shares| held.burn(shares, 9))
                };
                if done.is_err() {
                    // the chain takes back what a refused instruction did
                    (thread, holders) = before;
                    continue;
                }
                if !rebased {
                    let after = u128::from(thread.balance) * total;
                    prop_assert!(after >= balance * u128::from(thread.total_shares));
                }
            } else {
                thread.add_balance(amount).unwrap();
            }
            prop_assert_eq!(holders[0].shares + holders[1].shares, thread.total_shares);
            thread.invariant().unwrap();
        }
        thread.co_authors.pop();
        thread.wind_down();
        for held in &mut holders {
            thread.rebase(held);
            let worth = choir::math::value_of_shares(held.shares, thread.balance, thread.total_shares);
            let worth = worth.unwrap();
            if worth > 0 {
                let shares = thread.divest(worth, u64::MAX, 1_000).unwrap();
                held.burn(shares, 9).unwrap();
                thread.invariant().unwrap();
            }
        }
        // what is left of the first is worth less than a share; the second has been alone if it is nothing
        if holders[0].shares == 0 {
            prop_assert_eq!((thread.balance, thread.total_shares), (0, 0));
        }
    }
}
