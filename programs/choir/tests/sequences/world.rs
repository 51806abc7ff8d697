//! One thread, those who have money in it, and what their instructions do to it, without a chain.
//!
//! The handlers' order of transitions over the real accounts, with counters in the place of token
//! accounts. After every step the books must balance to the unit, and no step may take anything from
//! those who did not act.

use anchor_lang::prelude::Pubkey;
use choir::{
    constants::{ACCOUNT_VERSION, DAY},
    errors::ChoirError,
    math,
    state::{Decision, Position, PrivacyLevel, Spec, SpecStatus, Thread, ThreadStatus},
};

/// Wallets there are; more than seats, so that a thread can be full.
pub const WALLETS: usize = 20;
/// What each wallet has to begin with: all of them together have every unit a mint can issue.
pub const PURSE: u64 = u64::MAX / WALLETS as u64;
/// Settings in force from the beginning.
pub const MIN_BALANCE: u64 = 1_000;
const MIN_STAKE: u64 = 1;
const COOLDOWN: i64 = DAY;
const WINDOW: i64 = 7 * DAY;
const INACTIVITY: i64 = 30 * DAY;

/// One thing somebody does. The numbers choose among the wallets, mostly among those with a position
/// in the thread, and among the specs, mostly among those that wait.
#[derive(Clone, Debug)]
pub enum Step {
    Deposit {
        who: u8,
        amount: Amount,
    },
    Divest {
        who: u8,
        amount: Amount,
    },
    Submit {
        who: u8,
        stake: Amount,
    },
    /// A spec that every co-author approves at once.
    Join {
        who: u8,
        stake: Amount,
    },
    Decide {
        who: u8,
        spec: u8,
        approve: bool,
    },
    /// Every co-author decides; those whose bit is set approve.
    DecideAll {
        spec: u8,
        approvals: u16,
    },
    Expire {
        spec: u8,
    },
    Withdraw {
        spec: u8,
    },
    Claim {
        who: u8,
    },
    Leave {
        who: u8,
    },
    Retire {
        by: u8,
        who: u8,
    },
    WindDown {
        who: u8,
    },
    Close {
        who: u8,
    },
    CleanPosition {
        who: u8,
    },
    Donate {
        amount: Amount,
    },
    Pass {
        hours: u16,
    },
}

/// How much, next to what there is.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
    /// So many units.
    Units(u64),
    /// A part of what the actor has at hand, in 65535ths, and so many units more or less.
    Part(u16, i8),
}

impl Amount {
    fn of(self, at_hand: u64) -> u64 {
        match self {
            Self::Units(units) => units,
            Self::Part(part, more) => {
                let whole = u128::from(at_hand) * u128::from(part) / 65_535;
                u64::try_from(whole)
                    .unwrap()
                    .saturating_add_signed(more.into())
            }
        }
    }
}

/// Why a step did not happen, by the name of the program's error.
type Refusal = String;

fn named<T>(result: anchor_lang::Result<T>) -> Result<T, Refusal> {
    result.map_err(|error| match error {
        anchor_lang::error::Error::AnchorError(error) => error.error_name,
        other => format!("{other:?}"),
    })
}

fn ensure(holds: bool, error: ChoirError) -> Result<(), Refusal> {
    if holds {
        Ok(())
    } else {
        Err(format!("{error:?}"))
    }
}

pub fn key(number: usize) -> Pubkey {
    Pubkey::new_from_array([u8::try_from(number + 1).unwrap(); 32])
}

/// Everything there is.
#[derive(Clone)]
pub struct World {
    pub thread: Thread,
    pub positions: Vec<Option<Position>>,
    pub specs: Vec<Spec>,
    pub now: i64,
    pub purses: Vec<u64>,
    pub vault: u64,
    pub strays: u64,
    pub treasury: u64,
    pub escrows: Vec<u64>,
}

