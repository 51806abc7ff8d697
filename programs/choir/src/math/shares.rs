//! Shares of a thread's balance. Whatever does not divide stays with the thread.

use super::{mul_div, Rounding};

/// Shares a deposit buys: pro rata, rounded down; as many as units when there are none yet.
pub fn shares_for_deposit(amount: u64, balance: u64, total_shares: u64) -> Option<u64> {
    if total_shares == 0 {
        return Some(amount);
    }
    mul_div(amount, total_shares, balance, Rounding::Down)
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
}
