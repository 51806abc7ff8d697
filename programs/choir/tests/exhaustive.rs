//! Every formula on every input below a bound and at every edge, against its definition.
//!
//! The definitions say what a result must satisfy, in products and comparisons of 128 bits: none of
//! them divides, so that none repeats the code it judges.

// An overflow in a test is a failed test.
#![allow(clippy::arithmetic_side_effects)]

use choir::math::{self, Rounding};

const MAX: u64 = u64::MAX;

/// Numbers at which carries, truncations and overflows happen.
fn edges() -> Vec<u64> {
    let mut numbers = vec![
        0,
        1,
        2,
        3,
        5,
        7,
        10,
        16,
        17,
        999,
        1_000,
        1_001,
        MAX / 3,
        MAX / 2,
    ];
    for power in [31, 32, 33, 48, 62, 63] {
        let number = 1u64 << power;
        numbers.extend([number - 1, number, number + 1]);
    }
    numbers.extend([MAX - 2, MAX - 1, MAX]);
    numbers
}

/// Whether `found` is `a · b / divisor`, rounded as said, or rightly nothing.
fn is_quotient(found: Option<u64>, a: u64, b: u64, divisor: u64, rounding: Rounding) -> bool {
    let product = u128::from(a) * u128::from(b);
    let divisor = u128::from(divisor);
    if divisor == 0 {
        return found.is_none();
    }
    let times = |quotient: u128| quotient * divisor;
    match (found.map(u128::from), rounding) {
        (Some(q), Rounding::Down) => times(q) <= product && product < times(q + 1),
        (Some(0), Rounding::Up) => product == 0,
        (Some(q), Rounding::Up) => times(q - 1) < product && product <= times(q),
        (None, Rounding::Down) => product >= times(1 << 64),
        (None, Rounding::Up) => product > times(u128::from(MAX)),
    }
}

#[track_caller]
fn check_mul_div(a: u64, b: u64, divisor: u64) {
    for rounding in [Rounding::Down, Rounding::Up] {
        let found = math::mul_div(a, b, divisor, rounding);
        assert!(
            is_quotient(found, a, b, divisor, rounding),
            "{a} * {b} / {divisor} {rounding:?} = {found:?}"
        );
    }
}

#[test]
fn every_small_quotient_is_right() {
    for a in 0..128 {
        for b in 0..128 {
            for divisor in 0..128 {
                check_mul_div(a, b, divisor);
            }
        }
    }
}

#[test]
fn every_quotient_at_the_edges_is_right() {
    for &a in &edges() {
        for &b in &edges() {
            for &divisor in &edges() {
                check_mul_div(a, b, divisor);
            }
        }
    }
}

/// What a settlement must be: nothing lost, nobody paid who should not be, each part as large as
/// equal parts and rounding down allow.
fn check_settlement(stake: u64, approvals: u32, denials: u32) {
    let case = format!("{stake} by {approvals} and {denials}");
    let Some(parts) = math::settle(stake, approvals, denials) else {
        assert_eq!(approvals + denials, 0, "{case}");
        return;
    };
    let (yes, no) = (u128::from(approvals), u128::from(denials));
    let [each, approvers, thread, treasury] = [
        parts.per_approver,
        parts.to_approvers,
        parts.to_thread,
        parts.to_treasury,
    ]
    .map(u128::from);
    let stake = u128::from(stake);
    assert_eq!(approvers + thread + treasury, stake, "{case}");
    match (approvals, denials) {
        (_, 0) => {
            assert_eq!((approvers, treasury), (each * yes, 0), "{case}");
            assert!(
                thread < yes,
                "{case}: more was left over than does not divide"
            );
        }
        (0, _) => assert_eq!((each, thread), (0, stake), "{case}"),
        _ => {
            assert_eq!(each, 0, "{case}");
            assert!(treasury * (yes + no) <= stake * yes, "{case}");
            assert!((treasury + 1) * (yes + no) > stake * yes, "{case}");
        }
    }
}

