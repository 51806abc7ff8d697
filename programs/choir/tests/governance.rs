//! Transitions of the settings, the pauses and the treasury, away from the chain.

// An overflow in a test is a failed test.
#![allow(clippy::arithmetic_side_effects)]

use anchor_lang::prelude::Pubkey;
use choir::{
    constants::*,
    errors::ChoirError,
    state::{Config, ConfigChange, Params, Treasury, TreasuryAction, TreasuryProposal},
};
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOW: i64 = 1_800_000_000;
const WEEK: i64 = 7 * DAY;

fn key(number: u8) -> Pubkey {
    Pubkey::new_from_array([number; 32])
}

fn params() -> Params {
    Params {
        min_stake: 1_000,
        min_thread_balance: 10_000,
        approval_window: WEEK,
        divest_cooldown: DAY,
        inactivity_window: 30 * DAY,
        messages_per_hour: 3,
    }
}

fn change() -> ConfigChange {
    ConfigChange {
        params: Params {
            min_stake: 2_000,
            ..params()
        },
        guardian: key(8),
        parameter_timelock: 2 * DAY,
    }
}

fn config() -> Config {
    Config {
        version: ACCOUNT_VERSION,
        bump: 255,
        mint_decimals: 6,
        stake_mint: key(1),
        token_program: key(2),
        treasury_vault: key(3),
        params: params(),
        paused_until: [0; PAUSE_FAMILIES],
        authority: key(4),
        pending_authority: Pubkey::default(),
        guardian: key(5),
        treasury: key(6),
        parameter_timelock: DAY,
        pending: ConfigChange::default(),
        pending_at: 0,
        reserved: [0; 64],
    }
}

fn treasury(signers: u8, threshold: u8) -> Treasury {
    Treasury {
        version: ACCOUNT_VERSION,
        bump: 255,
        vault_bump: 255,
        threshold,
        signer_epoch: 0,
        proposal_count: 1,
        vault: key(3),
        reserved: [0; 64],
        signers: (1..=signers).map(key).collect(),
    }
}

fn spend() -> TreasuryAction {
    TreasuryAction::Spend {
        amount: 1,
        destination: key(99),
    }
}

fn proposal(action: TreasuryAction) -> TreasuryProposal {
    TreasuryProposal::new(255, 0, key(1), action, 0, NOW).unwrap()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: anchor_lang::Result<T>, error: ChoirError) {
    let text = format!("{:?}", result.unwrap_err());
    assert!(
        text.contains(&format!("error_name: \"{error:?}\"")),
        "{text}"
    );
}

#[test]
fn settings_out_of_order_are_refused() {
    config().invariant().unwrap();
    let broken: [fn(&mut Config); 10] = [
        |c| c.version = 0,
        |c| c.authority = Pubkey::default(),
        |c| c.pending_authority = c.authority,
        |c| c.stake_mint = Pubkey::default(),
        |c| c.treasury = Pubkey::default(),
        |c| c.treasury_vault = Pubkey::default(),
        |c| c.pending = change(),
        |c| (c.pending, c.pending_at) = (change(), -1),
        |c| c.paused_until[0] = -1,
        |c| c.paused_until[PAUSE_FAMILIES - 1] = -1,
    ];
    for change in broken {
        let mut config = config();
        change(&mut config);
        refused(config.invariant(), ChoirError::ConfigInvariant);
    }
    let mut config = config();
    config.pending_at = NOW;
    refused(config.invariant(), ChoirError::MinStakeTooLow);
}

