"""What can be wrong with the settings, the pauses and the treasury."""

from __future__ import annotations

import struct

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.program.harness import DAY, PARAMS, PROGRAM_ID, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, pda
from tests.program.honest import Call, change
from tests.program.wrongs import given, wrong

_PARAMS: dict[str, tuple[str, tuple[int, ...]]] = {
    "MinStakeTooLow": ("min_stake", (0,)),
    "MinThreadBalanceTooLow": ("min_thread_balance", (999, 0)),
    "ApprovalWindowOutOfRange": ("approval_window", (3_599, -1, 365 * DAY + 1)),
    "DivestCooldownOutOfRange": ("divest_cooldown", (-1, 90 * DAY + 1)),
    "InactivityWindowOutOfRange": ("inactivity_window", (8 * DAY - 1, -1, 365 * DAY + 1)),
    "MessageRateTooLow": ("messages_per_hour", (0,)),
}
for _error, (_name, _values) in _PARAMS.items():
    for _value in _values:
        given(_error, "initialize", params={**PARAMS, _name: _value})
        given(_error, "propose_config", change=change(**{_name: _value}))
for _value in (DAY - 1, -1, 90 * DAY + 1, 2**63 - 1):
    given("TimelockOutOfRange", "initialize", parameter_timelock=_value)
    given("TimelockOutOfRange", "propose_config", change={**change(), "parameter_timelock": _value})
given("GuardianMissing", "initialize", guardian=Pubkey.default())
given("GuardianMissing", "propose_config", change={**change(), "guardian": Pubkey.default()})

_KEYS = [Keypair.from_seed(bytes([number] * 32)).pubkey() for number in range(1, 13)]
_SIGNERS: dict[str, list[tuple[list[Pubkey], int]]] = {
    "TreasurySignerCount": [([], 1), (_KEYS, 1)],
    "TreasuryThresholdInvalid": [(_KEYS[:3], 0), (_KEYS[:3], 4)],
    "TreasurySignerInvalid": [
        ([_KEYS[0], _KEYS[1], _KEYS[0]], 2),
        ([_KEYS[0], Pubkey.default()], 1),
    ],
}
for _error, _cases in _SIGNERS.items():
    for _keys, _threshold in _cases:
        given(_error, "initialize", treasury_signers=_keys, treasury_threshold=_threshold)
        given(
            _error,
            "propose_treasury",
            action={"SetSigners": {"signers": _keys, "threshold": _threshold}},
        )


@wrong("NotUpgradeAuthority", "initialize")
def somebody_else_initializes(call: Call) -> None:
    call.sign("authority", call.stage.zoe)


@wrong("NotUpgradeAuthority", "initialize")
def the_program_is_frozen(call: Call) -> None:
    data = bytearray(call.world.data(call.accounts["program_data"]))
    data[12] = 0
    owner = call.world.svm.get_account(call.accounts["program_data"])
    assert owner is not None
    call.world.put(call.accounts["program_data"], bytes(data), owner.owner)


@wrong("MintExtensionNotAllowed", "initialize")
def a_mint_with_fees(call: Call) -> None:
    extension = struct.pack("<HH", 1, 108) + bytes(108)
    call.accounts["stake_mint"] = call.world.create_mint(TOKEN_2022_PROGRAM, extension)
    call.accounts["token_program"] = TOKEN_2022_PROGRAM


@wrong("AlreadyInitialized", "initialize")
def a_second_time(call: Call) -> None:
    call.send()


@wrong("NotAuthority", "propose_config", "apply_config", "cancel_config", "transfer_authority")
def the_guardian_for_the_authority(call: Call) -> None:
    call.sign("authority", call.stage.guardian)


@wrong("ConfigChangePending", "propose_config")
def while_one_is_proposed(call: Call) -> None:
    call.send()


@wrong("NoConfigChange", "apply_config", "cancel_config")
def when_none_is_proposed(call: Call) -> None:
    call.stage.as_authority("cancel_config").send()


