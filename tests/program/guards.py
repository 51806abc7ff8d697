"""What guards against mistakes of the program itself, provoked by accounts nobody can write.

Bytes are written straight into an account, or the token program is exchanged for one that does
nothing and says that it did.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from solders.pubkey import Pubkey
from tests.program.harness import DAY, PROGRAM_ID, TOKEN_PROGRAM
from tests.program.honest import Call
from tests.program.wrongs import Wrong

GUARDS: dict[tuple[str, str], list[Wrong]] = defaultdict(list)
"""Instruction and error to what provokes it."""

IDLE = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
"""A program that does nothing when it is called, successfully."""

MOST = 2**64 - 1


def guard(error: str, *instructions: str) -> Callable[[Wrong], Wrong]:
    """Notes that this provokes an error of these instructions."""

    def note(provoke: Wrong) -> Wrong:
        for name in instructions:
            GUARDS[name, error].append(provoke)
        return provoke

    return note


# ---- invariants


@guard(
    "ThreadInvariant",
    "deposit",
    "post_message",
    "submit_spec",
    "process_approval",
    "withdraw_spec",
    "expire_spec",
    "claim",
    "divest",
    "leave_thread",
    "retire_author",
    "wind_down_thread",
    "close_thread",
    "set_privacy",
)
def a_thread_of_another_version(call: Call) -> None:
    call.change("Thread", "thread", version=9)


@guard("ThreadInvariant", "deposit", "set_privacy", "claim")
def a_share_worth_less_than_a_unit(call: Call) -> None:
    call.change("Thread", "thread", balance=50_000)


@guard("ThreadInvariant", "deposit", "set_privacy")
def a_co_author_twice(call: Call) -> None:
    authors = call.stage.state()["co_authors"]
    call.change("Thread", "thread", co_authors=[*authors, authors[0]])


@guard("ThreadInvariant", "set_privacy")
def more_specs_waiting_than_submitted(call: Call) -> None:
    call.change("Thread", "thread", pending_specs=9)


@guard("ThreadInvariant", "withdraw_spec", "expire_spec")
def a_spec_that_was_not_counted(call: Call) -> None:
    call.change("Thread", "thread", pending_specs=0)


@guard("ThreadInvariant", "claim")
def a_thread_wound_down_with_two_co_authors(call: Call) -> None:
    call.change("Thread", "thread", status="Closing")


@guard(
    "PositionInvariant",
    "deposit",
    "post_message",
    "claim",
    "divest",
    "leave_thread",
    "retire_author",
    "set_privacy",
    "cleanup_position",
)
def a_position_of_another_version(call: Call) -> None:
    call.change("Position", "position", version=9)


@guard("PositionInvariant", "deposit", "post_message", "claim", "divest", "set_privacy")
def rewards_from_the_future(call: Call) -> None:
    call.change("Position", "position", reward_checkpoint=10**6)


@guard("PositionInvariant", "process_approval")
def an_approver_with_rewards_from_the_future(call: Call) -> None:
    call.change("Position", "approver_position", reward_checkpoint=10**6)


@guard("PositionInvariant", "set_privacy")
def more_shares_than_there_are(call: Call) -> None:
    call.change("Position", "position", shares=10**6)


@guard("SpecInvariant", "process_approval", "withdraw_spec", "expire_spec", "cleanup_spec")
def a_spec_of_another_version(call: Call) -> None:
    call.change("Spec", "spec", version=9)


@guard("SpecInvariant", "process_approval")
def a_decision_of_nobody(call: Call) -> None:
    call.stage.join(call.stage.zoe)  # nobody's decision is the last now
    call.arguments["author_epoch"] += 1
    fields = {"approvals": 0b1000, "author_epoch": call.arguments["author_epoch"]}
    call.change("Spec", "spec", **fields)
    call.accounts["message"] = call.stage.message()


@guard(
    "ConfigInvariant",
    "propose_config",
    "apply_config",
    "cancel_config",
    "transfer_authority",
    "accept_authority",
    "pause",
    "unpause",
)
def settings_of_another_version(call: Call) -> None:
    call.change("Config", "config", version=9)


@guard("TreasuryInvariant", "propose_treasury", "execute_treasury")
def a_treasury_of_another_version(call: Call) -> None:
    call.change("Treasury", "treasury", version=9)


@guard("ProposalInvariant", "approve_treasury", "execute_treasury")
def a_proposal_of_another_version(call: Call) -> None:
    call.change("TreasuryProposal", "proposal", version=9)


@guard("ProposalInvariant", "approve_treasury")
def a_proposal_that_was_not_counted(call: Call) -> None:
    call.change("Treasury", "treasury", proposal_count=0)


# ---- money that is not there


@guard("VaultInsolvent", "deposit", "claim", "divest", "close_thread")
def a_vault_short_by_a_unit(call: Call) -> None:
    _take(call, call.accounts["vault"], 1)


@guard("VaultInsolvent", "claim")
def less_owed_than_is_claimed(call: Call) -> None:
    call.change("Thread", "thread", total_claimable=5_999)


def _take(call: Call, token: Pubkey, units: int) -> None:
    data = bytearray(call.world.data(token))
    data[64:72] = (call.world.amount(token) - units).to_bytes(8, "little")
    call.world.put(token, bytes(data), TOKEN_PROGRAM)


def _idle(call: Call) -> None:
    call.change("Config", "config", token_program=IDLE)
    call.accounts["token_program"] = IDLE


@guard("VaultInsolvent", "create_thread", "deposit")
def a_token_program_that_moves_nothing_in(call: Call) -> None:
    _idle(call)


@guard("EscrowInvariant", "submit_spec", "process_approval", "withdraw_spec", "expire_spec")
def a_token_program_that_moves_no_stake(call: Call) -> None:
    _idle(call)


@guard("TreasuryInvariant", "execute_treasury")
def a_token_program_that_pays_nothing(call: Call) -> None:
    destination = bytearray(call.world.data(call.accounts["destination"]))
    _idle(call)
    call.world.put(call.accounts["destination"], bytes(destination), IDLE)


# ---- sums that outgrow 64 bits


@guard("ArithmeticOverflow", "deposit")
def a_balance_that_outgrows(call: Call) -> None:
    call.change("Thread", "thread", balance=MOST - 10, total_shares=MOST - 10)
    call.world.donate(call.accounts["owner_token"], 0)


@guard("ArithmeticOverflow", "process_approval")
def rewards_that_outgrow(call: Call) -> None:
    call.change("Thread", "thread", reward_per_author=MOST - 10)
    for owner in (call.stage.alice, call.stage.bob):
        key = call.stage.position(owner)
        fields = call.world.read("Position", key)
        call.world.rewrite("Position", key, {**fields, "reward_checkpoint": MOST - 10})


@guard("ArithmeticOverflow", "post_message")
def messages_that_outgrow(call: Call) -> None:
    call.change("Thread", "thread", message_count=MOST)
    call.accounts["message"] = call.stage.message()


@guard("ArithmeticOverflow", "submit_spec")
def submissions_that_outgrow(call: Call) -> None:
    call.change("Thread", "thread", spec_count=MOST)


@guard("ArithmeticOverflow", "leave_thread", "retire_author")
def changes_of_the_co_authors_that_outgrow(call: Call) -> None:
    call.change("Thread", "thread", author_epoch=2**32 - 1)


@guard("ArithmeticOverflow", "claim")
def ones_rewards_that_outgrow(call: Call) -> None:
    call.change("Position", "position", claimable=MOST)


@guard("ArithmeticOverflow", "propose_treasury")
def proposals_that_outgrow(call: Call) -> None:
    call.change("Treasury", "treasury", proposal_count=MOST)
    call.accounts["proposal"] = call.stage.proposal(MOST)


@guard("ArithmeticOverflow", "execute_treasury")
def sets_of_signers_that_outgrow(call: Call) -> None:
    epoch = 2**32 - 1
    call.change("Treasury", "treasury", signer_epoch=epoch)
    signers = [signer.key for signer in call.stage.signers]
    action = {"SetSigners": {"signers": signers, "threshold": 1}}
    call.change("TreasuryProposal", "proposal", signer_epoch=epoch, action=action)


# ---- accounts where there can be none


@guard("AccountAlreadyExists", "create_thread")
def a_vault_without_its_thread(call: Call) -> None:
    call.world.put(call.accounts["vault"], bytes(165), TOKEN_PROGRAM)


@guard("AccountAlreadyExists", "create_thread")
def a_position_without_its_thread(call: Call) -> None:
    call.world.put(call.accounts["position"], bytes(165), PROGRAM_ID)


@guard("AccountAlreadyExists", "submit_spec")
def an_escrow_without_its_spec(call: Call) -> None:
    call.world.put(call.accounts["escrow"], bytes(165), TOKEN_PROGRAM)


@guard("AccountAlreadyExists", "post_message", "process_approval")
def a_message_before_its_time(call: Call) -> None:
    call.world.put(call.accounts["message"], bytes(165), PROGRAM_ID)


@guard("AccountAlreadyExists", "process_approval")
def a_strangers_account_for_the_newcomers_position(call: Call) -> None:
    call.world.put(call.accounts["author_position"], bytes(165), TOKEN_PROGRAM)


@guard("AccountAlreadyExists", "propose_treasury")
def a_proposal_before_its_time(call: Call) -> None:
    call.world.put(call.accounts["proposal"], bytes(165), PROGRAM_ID)


# ---- limits that hold by others


@guard("DepositBuysNoShare", "create_thread")
def settings_without_a_minimum(call: Call) -> None:
    config = call.world.read("Config", call.world.config)
    params = {**config["params"], "min_thread_balance": 0}
    call.change("Config", "config", params=params)
    call.arguments["deposit"] = 0


@guard("TimelockOutOfRange", "transfer_authority")
def a_timelock_that_was_not_allowed(call: Call) -> None:
    call.change("Config", "config", parameter_timelock=DAY - 1)
