//! The program-wide settings, how they change, and how families of instructions are paused.

use super::Params;
use crate::{
    constants::*,
    ensure,
    errors::{ChoirError, OrRefuse},
};
use anchor_lang::prelude::*;

/// Program-wide settings: one account, at `["config"]`.
///
/// Every instruction reads it, so what they need stands first and at fixed offsets.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, InitSpace, Debug)]
pub struct Config {
    /// Layout version of this account.
    pub version: u8,
    /// Bump of this account's address.
    pub bump: u8,
    /// Decimals of the mint.
    pub mint_decimals: u8,
    /// The mint stakes are made in; it never changes. Trap: whoever may freeze its accounts can stop
    /// every vault, and whoever may mint can make the stakes worth less.
    pub stake_mint: Pubkey,
    /// The token program that owns the mint: SPL Token or Token-2022.
    pub token_program: Pubkey,
    /// The treasury's token account.
    pub treasury_vault: Pubkey,
    /// The settings in force.
    pub params: Params,
    /// When the pause of each family of instructions ends or has ended, Unix seconds; 0 when it was
    /// never paused. By the place of the family's bit. Trap: a time in the past is no pause, but the
    /// family cannot be paused again within a day of it.
    pub paused_until: [i64; PAUSE_FAMILIES],
    /// Who may change the settings.
    pub authority: Pubkey,
    /// Who has been offered the authority and not yet accepted it; zeros when nobody.
    pub pending_authority: Pubkey,
    /// Who may pause, besides the authority.
    pub guardian: Pubkey,
    /// The treasury account.
    pub treasury: Pubkey,
    /// How long a proposed change must wait before it is applied, seconds. Trap: a proposal waits as
    /// long as this was when it was proposed.
    pub parameter_timelock: i64,
    /// The proposed change; zeros when `pending_at` is 0.
    pub pending: ConfigChange,
    /// When the proposed change may be applied, Unix seconds; 0 when none is proposed.
    pub pending_at: i64,
    /// Zeros, for later fields.
    pub reserved: [u8; 64],
}

crate::layout::account!(Config = [155, 12, 170, 224, 30, 250, 204, 130], varying 0, {
    version,
    bump,
    mint_decimals,
    stake_mint,
    token_program,
    treasury_vault,
    params,
    paused_until,
    authority,
    pending_authority,
    guardian,
    treasury,
    parameter_timelock,
    pending,
    pending_at,
    reserved,
});

/// What the authority may change, after the timelock. All of it is given, also what stays.
#[derive(
    AnchorSerialize, AnchorDeserialize, InitSpace, Clone, Copy, Debug, Default, PartialEq, Eq,
)]
pub struct ConfigChange {
    /// The settings.
    pub params: Params,
    /// Who may pause, besides the authority.
    pub guardian: Pubkey,
    /// How long later changes must wait before they are applied, seconds, 1 to 90 days.
    pub parameter_timelock: i64,
}

crate::layout::record!(ConfigChange {
    params,
    guardian,
    parameter_timelock
});

impl Params {
    /// Refuses settings that would make the program unusable or unsafe, each by name.
    pub fn validate(&self) -> Result<()> {
        ensure!(self.min_stake >= 1, ChoirError::MinStakeTooLow);
        ensure!(
            self.min_thread_balance >= MIN_THREAD_BALANCE_FLOOR,
            ChoirError::MinThreadBalanceTooLow
        );
        ensure!(
            (MIN_APPROVAL_WINDOW..=MAX_WINDOW).contains(&self.approval_window),
            ChoirError::ApprovalWindowOutOfRange
        );
        ensure!(
            (0..=MAX_DIVEST_COOLDOWN).contains(&self.divest_cooldown),
            ChoirError::DivestCooldownOutOfRange
        );
        ensure!(
            (MIN_INACTIVITY_WINDOW..=MAX_WINDOW).contains(&self.inactivity_window),
            ChoirError::InactivityWindowOutOfRange
        );
        ensure!(self.messages_per_hour >= 1, ChoirError::MessageRateTooLow);
        Ok(())
    }
}

impl ConfigChange {
    /// Refuses a change that would make the program unusable or unsafe, each fault by name.
    pub fn validate(&self) -> Result<()> {
        self.params.validate()?;
        ensure!(
            (MIN_PARAMETER_TIMELOCK..=MAX_PARAMETER_TIMELOCK).contains(&self.parameter_timelock),
            ChoirError::TimelockOutOfRange
        );
        ensure!(
            self.guardian != Pubkey::default(),
            ChoirError::GuardianMissing
        );
        Ok(())
    }
}

impl Config {
    /// Refuses when the family of instructions (one of the `PAUSE_` bits) is paused at `now`, Unix
    /// seconds.
    #[inline]
    pub fn require_running(&self, family: u8, now: i64) -> Result<()> {
        let place = family.trailing_zeros() as usize;
        let until = self
            .paused_until
            .get(place)
            .or_refuse(ChoirError::ConfigInvariant)?;
        ensure!(now >= *until, ChoirError::Paused);
        Ok(())
    }

    /// Refuses a mint and a token program that are not the configured ones.
    pub fn require_stake(&self, mint: &Pubkey, token_program: &Pubkey) -> Result<()> {
        ensure!(*mint == self.stake_mint, ChoirError::WrongMint);
        ensure!(
            *token_program == self.token_program,
            ChoirError::WrongTokenProgram
        );
        Ok(())
    }

    /// Refuses anybody but the authority.
    pub fn require_authority(&self, key: &Pubkey) -> Result<()> {
        ensure!(*key == self.authority, ChoirError::NotAuthority);
        Ok(())
    }