@wrong("TimelockNotOver", "apply_config")
def a_second_early(call: Call) -> None:
    call.world.pass_time(-1)


@wrong("ConfigChangeExpired", "apply_config")
def two_weeks_late(call: Call) -> None:
    call.world.pass_time(14 * DAY)


given("AuthorityInvalid", "transfer_authority", new_authority=Pubkey.default())


@wrong("NotPendingAuthority", "accept_authority")
def accepted_by_somebody_else(call: Call) -> None:
    call.sign("new_authority", call.stage.carol)


@wrong("NotPendingAuthority", "accept_authority")
def an_offer_taken_back(call: Call) -> None:
    back = call.stage.as_authority("transfer_authority", new_authority=call.stage.authority.key)
    back.send()


@wrong("NotGuardian", "pause", "unpause")
def somebody_pauses(call: Call) -> None:
    call.sign("guardian", call.stage.alice)


for _families in (0, 128, 255):
    given("PauseFamiliesInvalid", "pause", families=_families)
    given("PauseFamiliesInvalid", "unpause", families=_families)
for _value in (0, -1, 7 * DAY + 1, 2**63 - 1):
    given("PauseTooLong", "pause", seconds=_value)


@wrong("PauseInForce", "pause")
def a_pause_on_a_pause(call: Call) -> None:
    call.send()
    call.world.pass_time(3_599)


@wrong("PauseCoolOff", "pause")
def a_pause_a_day_less_a_second_later(call: Call) -> None:
    call.send()
    call.world.pass_time(3_600 + DAY - 1)


@wrong("PauseCoolOff", "pause")
def a_pause_right_after_its_end_was_declared(call: Call) -> None:
    call.send()
    accounts = {"guardian": call.stage.guardian.key}
    unpause = {"families": 0b10000}
    call.stage.call("unpause", accounts, unpause, call.stage.guardian).send()
    call.world.pass_time(DAY - 1)


@wrong("NotPaused", "unpause")
def a_pause_that_has_ended(call: Call) -> None:
    call.world.pass_time(3_600)


@wrong("NotPaused", "unpause")
def a_family_that_runs_among_paused_ones(call: Call) -> None:
    call.arguments["families"] = 0b10011


# ---- the treasury


@wrong("NotTreasurySigner", "propose_treasury", "approve_treasury", "execute_treasury")
def somebody_who_is_no_signer(call: Call) -> None:
    slot = "proposer" if call.name == "propose_treasury" else "signer"
    call.sign(slot, call.stage.authority)


given("AmountZero", "propose_treasury", action={"Spend": {"amount": 0, "destination": PROGRAM_ID}})
given("AmountZero", "propose_treasury", action={"Mint": {"amount": 0, "destination": PROGRAM_ID}})


@wrong("WrongDestination", "propose_treasury", "execute_treasury")
def to_an_account_that_is_not_the_one_named(call: Call) -> None:
    call.accounts["destination"] = call.stage.alice.token


@wrong("WrongDestination", "propose_treasury", "execute_treasury")
def to_no_account(call: Call) -> None:
    call.accounts["destination"] = PROGRAM_ID


@wrong("WrongDestination", "propose_treasury")
def to_the_treasury_itself(call: Call) -> None:
    vault = call.world.treasury_vault
    call.accounts["destination"] = vault
    call.arguments["action"] = {"Spend": {"amount": 5, "destination": vault}}


def _destination(call: Call, key: Pubkey) -> None:
    """Has a destination named; the proposal to execute names it too."""
    call.accounts["destination"] = key
    action = {"Spend": {"amount": 500, "destination": key}}
    if call.name == "propose_treasury":
        call.arguments["action"] = action
    else:
        call.change("TreasuryProposal", "proposal", action=action)


@wrong("WrongMint", "propose_treasury", "execute_treasury")
def to_an_account_of_another_mint(call: Call) -> None:
    world = call.world
    _destination(call, world.create_token(call.stage.zoe.key, world.create_mint()))


