"""The program's own entrypoint: what it answers before Anchor does, and how it reads accounts."""

from __future__ import annotations

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from tests.program.harness import EVENT_TAG, PROGRAM_ID, Refused, Thread, Wallet, World, pda

AUTHORITY = pda(b"__event_authority")


def call(data: bytes, *accounts: AccountMeta) -> Instruction:
    return Instruction(PROGRAM_ID, data, list(accounts))


@pytest.mark.parametrize("data", [EVENT_TAG, EVENT_TAG + bytes(40)])
def test_nobody_else_can_write_an_event(world: World, alice: Wallet, data: bytes) -> None:
    """Only the program signs for the authority; nobody passes for it."""
    authority, signing = AccountMeta(AUTHORITY, False, False), AccountMeta(alice.key, True, False)
    for accounts in ([authority], [signing], [authority, signing], [signing, authority], []):
        with pytest.raises(Refused):
            world.send(call(data, *accounts), signers=(alice.keypair,))


@pytest.mark.parametrize("length", range(9))
def test_short_and_unknown_data_is_refused(world: World, alice: Wallet, length: int) -> None:
    for accounts in ([], [AccountMeta(AUTHORITY, False, False)]):
        with pytest.raises(Refused):
            world.send(call(EVENT_TAG[:length][:7] + b"\xff" * (length > 7), *accounts))


def test_accounts_of_every_length_and_given_twice_are_read(world: World, thread: Thread) -> None:
    """Ones the instruction does not know come after its own, and are left alone."""
    alice = thread.people[0]
    strangers = []
    for length in range(17):
        key = Pubkey.from_bytes(bytes([100 + length] * 32))
        world.put(key, bytes(length), PROGRAM_ID)
        strangers += [AccountMeta(key, False, False), AccountMeta(thread.key, False, True)]
    instruction = world.instruction(
        "set_privacy",
        {"author": alice.key, "thread": thread.key, "position": thread.position(alice)},
        {"level": "Encrypted"},
    )
    longer = call(bytes(instruction.data), *instruction.accounts, *strangers)
    done = world.send(longer, signers=(alice.keypair,))
    assert done.event("PrivacyChanged")["to"] == "Encrypted"
    assert thread.state["privacy"] == "Encrypted"


def test_what_anchor_refuses_is_logged_with_the_account_and_what_was_compared(
    world: World, thread: Thread
) -> None:
    alice = thread.people[0]
    accounts = {"author": alice.key, "thread": thread.key, "position": thread.position(alice)}
    instruction = world.instruction("set_privacy", accounts, {"level": "Encrypted"})
    wrong = Pubkey.from_bytes(bytes([9] * 32))
    metas = [
        AccountMeta(wrong, False, False) if meta.pubkey == AUTHORITY else meta
        for meta in instruction.accounts
    ]
    with pytest.raises(Refused) as refusal:
        world.send(call(bytes(instruction.data), *metas), signers=(alice.keypair,))
    logs = [line.removeprefix("Program log: ") for line in refusal.value.logs]
    line = next(n for n, text in enumerate(logs) if text.startswith("AnchorError"))
    assert logs[line].startswith("AnchorError caused by account: event_authority. Error Code: Cons")
    assert f". Error Number: {refusal.value.code}. Error Message: " in logs[line]
    assert logs[line + 1 : line + 5] == ["Left:", str(wrong), "Right:", str(AUTHORITY)]
