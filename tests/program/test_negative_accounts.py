"""Each slot of each instruction, filled with what its type cannot be: refused by number.

The numbers are Anchor's. What an account of the right type but the wrong one does is in the matrix.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from tests.program.borsh import IDL
from tests.program.harness import PROGRAM_ID, Refused, pda
from tests.program.honest import NAMES, Call, honest

_DEFINED: dict[str, Any] = {entry["name"]: entry for entry in IDL["instructions"]}
_TYPED = {
    "config": "Config",
    "treasury": "Treasury",
    "thread": "Thread",
    "position": "Position",
    "approver_position": "Position",
    "retiree_position": "Position",
    "spec": "Spec",
    "proposal": "TreasuryProposal",
}
_CREATED = {
    "initialize": {"config", "treasury"},
    "create_thread": {"thread", "position"},
    "submit_spec": {"spec"},
    "propose_treasury": {"proposal"},
}
"""Slots of accounts that do not exist before the call."""

NOT_SIGNED, NOT_WRITABLE, NOT_THE_PROGRAM, NOT_THE_ADDRESS = 3010, 2000, 3008, 2012
EVENTS_NOT_SIGNED, EVENTS_NOT_OURS = 2002, 2006
NO_ACCOUNT, SOMEBODY_ELSES, ANOTHER_TYPE, TOO_SHORT, NO_ARGUMENTS, NO_INSTRUCTION, TOO_FEW = (
    3012,
    3007,
    3002,
    3001,
    102,
    101,
    3005,
)


def _slots(name: str, key: str) -> list[str]:
    return [slot["name"] for slot in _DEFINED[name]["accounts"] if slot.get(key)]


def _typed(name: str) -> list[str]:
    made = _CREATED.get(name, set())
    slots = [slot["name"] for slot in _DEFINED[name]["accounts"]]
    return [slot for slot in slots if slot in _TYPED and slot not in made]


def _cases(slots: Any) -> list[Any]:
    return [pytest.param(name, slot, id=f"{name}-{slot}") for name in NAMES for slot in slots(name)]


def _instruction(call: Call) -> Instruction:
    return call.world.instruction(call.name, call.accounts, call.arguments)


def _code(call: Call, instruction: Instruction) -> int | None:
    """The code it is refused with."""
    with pytest.raises(Refused) as caught:
        call.world.send(instruction, signers=tuple(one.keypair for one in call.signers))
    return caught.value.code


def _with(call: Call, slot: str, **changes: Any) -> Instruction:
    """The instruction with another account or other flags in a slot."""
    made = _instruction(call)
    metas = list(made.accounts)
    place = [entry["name"] for entry in _DEFINED[call.name]["accounts"]].index(slot)
    was = metas[place]
    fields = {"pubkey": was.pubkey, "is_signer": was.is_signer, "is_writable": was.is_writable}
    metas[place] = AccountMeta(**{**fields, **changes})
    return Instruction(made.program_id, made.data, metas)


@pytest.mark.parametrize(("name", "slot"), _cases(lambda name: _slots(name, "signer")))
def test_a_signature_is_missing(name: str, slot: str) -> None:
    call = honest(name)
    authority = call.world.authority.pubkey()
    if call.accounts[slot] == authority:  # pays the fee and so signs: let somebody else stand there
        call.accounts[slot] = call.stage.zoe.key
    assert _code(call, _with(call, slot, is_signer=False)) == NOT_SIGNED


@pytest.mark.parametrize(("name", "slot"), _cases(_typed))
def test_an_account_is_of_another_type_or_none(name: str, slot: str) -> None:
    call = honest(name)
    kind = _TYPED[slot]
    key = call.accounts.get(slot, call.world.config)
    data = call.world.data(key)
    copy = Pubkey.from_bytes(hashlib.sha256(b"a copy").digest())

    def found(content: bytes, owner: Pubkey) -> int | None:
        call.world.put(copy, content, owner)
        return _code(call, _with(call, slot, pubkey=copy))

    assert _code(call, _with(call, slot, pubkey=copy)) == NO_ACCOUNT
    assert found(data, SYSTEM_PROGRAM) in (SOMEBODY_ELSES, NO_ACCOUNT)
    assert found(data, call.world.token_program) == SOMEBODY_ELSES
    other = next(entry for entry in IDL["accounts"] if entry["name"] not in (kind, "Message"))
    assert found(bytes(other["discriminator"]) + data[8:], PROGRAM_ID) == ANOTHER_TYPE
    assert found(data[:7], PROGRAM_ID) == TOO_SHORT


@pytest.mark.parametrize(
    ("name", "slot"),
    _cases(lambda name: [s for s in _slots(name, "writable") if s in _typed(name)]),
)
def test_an_account_to_write_is_given_to_read(name: str, slot: str) -> None:
    call = honest(name)
    assert _code(call, _with(call, slot, is_writable=False)) == NOT_WRITABLE


@pytest.mark.parametrize("name", [n for n in NAMES if "system_program" in str(_DEFINED[n])])
def test_another_program_stands_for_the_system_program(name: str) -> None:
    call = honest(name)
    key = call.world.token_program
    assert _code(call, _with(call, "system_program", pubkey=key)) == NOT_THE_PROGRAM


@pytest.mark.parametrize("name", NAMES)
def test_events_are_not_signed_by_another_address(name: str) -> None:
    call = honest(name)
    key = pda(b"another")
    assert _code(call, _with(call, "event_authority", pubkey=key)) == NOT_THE_ADDRESS


@pytest.mark.parametrize("name", NAMES)
def test_accounts_are_missing(name: str) -> None:
    call = honest(name)
    made = _instruction(call)
    short = Instruction(made.program_id, made.data, list(made.accounts)[:-1])
    assert _code(call, short) == TOO_FEW
    assert _code(call, Instruction(made.program_id, made.data, [])) == TOO_FEW


@pytest.mark.parametrize("name", [name for name in NAMES if _DEFINED[name]["args"]])
def test_arguments_are_cut_short(name: str) -> None:
    call = honest(name)
    made = _instruction(call)
    for data in (made.data[:-1], made.data[:8]):
        short = Instruction(made.program_id, bytes(data), list(made.accounts))
        assert _code(call, short) == NO_ARGUMENTS


def test_an_instruction_there_is_not() -> None:
    call = honest("deposit")
    metas = list(_instruction(call).accounts)
    for data in (bytes(8), b"\xff" * 64, b"", b"1234567"):
        assert _code(call, Instruction(PROGRAM_ID, data, metas)) == NO_INSTRUCTION


@pytest.mark.parametrize("variant", [4, 255])
def test_a_level_there_is_not(variant: int) -> None:
    call = honest("set_privacy")
    made = _instruction(call)
    wrong = Instruction(made.program_id, made.data[:8] + bytes([variant]), list(made.accounts))
    assert _code(call, wrong) == NO_ARGUMENTS


def test_a_thread_id_that_is_no_text() -> None:
    call = honest("create_thread")
    made = _instruction(call)
    data = made.data[:8] + made.data[8:].replace(b"new", b"\xff\xfe\xfd", 1)
    assert data != made.data
    wrong = Instruction(made.program_id, data, list(made.accounts))
    assert _code(call, wrong) == NO_ARGUMENTS


def test_nobody_else_emits_the_programs_events() -> None:
    """The instruction behind events takes a signature that only the program can give."""
    call = honest("deposit")
    events = call.send()
    (name, _), *_ = events.events
    entry = next(event for event in IDL["events"] if event["name"] == name)
    forged = bytes.fromhex("e445a52e51cb9a1d") + bytes(entry["discriminator"]) + bytes(200)
    authority = pda(b"__event_authority")
    for meta, code in (
        (AccountMeta(authority, False, False), EVENTS_NOT_SIGNED),
        (AccountMeta(call.stage.zoe.key, True, False), EVENTS_NOT_OURS),
    ):
        call.signers = [call.stage.zoe] if meta.is_signer else []
        found = _code(call, Instruction(PROGRAM_ID, forged, [meta]))
        assert found == code