impl World {
    /// A thread just opened by the first wallet, which others have joined for nothing.
    pub fn new(deposit: u64, authors: usize) -> Self {
        let now = 1_000_000;
        let mut purses = vec![PURSE; WALLETS];
        purses[0] -= deposit;
        let mut thread = Thread {
            version: ACCOUNT_VERSION,
            bump: 255,
            vault_bump: 255,
            status: ThreadStatus::Open,
            privacy: PrivacyLevel::Public,
            author_epoch: 0,
            pending_specs: 0,
            spec_count: 0,
            creator: key(0),
            vault: key(200),
            balance: 0,
            total_claimable: 0,
            total_shares: 0,
            reward_per_author: 0,
            message_count: 0,
            head: [0; 32],
            min_balance: MIN_BALANCE,
            divest_cooldown: COOLDOWN,
            created_at: now,
            updated_at: now,
            reserved: [0; 64],
            thread_id: "x".into(),
            co_authors: vec![key(0)],
        };
        let mut position = Position::new(255, key(100), key(0), key(0), now);
        let shares = thread.deposit(deposit, deposit).unwrap();
        position.mint(shares, now).unwrap();
        let mut positions = vec![None; WALLETS];
        positions[0] = Some(position);
        let mut world = Self {
            thread,
            positions,
            specs: Vec::new(),
            now,
            purses,
            vault: deposit,
            strays: 0,
            treasury: 0,
            escrows: Vec::new(),
        };
        for author in 1..authors {
            world.admit(author).unwrap();
        }
        world
    }

    /// Takes a step, or refuses it and stays as it was; then everything must hold.
    pub fn take(&mut self, step: &Step) -> Result<(), Refusal> {
        let before = self.clone();
        let result = self.apply(step);
        match &result {
            Ok(actor) => self.check_step(&before, *actor, step),
            Err(name) => {
                *self = before;
                // What guards against mistakes of the program is never met on an honest way.
                let guard = name.ends_with("Invariant")
                    || ["ArithmeticOverflow", "VaultInsolvent"].contains(&name.as_str());
                // Only the sum of all rewards ever paid can outgrow 64 bits, which takes a mint that
                // has issued nearly all it can, over and over.
                let sum = name == "ArithmeticOverflow"
                    && matches!(
                        step,
                        Step::Decide { .. } | Step::DecideAll { .. } | Step::Join { .. }
                    )
                    && self.thread.reward_per_author > u64::MAX / 4;
                assert!(!guard || sum, "{step:?} met {name}");
            }
        }
        self.check();
        result.map(|_| ())
    }