#[test]
fn every_limit_of_the_settings_is_where_it_is_said_to_be() {
    use ChoirError::*;
    type Set = fn(&mut ConfigChange, i64);
    let limits: [(Set, i64, i64, ChoirError); 7] = [
        (
            |c, v| c.params.min_stake = v as u64,
            1,
            i64::MAX,
            MinStakeTooLow,
        ),
        (
            |c, v| c.params.min_thread_balance = v as u64,
            1_000,
            i64::MAX,
            MinThreadBalanceTooLow,
        ),
        (
            |c, v| c.params.approval_window = v,
            3_600,
            365 * DAY,
            ApprovalWindowOutOfRange,
        ),
        (
            |c, v| c.params.divest_cooldown = v,
            0,
            90 * DAY,
            DivestCooldownOutOfRange,
        ),
        (
            |c, v| c.params.inactivity_window = v,
            8 * DAY,
            365 * DAY,
            InactivityWindowOutOfRange,
        ),
        (
            |c, v| c.params.messages_per_hour = v as u16,
            1,
            65_535,
            MessageRateTooLow,
        ),
        (
            |c, v| c.parameter_timelock = v,
            DAY,
            90 * DAY,
            TimelockOutOfRange,
        ),
    ];
    for (set, least, most, error) in limits {
        for value in [least, most] {
            let mut change = change();
            set(&mut change, value);
            change.validate().unwrap();
        }
        let mut low = change();
        set(&mut low, least - 1);
        refused(low.validate(), error);
        if most < i64::MAX && most != 65_535 {
            let mut high = change();
            set(&mut high, most + 1);
            refused(high.validate(), error);
        }
    }
    let mut nobody = change();
    nobody.guardian = Pubkey::default();
    refused(nobody.validate(), GuardianMissing);
}

#[test]
fn a_change_waits_for_the_timelock_it_was_proposed_under() {
    let mut config = config();
    assert_eq!(config.propose(change(), NOW).unwrap(), NOW + DAY);
    refused(
        config.propose(change(), NOW),
        ChoirError::ConfigChangePending,
    );
    config.invariant().unwrap();
    refused(config.apply(NOW + DAY - 1), ChoirError::TimelockNotOver);
    assert_eq!(config.params, params());
    assert_eq!(config.apply(NOW + DAY).unwrap(), change());
    assert_eq!(
        (config.params, config.guardian, config.parameter_timelock),
        (change().params, change().guardian, 2 * DAY)
    );
    config.invariant().unwrap();
    refused(config.apply(NOW + DAY), ChoirError::NoConfigChange);
    assert_eq!(config.propose(change(), NOW).unwrap(), NOW + 2 * DAY);
}

#[test]
fn a_change_left_lying_cannot_be_applied_any_more() {
    let end = NOW + DAY + CONFIG_CHANGE_LIFE;
    let mut config = config();
    config.propose(change(), NOW).unwrap();
    config.clone().apply(end - 1).unwrap();
    refused(config.apply(end), ChoirError::ConfigChangeExpired);
    assert_eq!(config.cancel().unwrap(), change());
    refused(config.cancel(), ChoirError::NoConfigChange);
    config.invariant().unwrap();
    config.propose(change(), end).unwrap();
}

#[test]
fn a_bad_change_is_not_even_proposed() {
    let mut config = config();
    let mut bad = change();
    bad.parameter_timelock = 0;
    refused(config.propose(bad, NOW), ChoirError::TimelockOutOfRange);
    refused(
        config.propose(change(), i64::MAX),
        ChoirError::ArithmeticOverflow,
    );
    assert_eq!(config.pending_at, 0);
    config.invariant().unwrap();
}

#[test]
fn the_authority_moves_in_two_steps_and_drops_what_was_proposed() {
    let mut config = config();
    refused(
        config.accept_authority(Pubkey::default()),
        ChoirError::NotPendingAuthority,
    );
    refused(
        config.offer_authority(Pubkey::default()),
        ChoirError::AuthorityInvalid,
    );
    config.propose(change(), NOW).unwrap();
    config.offer_authority(key(20)).unwrap();
    config.offer_authority(key(21)).unwrap();
    refused(
        config.accept_authority(key(20)),
        ChoirError::NotPendingAuthority,
    );
    config.invariant().unwrap();
    assert_eq!(config.accept_authority(key(21)).unwrap(), key(4));
    assert_eq!((config.authority, config.pending_at), (key(21), 0));
    config.invariant().unwrap();
    refused(
        config.accept_authority(key(21)),
        ChoirError::NotPendingAuthority,
    );

    config.offer_authority(key(4)).unwrap();
    config.offer_authority(key(21)).unwrap();
    refused(
        config.accept_authority(key(4)),
        ChoirError::NotPendingAuthority,
    );
    config.invariant().unwrap();
}

