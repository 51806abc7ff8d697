//! Who gets a spec's stake.

use super::{mul_div, Rounding};

/// Where a stake goes. The three parts sum to the stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// What each approver may claim, when all approved.
    pub per_approver: u64,
    /// That times the number of approvers.
    pub to_approvers: u64,
    /// What is added to the thread's balance.
    pub to_thread: u64,
    /// What the treasury gets.
    pub to_treasury: u64,
}

/// Divides a stake by the decisions of all co-authors.
///
/// - all approved: equal parts to the approvers, what does not divide to the thread;
/// - all denied: everything to the thread;
/// - otherwise `⌊stake · approvals / (approvals + denials)⌋` to the treasury, the rest to the thread.
///
/// `None` when nobody decided.
pub fn settle(stake: u64, approvals: u32, denials: u32) -> Option<Settlement> {
    let decisions = u64::from(approvals).checked_add(u64::from(denials))?;
    if decisions == 0 {
        return None;
    }
    let (per_approver, to_approvers, to_treasury) = if denials == 0 {
        let each = stake.checked_div(u64::from(approvals))?;
        (each, each.checked_mul(u64::from(approvals))?, 0)
    } else {
        (
            0,
            0,
            mul_div(stake, u64::from(approvals), decisions, Rounding::Down)?,
        )
    };
    Some(Settlement {
        per_approver,
        to_approvers,
        to_thread: stake.checked_sub(to_approvers)?.checked_sub(to_treasury)?,
        to_treasury,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_parts_sum_to_the_stake(stake: u64, approvals in 0u32..=16, denials in 0u32..=16) {
            prop_assume!(approvals + denials > 0);
            let s = settle(stake, approvals, denials).unwrap();
            let sum = u128::from(s.to_approvers) + u128::from(s.to_thread) + u128::from(s.to_treasury);
            prop_assert_eq!(sum, u128::from(stake));
            prop_assert_eq!(s.to_approvers, s.per_approver * u64::from(approvals));
            prop_assert!(s.to_approvers == 0 || denials == 0);
            prop_assert!(s.to_treasury == 0 || (approvals > 0 && denials > 0));
            if denials == 0 {
                prop_assert!(s.to_thread < u64::from(approvals));
            }
        }

        #[test]
        fn more_denials_never_pay_the_treasury_more(stake: u64, approvals in 1u32..=15, denials in 1u32..=15) {
            let fewer = settle(stake, approvals, denials).unwrap();
            let more = settle(stake, approvals, denials + 1).unwrap();
            prop_assert!(more.to_treasury <= fewer.to_treasury);
        }
    }

    #[test]
    fn nobody_deciding_settles_nothing() {
        assert_eq!(settle(1, 0, 0), None);
    }

    #[test]
    fn all_denials_pay_the_thread_alone() {
        let s = settle(u64::MAX, 0, 16).unwrap();
        assert_eq!(
            (s.to_thread, s.to_treasury, s.to_approvers),
            (u64::MAX, 0, 0)
        );
    }
}
