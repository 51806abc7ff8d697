//! What must hold of the books, and what a step may do to whom.

use crate::world::{key, Step, World, MIN_BALANCE, PURSE, WALLETS};
use choir::{
    constants::MAX_CO_AUTHORS,
    math,
    state::{Spec, SpecStatus, ThreadStatus},
};

impl World {
    /// What somebody's shares are worth, base units.
    pub fn worth(&self, who: usize) -> u64 {
        self.positions[who].as_ref().map_or(0, |position| {
            let thread = &self.thread;
            math::value_of_shares(position.shares, thread.balance, thread.total_shares).unwrap()
        })
    }

    /// What somebody can claim, base units.
    pub fn owed(&self, who: usize) -> u64 {
        self.positions[who].as_ref().map_or(0, |position| {
            let rises = self.thread.author_index(&key(who)).is_some();
            let rise = self.thread.reward_per_author - position.reward_checkpoint;
            position.claimable + if rises { rise } else { 0 }
        })
    }

    /// What must hold after every step.
    pub fn check(&self) {
        let (thread, held) = (&self.thread, || self.positions.iter().flatten());
        thread.invariant().unwrap();
        held().for_each(|position| position.invariant(thread).unwrap());
        for spec in &self.specs {
            spec.invariant(MAX_CO_AUTHORS).unwrap();
        }
        assert_eq!(
            held().map(|p| p.shares).sum::<u64>(),
            thread.total_shares,
            "shares"
        );
        let owed: u64 = (0..WALLETS).map(|who| self.owed(who)).sum();
        assert_eq!(owed, thread.total_claimable, "rewards");
        assert_eq!(self.vault, thread.balance + owed + self.strays, "the vault");
        assert!(
            thread.balance >= thread.total_shares,
            "a share is worth less than a unit"
        );
        let worth: u64 = (0..WALLETS).map(|who| self.worth(who)).sum();
        assert!(
            worth <= thread.balance,
            "shares are worth more than there is"
        );
        if thread.status == ThreadStatus::Open {
            assert!(thread.balance >= MIN_BALANCE, "below the minimum");
        }
        let pending = |spec: &Spec| spec.status == SpecStatus::Pending;
        for (spec, escrow) in self.specs.iter().zip(&self.escrows) {
            assert_eq!(
                *escrow,
                if pending(spec) { spec.stake } else { 0 },
                "an escrow"
            );
        }
        let waiting = self.specs.iter().filter(|spec| pending(spec)).count();
        assert_eq!(u32::try_from(waiting).unwrap(), thread.pending_specs);
        let sum = |units: &[u64]| units.iter().map(|u| u128::from(*u)).sum::<u128>();
        let all = sum(&self.purses)
            + sum(&self.escrows)
            + u128::from(self.vault)
            + u128::from(self.treasury);
        assert_eq!(
            all,
            u128::from(PURSE) * WALLETS as u128,
            "units came or went"
        );
    }

    /// What a step may have done to whom.
    pub fn check_step(&self, before: &Self, actor: usize, step: &Step) {
        let (now, then) = (&self.thread, &before.thread);
        if now.status == ThreadStatus::Closed {
            return;
        }
        for who in (0..WALLETS).filter(|who| *who != actor) {
            assert!(
                self.worth(who) >= before.worth(who),
                "{step:?} cost {who} shares' worth"
            );
            assert!(
                self.owed(who) >= before.owed(who),
                "{step:?} cost {who} rewards"
            );
        }
        if actor == WALLETS {
            return;
        }
        let wealth = |world: &World| {
            u128::from(world.purses[actor])
                + u128::from(world.worth(actor))
                + u128::from(world.owed(actor))
        };
        // What a share is worth, rounded up: what rounding may cost who moves money.
        let share = then.balance.checked_div(then.total_shares).unwrap_or(0) + 1;
        match step {
            Step::Deposit { .. } => {
                let amount = before.purses[actor] - self.purses[actor];
                assert!(wealth(self) <= wealth(before), "a deposit gained");
                // a thousandth, and the unit by which worth is rounded down, before and after
                let loss = wealth(before) - wealth(self);
                assert!(
                    loss <= u128::from(amount / 1_000 + 2),
                    "a deposit of {amount} lost {loss}"
                );
            }
            Step::Divest { .. } => {
                assert!(wealth(self) <= wealth(before) + 1, "a divestment gained");
                let loss = wealth(before).saturating_sub(wealth(self));
                assert!(
                    loss <= u128::from(share + 1),
                    "a divestment lost {loss} at {share} a share"
                );
            }
            Step::Claim { .. }
            | Step::Leave { .. }
            | Step::Retire { .. }
            | Step::WindDown { .. } => {
                assert_eq!(
                    wealth(self),
                    wealth(before),
                    "{step:?} changed what its actor has"
                );
            }
            _ => {}
        }
    }
}