@wrong("DestinationNotTokenAccount", "propose_treasury", "execute_treasury")
def to_a_wallet(call: Call) -> None:
    _destination(call, call.stage.zoe.key)


@wrong("DestinationNotTokenAccount", "propose_treasury", "execute_treasury")
def to_an_account_closed_since(call: Call) -> None:
    key = call.world.create_token(call.stage.zoe.key)
    call.world.put(key, bytes(165), TOKEN_PROGRAM)
    _destination(call, key)


@wrong("DestinationFrozen", "propose_treasury", "execute_treasury")
def to_a_frozen_account(call: Call) -> None:
    key = call.world.create_token(call.stage.zoe.key)
    data = bytearray(call.world.data(key))
    data[108] = 2
    call.world.put(key, bytes(data), TOKEN_PROGRAM)
    _destination(call, key)


@wrong("NotMintAuthority", "propose_treasury")
def a_mint_that_is_somebody_elses(call: Call) -> None:
    action = {"Mint": {"amount": 5, "destination": call.stage.zoe.token}}
    call.arguments["action"] = action


@wrong("NotMintAuthority", "execute_treasury")
def a_mint_that_was_given_away_since(call: Call) -> None:
    action = {"Mint": {"amount": 5, "destination": call.stage.zoe.token}}
    call.change("TreasuryProposal", "proposal", action=action)


@wrong("ArithmeticOverflow", "propose_treasury", "execute_treasury")
def more_than_a_mint_can_count(call: Call) -> None:
    data = bytearray(call.world.data(call.world.mint))
    data[4:36] = bytes(pda(b"treasury"))
    call.world.put(call.world.mint, bytes(data), TOKEN_PROGRAM)
    action = {"Mint": {"amount": 2**64 - 1, "destination": call.stage.zoe.token}}
    if call.name == "propose_treasury":
        call.arguments["action"] = action
    else:
        call.change("TreasuryProposal", "proposal", action=action)


@wrong("WrongProposal", "propose_treasury")
def a_proposal_that_is_not_the_next(call: Call) -> None:
    call.accounts["proposal"] = call.stage.proposal(1)


@wrong("AlreadyApproved", "approve_treasury")
def approved_twice(call: Call) -> None:
    call.send()


@wrong("ProposalExecuted", "approve_treasury", "execute_treasury", "cancel_treasury")
def a_proposal_executed_before(call: Call) -> None:
    call.change("TreasuryProposal", "proposal", executed_at=call.world.now)


@wrong("ProposalExecuted", "execute_treasury")
def executed_twice(call: Call) -> None:
    call.send()


@wrong("ProposalExpired", "approve_treasury", "execute_treasury")
def two_weeks_after_it_was_proposed(call: Call) -> None:
    call.world.pass_time(14 * DAY)


@wrong("ThresholdNotReached", "execute_treasury")
def with_one_approval_too_few(call: Call) -> None:
    call.change("TreasuryProposal", "proposal", approvals=0b010)


@wrong("ThresholdNotReached", "execute_treasury")
def approved_by_former_signers(call: Call) -> None:
    treasury = call.world.read("Treasury", pda(b"treasury"))
    epoch = treasury["signer_epoch"] + 1
    call.world.rewrite("Treasury", pda(b"treasury"), {**treasury, "signer_epoch": epoch})


@wrong("InsufficientFunds", "execute_treasury")
def more_than_there_is(call: Call) -> None:
    action = {"Spend": {"amount": 1_001, "destination": call.stage.zoe.token}}
    call.change("TreasuryProposal", "proposal", action=action)


@wrong("NotProposer", "cancel_treasury")
def cancelled_by_another_signer(call: Call) -> None:
    call.sign("proposer", call.stage.signers[1])


@wrong("ProposalOpen", "cleanup_treasury")
def a_second_before_it_expires(call: Call) -> None:
    call.world.pass_time(-1)