    /// Refuses anybody but the guardian and the authority.
    pub fn require_guardian(&self, key: &Pubkey) -> Result<()> {
        ensure!(
            *key == self.guardian || *key == self.authority,
            ChoirError::NotGuardian
        );
        Ok(())
    }

    /// Proposes a change at `now`, Unix seconds. Returns when it may be applied. One at a time, so
    /// that what people have seen announced is not exchanged for something else under way.
    pub fn propose(&mut self, change: ConfigChange, now: i64) -> Result<i64> {
        change.validate()?;
        ensure!(self.pending_at == 0, ChoirError::ConfigChangePending);
        let at = now
            .checked_add(self.parameter_timelock)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        self.pending = change;
        self.pending_at = at;
        Ok(at)
    }

    /// Brings the proposed change into force at `now`, Unix seconds. Returns it. One that was left
    /// lying is refused: nobody would expect it any more.
    pub fn apply(&mut self, now: i64) -> Result<ConfigChange> {
        ensure!(self.pending_at != 0, ChoirError::NoConfigChange);
        ensure!(now >= self.pending_at, ChoirError::TimelockNotOver);
        let end = self
            .pending_at
            .checked_add(CONFIG_CHANGE_LIFE)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        ensure!(now < end, ChoirError::ConfigChangeExpired);
        let change = self.cancel()?;
        self.params = change.params;
        self.guardian = change.guardian;
        self.parameter_timelock = change.parameter_timelock;
        Ok(change)
    }

    /// Takes the proposed change back. Returns it.
    pub fn cancel(&mut self) -> Result<ConfigChange> {
        ensure!(self.pending_at != 0, ChoirError::NoConfigChange);
        self.pending_at = 0;
        Ok(std::mem::take(&mut self.pending))
    }

    /// Offers the authority to another account; an earlier offer is void. Naming the present
    /// authority only takes the offer back.
    pub fn offer_authority(&mut self, to: Pubkey) -> Result<()> {
        ensure!(to != Pubkey::default(), ChoirError::AuthorityInvalid);
        self.pending_authority = if to == self.authority {
            Pubkey::default()
        } else {
            to
        };
        Ok(())
    }

    /// The one the authority was offered to takes it. Returns who had it. A change the previous
    /// authority has proposed is void: it is not theirs to make any more.
    pub fn accept_authority(&mut self, by: Pubkey) -> Result<Pubkey> {
        ensure!(
            by != Pubkey::default() && by == self.pending_authority,
            ChoirError::NotPendingAuthority
        );
        self.pending_authority = Pubkey::default();
        self.pending = ConfigChange::default();
        self.pending_at = 0;
        Ok(std::mem::replace(&mut self.authority, by))
    }

    /// Pauses families of instructions (a bit each) at `now` for some `seconds`. Returns when the
    /// pause ends by itself. All of them or none.
    ///
    /// A running pause cannot be prolonged, and one that has ended is followed by a day in which its
    /// family runs, so that nobody is kept from their stake for longer than a week at a time.
    pub fn pause(&mut self, families: u8, seconds: i64, now: i64) -> Result<i64> {
        require_families(families)?;
        ensure!((1..=MAX_PAUSE).contains(&seconds), ChoirError::PauseTooLong);
        let until = now
            .checked_add(seconds)
            .or_refuse(ChoirError::ArithmeticOverflow)?;
        for (end, family) in self.paused_until.iter_mut().zip(FAMILIES) {
            if families & family == 0 {
                continue;
            }
            if *end != 0 {
                ensure!(now >= *end, ChoirError::PauseInForce);
                ensure!(
                    now.saturating_sub(*end) >= PAUSE_COOL_OFF,
                    ChoirError::PauseCoolOff
                );
            }
            *end = until;
        }
        Ok(until)
    }

    /// Ends the pause of families of instructions (a bit each) at `now`; the day in which they
    /// cannot be paused again begins. All of them or none.
    pub fn unpause(&mut self, families: u8, now: i64) -> Result<()> {
        require_families(families)?;
        for (end, family) in self.paused_until.iter_mut().zip(FAMILIES) {
            if families & family != 0 {
                ensure!(now < *end, ChoirError::NotPaused);
                *end = now;
            }
        }
        Ok(())
    }

    /// What must hold of the settings after every instruction that writes them.
    pub fn invariant(&self) -> Result<()> {
        let zero = Pubkey::default();
        ConfigChange {
            params: self.params,
            guardian: self.guardian,
            parameter_timelock: self.parameter_timelock,
        }
        .validate()?;
        if self.pending_at == 0 {
            let nothing = self.pending == ConfigChange::default();
            ensure!(nothing, ChoirError::ConfigInvariant);
        } else {
            self.pending.validate()?;
        }
        ensure!(
            self.version == ACCOUNT_VERSION
                && self.authority != zero
                && self.pending_authority != self.authority
                && self.stake_mint != zero
                && self.treasury != zero
                && self.treasury_vault != zero
                && self.pending_at >= 0
                && self.paused_until.iter().all(|until| *until >= 0),
            ChoirError::ConfigInvariant
        );
        Ok(())
    }
}

/// The bits of the families, each at the place of its end in `paused_until`.
const FAMILIES: [u8; PAUSE_FAMILIES] = [
    PAUSE_THREADS,
    PAUSE_MESSAGES,
    PAUSE_SPECS,
    PAUSE_DECISIONS,
    PAUSE_EXITS,
    PAUSE_SETTINGS,
    PAUSE_TREASURY,
];

/// Refuses a set of families that is empty or names one there is not.
fn require_families(families: u8) -> Result<()> {
    ensure!(
        families != 0 && families & !PAUSE_ALL == 0,
        ChoirError::PauseFamiliesInvalid
    );
    Ok(())
}