#[test]
fn a_pause_names_families_there_are_and_ends_in_time() {
    let mut config = config();
    for families in [0, 1 << 7, u8::MAX] {
        refused(
            config.pause(families, 1, NOW),
            ChoirError::PauseFamiliesInvalid,
        );
        refused(
            config.unpause(families, NOW),
            ChoirError::PauseFamiliesInvalid,
        );
    }
    for seconds in [i64::MIN, -1, 0, WEEK + 1, i64::MAX] {
        refused(
            config.pause(PAUSE_ALL, seconds, NOW),
            ChoirError::PauseTooLong,
        );
    }
    assert_eq!(config.pause(PAUSE_ALL, WEEK, NOW).unwrap(), NOW + WEEK);
    for place in 0..PAUSE_FAMILIES {
        refused(
            config.require_running(1 << place, NOW + WEEK - 1),
            ChoirError::Paused,
        );
        config.require_running(1 << place, NOW + WEEK).unwrap();
    }
}

#[test]
fn one_refused_family_refuses_them_all() {
    let mut config = config();
    config.pause(PAUSE_TREASURY, 60, NOW).unwrap();
    let refused_change = config.clone().pause(PAUSE_ALL, 60, NOW);
    refused(refused_change, ChoirError::PauseInForce);
    let refused_change = config.clone().unpause(PAUSE_ALL, NOW);
    refused(refused_change, ChoirError::NotPaused);
    config
        .require_running(PAUSE_ALL & !PAUSE_TREASURY, NOW)
        .unwrap();
}

#[test]
fn a_treasury_out_of_order_is_refused() {
    use ChoirError::*;
    treasury(1, 1).invariant().unwrap();
    treasury(11, 11).invariant().unwrap();
    type Break = fn(&mut Treasury);
    let broken: [(Break, ChoirError); 8] = [
        (|t| t.version = 0, TreasuryInvariant),
        (|t| t.vault = Pubkey::default(), TreasuryInvariant),
        (|t| t.threshold = 0, TreasuryThresholdInvalid),
        (|t| t.threshold = 4, TreasuryThresholdInvalid),
        (|t| t.signers.clear(), TreasurySignerCount),
        (
            |t| t.signers = (1..=12).map(key).collect(),
            TreasurySignerCount,
        ),
        (|t| t.signers[2] = key(1), TreasurySignerInvalid),
        (|t| t.signers[1] = Pubkey::default(), TreasurySignerInvalid),
    ];
    for (change, error) in broken {
        let mut treasury = treasury(3, 2);
        change(&mut treasury);
        refused(treasury.invariant(), error);
    }
}

#[test]
fn a_proposal_out_of_order_is_refused() {
    let treasury = treasury(3, 2);
    proposal(spend()).invariant(&treasury).unwrap();
    let broken: [fn(&mut TreasuryProposal); 8] = [
        |p| p.version = 0,
        |p| p.index = 1,
        |p| p.signer_epoch = 1,
        |p| p.approvals = 0b1000,
        |p| p.expires_at = NOW,
        |p| p.executed_at = NOW - 1,
        |p| p.executed_at = p.expires_at,
        |p| p.executed_at = -1,
    ];
    for change in broken {
        let mut proposal = proposal(spend());
        change(&mut proposal);
        refused(proposal.invariant(&treasury), ChoirError::ProposalInvariant);
    }
}

#[test]
fn actions_that_could_never_be_executed_are_refused() {
    let destination = key(9);
    let nothing = [
        TreasuryAction::Spend {
            amount: 0,
            destination,
        },
        TreasuryAction::Mint {
            amount: 0,
            destination,
        },
    ];
    for action in nothing {
        refused(action.validate(), ChoirError::AmountZero);
    }
    let signers = vec![key(1), key(1)];
    refused(
        TreasuryAction::SetSigners {
            signers,
            threshold: 1,
        }
        .validate(),
        ChoirError::TreasurySignerInvalid,
    );
}

#[test]
fn a_proposal_is_executed_once_and_in_its_time() {
    let treasury = treasury(1, 1);
    let mut open = proposal(spend());
    refused(
        open.execute(&treasury, NOW),
        ChoirError::ThresholdNotReached,
    );
    open.approve(0, 0).unwrap();
    refused(
        open.execute(&treasury, NOW + PROPOSAL_LIFE),
        ChoirError::ProposalExpired,
    );
    refused(open.require_over(NOW), ChoirError::ProposalOpen);
    open.require_over(NOW + PROPOSAL_LIFE).unwrap();
    open.execute(&treasury, NOW + PROPOSAL_LIFE - 1).unwrap();
    open.invariant(&treasury).unwrap();
    open.require_over(NOW).unwrap();
    refused(open.execute(&treasury, NOW), ChoirError::ProposalExecuted);
    refused(open.require_not_executed(), ChoirError::ProposalExecuted);
}