#[test]
fn every_small_settlement_and_every_one_at_the_edges_is_right() {
    for approvals in 0..=16 {
        for denials in 0..=16 {
            (0..2_000).for_each(|stake| check_settlement(stake, approvals, denials));
            edges()
                .iter()
                .for_each(|&stake| check_settlement(stake, approvals, denials));
        }
    }
}

/// A deposit and a divestment in a thread: as much as the price allows, and never in favour of who
/// moves money against those who stay.
fn check_shares(amount: u64, balance: u64, shares: u64) {
    let case = format!("{amount} in {balance} of {shares} shares");
    let minted = math::shares_for_deposit(amount, balance, shares);
    if shares == 0 {
        assert_eq!(minted, Some(amount), "{case}");
        assert_eq!(
            math::value_of_shares(amount, balance, shares),
            Some(0),
            "{case}"
        );
        return;
    }
    assert!(
        is_quotient(minted, amount, shares, balance, Rounding::Down),
        "{case}"
    );
    let burned = math::shares_for_divest(amount, balance, shares);
    assert!(
        is_quotient(burned, amount, shares, balance, Rounding::Up),
        "{case}"
    );
    let held = amount.min(shares);
    let worth = math::value_of_shares(held, balance, shares);
    assert!(
        is_quotient(worth, held, balance, shares, Rounding::Down),
        "{case}"
    );

    let [amount, balance, shares] = [amount, balance, shares].map(u128::from);
    let (Some(minted), Some(burned)) = (minted.map(u128::from), burned.map(u128::from)) else {
        return;
    };
    if balance + amount <= u128::from(MAX) && shares + minted <= u128::from(MAX) {
        // what the others' shares stand for does not shrink: (balance + amount) / (shares + minted)
        // is no less than balance / shares
        let (left, right) = (
            (balance + amount).checked_mul(shares),
            balance.checked_mul(shares + minted),
        );
        assert!(left.unwrap() >= right.unwrap(), "{case}");
    }
    if amount <= balance {
        assert!(burned <= shares, "{case}");
        assert!(
            (balance - amount) * shares >= balance * (shares - burned),
            "{case}"
        );
    }
}

#[test]
fn every_small_deposit_and_divestment_is_right() {
    for balance in 0..100 {
        for shares in 0..100 {
            (0..150).for_each(|amount| check_shares(amount, balance, shares));
        }
    }
}

#[test]
fn every_deposit_and_divestment_at_the_edges_is_right() {
    for &balance in &edges() {
        for &shares in &edges() {
            edges()
                .iter()
                .for_each(|&amount| check_shares(amount, balance, shares));
        }
    }
}

/// All ways to attempt at most two messages in each of twelve moments, with windows of five.
#[test]
fn no_span_of_a_window_ever_holds_two_limits() {
    const MOMENTS: usize = 12;
    const WIDTH: i64 = 5;
    let mut most = [0u16; 4];
    for limit in 1..=3u16 {
        for plan in 0..3u32.pow(MOMENTS as u32) {
            let (mut start, mut count, mut rest) = (0, 0, plan);
            let mut accepted = [0u16; MOMENTS];
            for (moment, accepted) in accepted.iter_mut().enumerate() {
                for _ in 0..rest % 3 {
                    let now = moment as i64 + 100;
                    if let Some(window) = math::count_message(start, count, now, WIDTH, limit) {
                        (start, count) = window;
                        *accepted += 1;
                    }
                }
                rest /= 3;
            }
            let spans = accepted.windows(WIDTH as usize);
            let fullest = spans.map(|span| span.iter().sum()).max().unwrap_or(0);
            let seen = &mut most[usize::from(limit)];
            *seen = fullest.max(*seen);
        }
    }
    // One less than twice the limit, and that is reached.
    assert_eq!(most[1..], [1, 3, 5]);
}

#[test]
fn a_limit_of_none_lets_nothing_through() {
    for count in 0..3 {
        for now in 0..20 {
            assert_eq!(math::count_message(0, count, now, 5, 0), None);
        }
    }
}
