//! Shares of a thread's balance. Whatever does not divide stays with the thread.

use super::{mul_div, Rounding};
use crate::constants::DEPOSIT_PRECISION;

/// Shares a deposit buys: pro rata, rounded down; as many as units when there are none yet.
pub fn shares_for_deposit(amount: u64, balance: u64, total_shares: u64) -> Option<u64> {
    if total_shares == 0 {
        return Some(amount);
    }
    mul_div(amount, total_shares, balance, Rounding::Down)
}

/// Whether rounding takes more than a thousandth of a deposit: the part of `amount · total_shares` that
/// does not divide by `balance` buys nothing. False when there are no shares yet.
pub fn deposit_is_too_coarse(amount: u64, balance: u64, total_shares: u64) -> Option<bool> {
    if total_shares == 0 {
        return Some(false);
    }
    let product = u128::from(amount).checked_mul(u128::from(total_shares))?;
    let lost = product.checked_rem(u128::from(balance))?;
    let tolerated = product.checked_div(u128::from(DEPOSIT_PRECISION))?;
    Some(lost > tolerated)
}

/// How many shares there are once the only holder's are re-counted: one for each unit of the balance.
/// Never fewer than before, because a share is never worth less than a unit.
pub fn rebased_shares(balance: u64, total_shares: u64) -> u64 {
    balance.max(total_shares)
}

/// Shares a divestment costs: pro rata, rounded up.
pub fn shares_for_divest(amount: u64, balance: u64, total_shares: u64) -> Option<u64> {
    mul_div(amount, total_shares, balance, Rounding::Up)
}

/// What shares are worth: pro rata, rounded down.
pub fn value_of_shares(shares: u64, balance: u64, total_shares: u64) -> Option<u64> {
    if total_shares == 0 {
        return Some(0);
    }
    mul_div(shares, balance, total_shares, Rounding::Down)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Balance and shares of a thread, and an amount.
    fn threads() -> impl Strategy<Value = (u64, u64, u64)> {
        (1u64..1 << 62, 1u64..1 << 62, 1u64..1 << 62)
    }

    proptest! {
        #[test]
        fn a_deposit_never_lowers_the_price_of_a_share((amount, balance, shares) in threads()) {
            let Some(minted) = shares_for_deposit(amount, balance, shares) else { return Ok(()) };
            let before = u128::from(balance) * (u128::from(shares) + u128::from(minted));
            let after = (u128::from(balance) + u128::from(amount)) * u128::from(shares);
            prop_assert!(after >= before);
        }

        #[test]
        fn a_divestment_never_lowers_the_price_of_a_share((amount, balance, shares) in threads()) {
            prop_assume!(amount <= balance);
            let burned = shares_for_divest(amount, balance, shares).unwrap();
            prop_assert!(burned <= shares);
            let before = u128::from(balance) * u128::from(shares - burned);
            let after = u128::from(balance - amount) * u128::from(shares);
            prop_assert!(after >= before);
        }

        #[test]
        fn a_deposit_that_is_not_too_coarse_is_worth_its_amount_but_for_a_thousandth((amount, balance, shares) in threads()) {
            let balance = balance.max(shares);
            let Some(minted) = shares_for_deposit(amount, balance, shares) else { return Ok(()) };
            let coarse = deposit_is_too_coarse(amount, balance, shares).unwrap();
            // what buys nothing, in units: amount - minted · balance / shares
            let product = u128::from(amount) * u128::from(shares);
            let bought = u128::from(minted) * u128::from(balance);
            prop_assert_eq!(coarse, product - bought > product / 1_000);
            if minted == 0 {
                prop_assert!(coarse);
            }
        }

        #[test]
        fn a_price_of_at_least_a_unit_stays((amount, balance, shares) in threads()) {
            let balance = balance.max(shares);
            let minted = shares_for_deposit(amount, balance, shares).unwrap();
            prop_assert!(u128::from(balance) + u128::from(amount) >= u128::from(shares) + u128::from(minted));
            if amount <= balance {
                let burned = shares_for_divest(amount, balance, shares).unwrap();
                prop_assert!(balance - amount >= shares - burned);
            }
        }

        #[test]
        fn rebased_shares_divest_without_rounding((amount, balance, shares) in threads()) {
            let balance = balance.max(shares);
            let rebased = rebased_shares(balance, shares);
            prop_assert_eq!(rebased, balance);
            prop_assert_eq!(value_of_shares(rebased, balance, rebased), Some(balance));
            prop_assert_eq!(shares_for_divest(amount.min(balance), balance, rebased), Some(amount.min(balance)));
            prop_assert_eq!(deposit_is_too_coarse(amount, balance, rebased), Some(false));
        }

        #[test]
        fn depositing_and_divesting_at_once_gains_nothing((amount, balance, shares) in threads()) {
            let Some(minted) = shares_for_deposit(amount, balance, shares) else { return Ok(()) };
            let Some(total) = shares.checked_add(minted) else { return Ok(()) };
            let worth = value_of_shares(minted, balance + amount, total).unwrap();
            prop_assert!(worth <= amount);
        }
    }

    #[test]
    fn the_first_deposit_buys_as_many_shares_as_units() {
        assert_eq!(shares_for_deposit(7, 0, 0), Some(7));
        assert_eq!(value_of_shares(0, 0, 0), Some(0));
    }

    #[test]
    fn a_thousandth_is_tolerated_and_no_more() {
        // a share is worth 1000: of 1001 units one buys nothing, which is under a thousandth
        assert_eq!(deposit_is_too_coarse(1_001, 1_000_000, 1_000), Some(false));
        assert_eq!(deposit_is_too_coarse(1_002, 1_000_000, 1_000), Some(true));
        assert_eq!(deposit_is_too_coarse(7, 0, 0), Some(false));
        assert_eq!(deposit_is_too_coarse(7, 0, 1), None);
    }
}