#[test]
fn an_account_is_as_large_as_its_action_needs() {
    let bytes = |action| proposal(action).bytes().unwrap();
    assert_eq!(bytes(spend()), 8 + 104 + 1 + 8 + 32);
    let signers = (1..=11).map(key).collect();
    assert_eq!(
        bytes(TreasuryAction::SetSigners {
            signers,
            threshold: 11
        }),
        8 + 104 + 1 + 4 + 11 * 32 + 1
    );
}

proptest! {
    /// Whoever pauses and unpauses what and when: no stretch in which a family stands still is longer
    /// than a week, and at least a day lies between two of them.
    #[test]
    fn nothing_stands_still_for_over_a_week_or_again_within_a_day(
        steps in prop::collection::vec(
            (any::<bool>(), any::<u8>(), prop_oneof![1..=WEEK + 10, Just(WEEK), Just(1)],
             prop_oneof![Just(0), Just(1), Just(DAY - 1), Just(DAY), Just(WEEK), 0..2 * WEEK]),
            1..60,
        ),
    ) {
        let mut config = config();
        let mut now = NOW;
        // (began, ended) of the last stretch of each family
        let mut stretches = [None::<(i64, i64)>; PAUSE_FAMILIES];
        for (stop, families, seconds, wait) in steps {
            now += wait;
            let before = config.clone();
            let done = if stop {
                config.unpause(families, now)
            } else {
                config.pause(families, seconds, now).map(|_| ())
            };
            if done.is_err() {
                // the runtime drops what a refused instruction has changed
                config = before;
                continue;
            }
            config.invariant().unwrap();
            for (place, stretch) in stretches.iter_mut().enumerate() {
                if families >> place & 1 == 0 {
                    prop_assert_eq!(config.paused_until[place], before.paused_until[place]);
                    continue;
                }
                let until = config.paused_until[place];
                if stop {
                    let (began, end) = stretch.unwrap();
                    prop_assert!(began <= now && now < end);
                    *stretch = Some((began, now));
                    config.require_running(1 << place, now).unwrap();
                } else {
                    if let Some((_, ended)) = *stretch {
                        prop_assert!(now >= ended + DAY);
                    }
                    *stretch = Some((now, until));
                }
                let (began, ended) = stretch.unwrap();
                prop_assert!(ended - began <= WEEK);
                prop_assert_eq!(ended, until);
            }
        }
    }

    /// Approvals count for distinct present signers alone, whatever the order of approvals and changes
    /// of the signers.
    #[test]
    fn too_few_distinct_present_signers_never_execute(
        steps in prop::collection::vec((0u8..13, 0u8..8, 1u8..=11, 1u8..=11), 1..60),
    ) {
        let mut treasury = treasury(5, 3);
        let mut proposal = proposal(spend());
        let mut approved = BTreeSet::new();
        for (who, what, count, threshold) in steps {
            match what {
                0 => {
                    let signers: Vec<_> = (who..who + count).map(|n| key(n + 1)).collect();
                    let valid = threshold <= count;
                    prop_assert_eq!(treasury.set_signers(signers, threshold).is_ok(), valid);
                    if valid {
                        approved.clear();
                    }
                }
                1 => {
                    let before = proposal.clone();
                    let enough = approved.len() >= usize::from(treasury.threshold);
                    let done = proposal.execute(&treasury, NOW);
                    prop_assert_eq!(done.is_ok(), enough);
                    if enough {
                        prop_assert!(approved.iter().all(|signer| treasury.signers.contains(signer)));
                        proposal.invariant(&treasury).unwrap();
                        refused(proposal.clone().execute(&treasury, NOW), ChoirError::ProposalExecuted);
                    }
                    proposal = before;
                }
                _ => match treasury.require_signer(&key(who)) {
                    Err(_) => prop_assert!(!treasury.signers.contains(&key(who))),
                    Ok(place) => {
                        let new = approved.insert(key(who));
                        prop_assert_eq!(proposal.approve(place, treasury.signer_epoch).is_ok(), new);
                    }
                },
            }
            proposal.invariant(&treasury).unwrap();
            treasury.invariant().unwrap();
        }
    }
}