    /// Who acted.
    fn apply(&mut self, step: &Step) -> Result<usize, Refusal> {
        let someone = |who: u8| self.someone(who);
        let anyone = |who: u8| usize::from(who) % WALLETS;
        match *step {
            Step::Deposit { who, amount } => {
                let who = someone(who);
                self.deposit(who, amount.of(self.purses[who]))?;
                Ok(who)
            }
            Step::Divest { who, amount } => {
                let who = someone(who);
                self.divest(who, amount.of(self.worth(who)))?;
                Ok(who)
            }
            Step::Submit { who, stake } => {
                let who = anyone(who);
                self.submit(who, stake.of(self.purses[who]))?;
                Ok(who)
            }
            Step::Decide { who, spec, approve } => {
                let spec = self.spec(spec)?;
                let who = someone(who);
                self.decide(who, spec, approve)?;
                Ok(who)
            }
            Step::Join { who, stake } => {
                let who = anyone(who);
                self.submit(who, stake.of(self.purses[who]))?;
                self.decide_all(self.specs.len() - 1, u16::MAX)?;
                Ok(WALLETS)
            }
            Step::DecideAll { spec, approvals } => {
                let spec = self.spec(spec)?;
                self.decide_all(spec, approvals)?;
                Ok(WALLETS)
            }
            Step::Expire { spec } => {
                let spec = self.spec(spec)?;
                named(self.specs[spec].require_pending())?;
                let over = self.specs[spec].require_window_open(self.now).is_err();
                ensure(over, ChoirError::SpecWindowOpen)?;
                self.refund(spec, SpecStatus::Expired)
            }
            Step::Withdraw { spec } => {
                let spec = self.spec(spec)?;
                named(self.specs[spec].require_pending())?;
                if self.specs[spec].require_window_open(self.now).is_ok() {
                    named(self.specs[spec].require_undecided(self.thread.author_epoch))?;
                }
                self.refund(spec, SpecStatus::Withdrawn)
            }
            Step::Claim { who } => self.claim(someone(who)),
            Step::Leave { who } => self.leave(someone(who)),
            Step::Retire { by, who } => self.retire(someone(by), someone(who)),
            Step::WindDown { who } => {
                let who = someone(who);
                named(self.thread.require_open())?;
                named(self.thread.require_sole_co_author(&key(who)))?;
                named(self.thread.require_no_pending_specs())?;
                self.thread.wind_down();
                Ok(who)
            }
            Step::Close { who } => self.close(someone(who)),
            Step::CleanPosition { who } => self.clean(someone(who)),
            Step::Donate { amount } => {
                let giver = WALLETS - 1;
                let amount = amount.of(self.purses[giver]).min(self.purses[giver]);
                ensure(
                    self.thread.status != ThreadStatus::Closed,
                    ChoirError::ThreadClosed,
                )?;
                self.purses[giver] -= amount;
                self.vault += amount;
                self.strays += amount;
                Ok(giver)
            }
            Step::Pass { hours } => {
                self.now += i64::from(hours) * 3_600;
                Ok(WALLETS)
            }
        }
    }

    fn someone(&self, who: u8) -> usize {
        let inside: Vec<usize> = (0..WALLETS)
            .filter(|who| self.positions[*who].is_some())
            .collect();
        let who = usize::from(who);
        match inside.len() {
            0 => who % WALLETS,
            _ if who % 16 == 15 => who % WALLETS,
            some => inside[who % some],
        }
    }

    fn spec(&self, spec: u8) -> Result<usize, Refusal> {
        ensure(!self.specs.is_empty(), ChoirError::SpecNotPending)?;
        let waits = |spec: &usize| self.specs[*spec].status == SpecStatus::Pending;
        let waiting: Vec<usize> = (0..self.specs.len()).filter(waits).collect();
        let spec = usize::from(spec);
        Ok(match waiting.len() {
            0 => spec % self.specs.len(),
            _ if spec % 16 == 15 => spec % self.specs.len(),
            some => waiting[spec % some],
        })
    }

    /// A position taken out of the world, to be changed next to the thread.
    fn take_position(&mut self, who: usize) -> Result<Position, Refusal> {
        self.positions[who]
            .take()
            .ok_or_else(|| "AccountNotInitialized".into())
    }

    fn deposit(&mut self, who: usize, amount: u64) -> Result<(), Refusal> {
        named(self.thread.require_open())?;
        let mut position = self.take_position(who)?;
        named(self.thread.require_co_author(&key(who)))?;
        ensure(amount > 0, ChoirError::AmountZero)?;
        ensure(self.purses[who] >= amount, ChoirError::InsufficientFunds)?;
        named(position.settle(&self.thread, self.now))?;
        self.thread.rebase(&mut position);
        let expected =
            math::shares_for_deposit(amount, self.thread.balance, self.thread.total_shares);
        let limit = expected.unwrap_or(0);
        let shares = named(self.thread.deposit(amount, limit))?;
        named(position.mint(shares, self.now))?;
        self.thread.touch(self.now);
        self.purses[who] -= amount;
        self.vault += amount;
        self.positions[who] = Some(position);
        Ok(())
    }

