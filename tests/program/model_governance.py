"""The instructions on the settings, in plain Python: setting up, changes, authority, pauses."""

from __future__ import annotations

from dataclasses import replace

from tests.program.model_rules import (
    COOL_OFF,
    FAMILIES,
    LONGEST_PAUSE,
    TIME_TO_APPLY,
    check_change,
    check_signers,
)
from tests.program.model_state import (
    CONFIG,
    NO_CHANGE,
    NOBODY,
    TREASURY,
    TREASURY_VAULT,
    Config,
    ConfigChange,
    Draft,
    Key,
    Name,
    Outcome,
    Params,
    State,
    Treasury,
    require,
)


def initialize(
    state: State,
    authority: Key,
    params: Params,
    guardian: Key,
    treasury_signers: tuple[Key, ...],
    treasury_threshold: int,
    parameter_timelock: int,
) -> Outcome:
    """Sets the program up."""
    draft = Draft(state)
    require(authority == state.upgrade_authority, "NotUpgradeAuthority")
    check_change(ConfigChange(params, guardian, parameter_timelock))
    check_signers(treasury_signers, treasury_threshold)
    payer: Name = ("wallet", authority)
    draft.create(payer, CONFIG, "Config", state.config is not None, "AlreadyInitialized")
    draft.create(payer, TREASURY, "Treasury", state.treasury is not None, "AlreadyInitialized")
    draft.create_token(payer, TREASURY_VAULT, "AlreadyInitialized")
    draft.config = Config(authority, guardian, params, parameter_timelock)
    draft.treasury = Treasury(treasury_threshold, treasury_signers)
    draft.emit(
        "Initialized",
        authority=authority,
        guardian=guardian,
        stake_mint=("mint",),
        token_program=("token_program",),
        treasury_vault=TREASURY_VAULT,
        params=params,
        parameter_timelock=parameter_timelock,
    )
    return draft.done()


def _by_authority(draft: Draft, signer: Key) -> Config:
    config = draft.settings()
    require(signer == config.authority, "NotAuthority")
    return config


def propose_config(state: State, authority: Key, change: ConfigChange) -> Outcome:
    """Announces a change of the settings; it can be applied after the timelock in force."""
    draft = Draft(state)
    config = _by_authority(draft, authority)
    check_change(change)
    require(config.pending_at == 0, "ConfigChangePending")
    applies_at = state.now + config.parameter_timelock
    draft.config = replace(config, pending=change, pending_at=applies_at)
    draft.emit("ConfigProposed", change=change, applies_at=applies_at)
    return draft.done()


def apply_config(state: State, authority: Key) -> Outcome:
    """Puts the announced change into force."""
    draft = Draft(state)
    config = _by_authority(draft, authority)
    require(config.pending_at != 0, "NoConfigChange")
    require(state.now >= config.pending_at, "TimelockNotOver")
    require(state.now < config.pending_at + TIME_TO_APPLY, "ConfigChangeExpired")
    change = config.pending
    draft.config = replace(
        config,
        params=change.params,
        guardian=change.guardian,
        parameter_timelock=change.parameter_timelock,
        pending=NO_CHANGE,
        pending_at=0,
    )
    draft.emit("ConfigApplied", change=change)
    return draft.done()


def cancel_config(state: State, authority: Key) -> Outcome:
    """Drops the announced change."""
    draft = Draft(state)
    config = _by_authority(draft, authority)
    require(config.pending_at != 0, "NoConfigChange")
    draft.config = replace(config, pending=NO_CHANGE, pending_at=0)
    draft.emit("ConfigCancelled", change=config.pending)
    return draft.done()


def transfer_authority(state: State, authority: Key, new_authority: Key) -> Outcome:
    """Offers the authority to somebody; naming the present one withdraws the offer."""
    draft = Draft(state)
    config = _by_authority(draft, authority)
    require(new_authority != NOBODY, "AuthorityInvalid")
    pending = NOBODY if new_authority == authority else new_authority
    draft.config = replace(config, pending_authority=pending)
    draft.emit("AuthorityOffered", authority=authority, pending=pending)
    return draft.done()


def accept_authority(state: State, authority: Key) -> Outcome:
    """Takes the authority over; what the one before had announced is dropped."""
    draft = Draft(state)
    config = draft.settings()
    offered = config.pending_authority
    require(offered != NOBODY and authority == offered, "NotPendingAuthority")
    draft.config = replace(
        config,
        authority=authority,
        pending_authority=NOBODY,
        pending=NO_CHANGE,
        pending_at=0,
    )
    draft.emit("AuthorityAccepted", authority=authority, previous=config.authority)
    return draft.done()


def _families(bits: int) -> list[int]:
    require(0 < bits < 1 << len(FAMILIES), "PauseFamiliesInvalid")
    return [family for family in FAMILIES if bits >> family & 1]


def pause(state: State, signer: Key, families: int, seconds: int) -> Outcome:
    """Stops families of instructions for at most a week, and not again soon after."""
    draft, now = Draft(state), state.now
    config = draft.settings()
    require(signer in (config.guardian, config.authority), "NotGuardian")
    named = _families(families)
    require(1 <= seconds <= LONGEST_PAUSE, "PauseTooLong")
    until = list(config.paused_until)
    for family in named:
        require(now >= until[family], "PauseInForce")
        require(until[family] == 0 or now >= until[family] + COOL_OFF, "PauseCoolOff")
        until[family] = now + seconds
    draft.config = replace(config, paused_until=tuple(until))
    draft.emit("Paused", by=signer, families=families, until=now + seconds)
    return draft.done()


def unpause(state: State, signer: Key, families: int) -> Outcome:
    """Ends pauses early."""
    draft, now = Draft(state), state.now
    config = draft.settings()
    require(signer in (config.guardian, config.authority), "NotGuardian")
    until = list(config.paused_until)
    for family in _families(families):
        require(now < until[family], "NotPaused")
        until[family] = now
    draft.config = replace(config, paused_until=tuple(until))
    draft.emit("Unpaused", by=signer, families=families)
    return draft.done()
