"""What can be wrong with each instruction, and the error that says so.

Each entry changes one thing about an honest call (or about the world it is made in). An instruction
and an error may have several. The page of the program lists the same pairs, held by a test.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from solders.pubkey import Pubkey
from tests.program.borsh import IDL
from tests.program.harness import (
    TOKEN_2022_PROGRAM,
    pda,
    sha256,
)
from tests.program.honest import Call

Wrong = Callable[[Call], None]
_WRONGS: dict[tuple[str, str], list[Wrong]] = defaultdict(list)

_SLOTS = {
    entry["name"]: [account["name"] for account in entry["accounts"]]
    for entry in IDL["instructions"]
}
FAMILIES = {
    1: ("create_thread", "deposit"),
    2: ("post_message",),
    4: ("submit_spec",),
    8: ("process_approval",),
    16: (
        "claim",
        "divest",
        "expire_spec",
        "withdraw_spec",
        "leave_thread",
        "wind_down_thread",
        "close_thread",
    ),
    32: ("set_privacy", "retire_author"),
    64: ("propose_treasury", "approve_treasury", "execute_treasury"),
}
"""Bit of each family to its instructions."""


def wrongs() -> dict[tuple[str, str], list[Wrong]]:
    """Instruction and error to what provokes it, of all areas."""
    for area in ("threads", "governance"):
        import_module(f"tests.program.wrongs_{area}")
    return _WRONGS


def wrong(error: str, *instructions: str) -> Callable[[Wrong], Wrong]:
    """Notes that this provokes an error of these instructions."""

    def note(provoke: Wrong) -> Wrong:
        for name in instructions:
            _WRONGS[name, error].append(provoke)
        return provoke

    return note


def given(error: str, instruction: str, **values: Any) -> None:
    """Notes that an argument of this value provokes an error."""

    def provoke(call: Call) -> None:
        call.arguments |= values

    provoke.__name__ = "_".join(values)
    _WRONGS[instruction, error].append(provoke)


def having(slot: str, *but: str) -> Iterable[str]:
    """Instructions with an account of this name."""
    return [name for name, slots in _SLOTS.items() if slot in slots and name not in but]


# ---- pauses

for _bit, _names in FAMILIES.items():

    @wrong("Paused", *_names)
    def while_paused(call: Call, bit: int = _bit) -> None:
        call.world.pause(bit, call.world.now + 1)


# ---- whose accounts

_NAMED_BY_TOKEN = ("owner_token", "author_token", "creator_token")
_TOKEN_READ = [
    name
    for name, slots in _SLOTS.items()
    if set(slots) & set(_NAMED_BY_TOKEN) and name not in ("process_approval", "initialize")
]


def _token_slot(call: Call) -> str:
    return next(slot for slot in _NAMED_BY_TOKEN if slot in _SLOTS[call.name])


@wrong("WrongMint", *having("stake_mint", "initialize"))
def another_mint(call: Call) -> None:
    call.accounts["stake_mint"] = call.world.create_mint()


@wrong("WrongTokenProgram", *having("token_program"))
def another_token_program(call: Call) -> None:
    call.accounts["token_program"] = TOKEN_2022_PROGRAM


@wrong("WrongMint", *_TOKEN_READ)
def a_token_account_of_another_mint(call: Call) -> None:
    slot = _token_slot(call)
    owner = Pubkey.from_bytes(call.world.data(call.accounts[slot])[32:64])
    call.accounts[slot] = call.world.create_token(owner, call.world.create_mint(), 10**9)


@wrong("WrongTokenOwner", *_TOKEN_READ)
def somebody_elses_token_account(call: Call) -> None:
    call.accounts[_token_slot(call)] = call.stage.zoe.token


@wrong("WrongVault", *having("vault"))
def another_threads_vault(call: Call) -> None:
    other = call.stage.open("another", call.stage.alice)
    call.accounts["vault"] = pda(b"vault", other)


@wrong("WrongEscrow", *having("escrow"))
def another_specs_escrow(call: Call) -> None:
    stage = call.stage
    other = stage.open("another", stage.alice)
    stage.submit(stage.carol, thread=other).send()
    call.accounts["escrow"] = pda(b"escrow", stage.spec(stage.carol, other))


@wrong("WrongTreasuryVault", "process_approval", "cleanup_spec", "execute_treasury")
def somebodys_account_for_the_treasury(call: Call) -> None:
    call.accounts["treasury_vault"] = call.stage.zoe.token


_OWN_POSITION = [
    *having("position", "create_thread", "cleanup_position"),
    "process_approval",
]


def _position_slot(call: Call) -> str:
    return "approver_position" if call.name == "process_approval" else "position"


@wrong("WrongPosition", *_OWN_POSITION)
def somebody_elses_position(call: Call) -> None:
    stage, slot = call.stage, _position_slot(call)
    other = stage.open("another", stage.zoe)  # a position there is, whoever has left here
    stage.join(stage.carol, other)
    call.accounts[slot] = stage.position(stage.zoe, other)


@wrong("WrongPosition", *_OWN_POSITION, "retire_author", "cleanup_position")
def a_position_in_another_thread(call: Call) -> None:
    stage, slot = call.stage, _position_slot(call)
    if call.name == "retire_author":
        slot = "retiree_position"
    owner = Pubkey.from_bytes(call.world.data(call.accounts[slot])[42:74])
    people = {wallet.key: wallet for wallet in (stage.alice, stage.bob, stage.carol)}
    call.accounts[slot] = stage.position(people[owner], stage.open("another", people[owner]))


@wrong("WrongPosition", "create_thread")
def a_position_at_another_address(call: Call) -> None:
    call.accounts["position"] = call.stage.position(call.stage.zoe, call.accounts["thread"])


@wrong("WrongPosition", "process_approval")
def a_newcomers_position_at_another_address(call: Call) -> None:
    call.accounts["author_position"] = call.stage.position(call.stage.zoe)


@wrong("WrongPosition", "process_approval")
def somebody_elses_position_for_the_newcomer(call: Call) -> None:
    call.accounts["author_position"] = call.stage.position(call.stage.alice)


@wrong("WrongThread", "create_thread")
def a_thread_at_another_ids_address(call: Call) -> None:
    call.accounts["thread"] = pda(b"thread", sha256("something else"))


@wrong("WrongSpec", "submit_spec")
def a_spec_at_another_contents_address(call: Call) -> None:
    call.arguments["content_hash"] = sha256("something else")


@wrong("WrongEscrow", "submit_spec")
def an_escrow_at_another_address(call: Call) -> None:
    call.accounts["escrow"] = pda(b"escrow", call.stage.thread)


@wrong("WrongSpec", "process_approval", "withdraw_spec", "expire_spec")
def a_spec_of_another_thread(call: Call) -> None:
    stage = call.stage
    other = stage.open("another", stage.alice)
    stage.submit(stage.carol, thread=other).send()
    call.accounts["spec"] = stage.spec(stage.carol, other)


@wrong("WrongMessage", "post_message", "process_approval")
def a_message_that_is_not_the_next(call: Call) -> None:
    call.accounts["message"] = pda(b"message", call.stage.thread, struct.pack("<Q", 77))


@wrong("WrongMessage", "process_approval")
def a_message_came_in_between(call: Call) -> None:
    stage = call.stage
    post = stage.as_author("post_message", stage.bob, content_hash=sha256("x"), privacy="Public")
    post.accounts["message"] = stage.message()
    post.send()


@wrong("WrongRentPayer", "cleanup_spec", "cleanup_position", "close_thread", "cleanup_treasury")
def rent_to_somebody_else(call: Call) -> None:
    slot = "proposer" if call.name == "cleanup_treasury" else "rent_payer"
    call.accounts[slot] = call.stage.zoe.key


@wrong("WrongCreator", "close_thread")
def the_vaults_rent_to_somebody_else(call: Call) -> None:
    call.accounts["creator"] = call.stage.zoe.key


# ---- states

_OPEN_ONLY = (
    "deposit",
    "post_message",
    "submit_spec",
    "process_approval",
    "leave_thread",
    "retire_author",
    "wind_down_thread",
    "set_privacy",
)


@wrong("ThreadClosing", *_OPEN_ONLY)
def while_it_is_wound_down(call: Call) -> None:
    call.change("Thread", "thread", status="Closing")


@wrong("ThreadClosed", *_OPEN_ONLY, "divest", "close_thread")
def after_it_was_closed(call: Call) -> None:
    call.change("Thread", "thread", status="Closed")


@wrong(
    "NotCoAuthor",
    "deposit",
    "post_message",
    "process_approval",
    "leave_thread",
    "retire_author",
    "wind_down_thread",
    "close_thread",
    "set_privacy",
)
def no_co_author_any_more(call: Call) -> None:
    call.change("Thread", "thread", co_authors=[call.stage.zoe.key])


@wrong("NotSoleCoAuthor", "wind_down_thread", "close_thread")
def with_another_co_author(call: Call) -> None:
    call.stage.join(call.stage.carol)


@wrong("SpecsPending", "wind_down_thread", "close_thread")
def while_a_spec_waits(call: Call) -> None:
    call.stage.submit(call.stage.carol).send()