    fn divest(&mut self, who: usize, amount: u64) -> Result<(), Refusal> {
        named(self.thread.require_not_closed())?;
        let mut position = self.take_position(who)?;
        ensure(amount > 0, ChoirError::AmountZero)?;
        let cooldown = self.thread.cooldown(COOLDOWN);
        named(position.require_cooled_down(self.now, cooldown))?;
        named(position.settle(&self.thread, self.now))?;
        self.thread.rebase(&mut position);
        let shares = named(self.thread.divest(amount, u64::MAX, MIN_BALANCE))?;
        named(position.burn(shares, self.now))?;
        self.thread.touch(self.now);
        self.vault -= amount;
        self.purses[who] += amount;
        self.positions[who] = Some(position);
        Ok(())
    }

    fn submit(&mut self, who: usize, stake: u64) -> Result<(), Refusal> {
        named(self.thread.require_open())?;
        let newcomer = self.thread.author_index(&key(who)).is_none();
        ensure(newcomer, ChoirError::CoAuthorCannotSubmit)?;
        named(self.thread.require_seat())?;
        ensure(stake >= MIN_STAKE, ChoirError::StakeBelowMinimum)?;
        ensure(self.purses[who] >= stake, ChoirError::InsufficientFunds)?;
        let sequence = named(self.thread.open_spec())?;
        self.specs.push(Spec {
            version: ACCOUNT_VERSION,
            bump: 255,
            escrow_bump: 255,
            status: SpecStatus::Pending,
            thread: key(100),
            author: key(who),
            rent_payer: key(who),
            content_hash: [0; 32],
            sequence,
            privacy: self.thread.privacy,
            stake,
            approvals: 0,
            denials: 0,
            author_epoch: self.thread.author_epoch,
            submitted_at: self.now,
            expires_at: self.now + WINDOW,
            resolved_at: 0,
            reserved: [0; 32],
        });
        self.purses[who] -= stake;
        self.escrows.push(stake);
        self.thread.touch(self.now);
        Ok(())
    }

    fn decide(&mut self, who: usize, spec: usize, approve: bool) -> Result<(), Refusal> {
        named(self.thread.require_open())?;
        let mut position = self.take_position(who)?;
        let index = named(self.thread.require_co_author(&key(who)))?;
        named(self.specs[spec].require_pending())?;
        named(self.specs[spec].require_window_open(self.now))?;
        if self.thread.author_index(&self.specs[spec].author).is_none() {
            named(self.thread.require_seat())?;
        }
        let decision = if approve {
            Decision::Approve
        } else {
            Decision::Deny
        };
        named(self.specs[spec].decide(index, decision, self.thread.author_epoch))?;
        named(position.settle(&self.thread, self.now))?;
        self.positions[who] = Some(position);
        self.thread.touch(self.now);
        let authors = self.thread.co_authors.len();
        if self.specs[spec].is_decided(authors) {
            self.settle(spec)?;
        }
        named(self.specs[spec].invariant(authors))
    }

    fn decide_all(&mut self, spec: usize, approvals: u16) -> Result<(), Refusal> {
        for (index, author) in self.thread.co_authors.clone().iter().enumerate() {
            self.decide(number(author), spec, approvals >> index & 1 == 1)?;
        }
        Ok(())
    }

    fn settle(&mut self, spec: usize) -> Result<(), Refusal> {
        let outcome = self.specs[spec].outcome();
        let [approvals, denials] =
            [self.specs[spec].approvals, self.specs[spec].denials].map(u16::count_ones);
        let parts = math::settle(self.specs[spec].stake, approvals, denials).unwrap();
        named(self.thread.add_balance(parts.to_thread))?;
        named(self.thread.award(parts.per_approver, parts.to_approvers))?;
        named(self.thread.close_spec())?;
        self.specs[spec].resolve(outcome, self.now);
        self.escrows[spec] -= parts.to_thread + parts.to_approvers + parts.to_treasury;
        self.vault += parts.to_thread + parts.to_approvers;
        self.treasury += parts.to_treasury;
        if outcome == SpecStatus::Approved {
            self.thread.message_count += 1;
            self.admit(number(&self.specs[spec].author))?;
        }
        Ok(())
    }

    fn admit(&mut self, author: usize) -> Result<(), Refusal> {
        if self.thread.author_index(&key(author)).is_some() {
            return Ok(());
        }
        named(self.thread.admit(key(author)))?;
        let mut position = self.positions[author]
            .take()
            .unwrap_or_else(|| Position::new(255, key(100), key(author), key(author), self.now));
        position.join(&self.thread, self.now);
        self.positions[author] = Some(position);
        Ok(())
    }

    fn refund(&mut self, spec: usize, status: SpecStatus) -> Result<usize, Refusal> {
        named(self.thread.close_spec())?;
        self.specs[spec].resolve(status, self.now);
        self.thread.touch(self.now);
        let author = number(&self.specs[spec].author);
        let stake = self.specs[spec].stake;
        self.escrows[spec] -= stake;
        self.purses[author] += stake;
        Ok(author)
    }

    fn claim(&mut self, who: usize) -> Result<usize, Refusal> {
        let mut position = self.take_position(who)?;
        named(position.settle(&self.thread, self.now))?;
        let amount = position.claimable;
        ensure(amount > 0, ChoirError::NothingToClaim)?;
        position.claimable = 0;
        named(self.thread.pay_claim(amount))?;
        self.thread.touch(self.now);
        self.vault -= amount;
        self.purses[who] += amount;
        self.positions[who] = Some(position);
        Ok(who)
    }

    fn leave(&mut self, who: usize) -> Result<usize, Refusal> {
        named(self.thread.require_open())?;
        let mut position = self.take_position(who)?;
        let index = named(self.thread.require_co_author(&key(who)))?;
        ensure(position.shares == 0, ChoirError::SharesRemain)?;
        named(position.settle(&self.thread, self.now))?;
        named(self.thread.dismiss(index))?;
        self.positions[who] = Some(position);
        Ok(who)
    }

    fn retire(&mut self, by: usize, who: usize) -> Result<usize, Refusal> {
        named(self.thread.require_open())?;
        let mut own = self.take_position(by)?;
        named(self.thread.require_co_author(&key(by)))?;
        ensure(by != who, ChoirError::CannotRetireSelf)?;
        let mut other = self.take_position(who)?;
        let place = self.thread.author_index(&key(who));
        ensure(place.is_some(), ChoirError::RetireeNotCoAuthor)?;
        named(other.require_inactive(self.now, INACTIVITY))?;
        let acted = other.last_action_at;
        named(own.settle(&self.thread, self.now))?;
        named(other.settle_rewards(&self.thread))?;
        assert_eq!(other.last_action_at, acted);
        named(self.thread.dismiss(place.unwrap()))?;
        self.positions[by] = Some(own);
        self.positions[who] = Some(other);
        Ok(by)
    }

    fn close(&mut self, who: usize) -> Result<usize, Refusal> {
        named(self.thread.require_not_closed())?;
        let mut position = self.take_position(who)?;
        named(self.thread.require_sole_co_author(&key(who)))?;
        named(self.thread.require_no_pending_specs())?;
        named(position.settle(&self.thread, self.now))?;
        named(self.thread.finish(&position))?;
        self.thread.touch(self.now);
        self.purses[who] += self.vault;
        self.vault = 0;
        self.strays = 0;
        Ok(who)
    }

    fn clean(&mut self, who: usize) -> Result<usize, Refusal> {
        let position = self.take_position(who)?;
        let closed = self.thread.status == ThreadStatus::Closed;
        let out = closed || self.thread.author_index(&key(who)).is_none();
        ensure(out, ChoirError::OwnerIsCoAuthor)?;
        let empty = position.shares == 0 && position.claimable == 0;
        ensure(empty, ChoirError::PositionNotEmpty)?;
        Ok(who)
    }
}

pub fn number(owner: &Pubkey) -> usize {
    usize::from(owner.to_bytes()[0]) - 1
}
