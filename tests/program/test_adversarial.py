"""Every slot of every instruction, filled with every wrong account there is: all are refused.

What is let through is in :data:`HARMLESS`, with the reason. Each list of attacks ends with the
honest instruction, which must succeed: so nothing was refused for another reason than the attack.
"""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from tests.program.adversary import Adversary, Attack
from tests.program.borsh import IDL
from tests.program.harness import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from tests.program.scenarios import SCENARIOS

UNREAD = "it is not read unless this decision settles the spec"
UNREAD_UNLESS_APPROVED = "it is not read unless the author joins"
SELF = "the program calls itself by its own address, whatever stands here"
GUARDED = "the authority may do what the guardian may"
ANY_SIGNER = "any signer may execute what enough have approved"
CHOICE = "which mint stakes are made in is the upgrade authority's choice"

HARMLESS: dict[tuple[str, str], str] = {
    **{
        ("process_approval, first", slot): UNREAD
        for slot in (
            "author_position",
            "escrow",
            "vault",
            "treasury_vault",
            "message",
            "stake_mint",
            "token_program",
        )
    },
    **{
        (f"process_approval, {which}", slot): UNREAD_UNLESS_APPROVED
        for which in ("split", "denied")
        for slot in ("author_position", "message")
    },
    **{(which, "guardian"): GUARDED for which in ("pause", "unpause")},
    **{
        (f"execute_treasury, {which}", "signer"): ANY_SIGNER
        for which in ("spending", "minting", "signers")
    },
    ("execute_treasury, signers", "destination"): "nothing is paid",
}
"""Scenario and slot to why a wrong account there does nothing but what the honest one does."""

REPEATABLE = {"deposit", "transfer_authority"}
"""Scenarios that may well be sent twice; a message is posted once, for its address moves on."""


@pytest.fixture(params=[TOKEN_PROGRAM, TOKEN_2022_PROGRAM], ids=["token", "token-2022"])
def program(request: pytest.FixtureRequest) -> Pubkey:
    """The token program of the stake mint."""
    chosen: Pubkey = request.param
    return chosen


def test_every_instruction_has_a_scenario() -> None:
    names = {name.split(",")[0] for name in SCENARIOS}
    assert names == {entry["name"] for entry in IDL["instructions"]}


def _harmless(scenario: str, attack: Attack) -> str | None:
    if attack.slot == "program":
        return SELF
    if (scenario, str(attack)) == ("initialize", "stake_mint: another mint"):
        return CHOICE
    return HARMLESS.get((scenario, attack.slot))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_wrong_account_is_refused(
    scenario: str, program: Pubkey, capfd: pytest.CaptureFixture[str]
) -> None:
    world, honest = SCENARIOS[scenario](program)
    untouched = world.snapshot(honest)
    assert world.attempt(honest), "the honest instruction is refused"
    rightly = world.snapshot(honest)
    assert rightly != untouched

    refused, reasons, let_through = 0, Counter[str](), []
    world = SCENARIOS[scenario](program)[0]
    for attack in Adversary(world, scenario.split(",")[0], honest).attacks():
        before = world.snapshot(attack.instruction)
        if not world.attempt(attack.instruction):
            refused += 1
            after = world.snapshot(attack.instruction)
            assert after == before, f"{attack} was refused and yet changed something"
            continue
        reason = _harmless(scenario, attack)
        after = {key: was for key, was in world.snapshot(honest).items() if key in rightly}
        if reason is None or (after != rightly and reason != CHOICE):
            let_through.append(str(attack))
        reasons[reason or ""] += 1
        world.restore(before, attack.instruction)
    with capfd.disabled():
        print(f"\n{scenario}: {refused} wrong accounts refused", file=sys.stderr)
        for reason, count in reasons.items():
            print(f"  {count} harmless: {reason}", file=sys.stderr)
    assert not let_through, "\n".join(let_through)
    assert refused > 5 * len(honest.accounts)
    assert world.attempt(honest), "the honest instruction is refused after all that"


@pytest.mark.parametrize(
    "scenario",
    [
        "initialize",
        "create_thread",
        "post_message",
        "submit_spec",
        "process_approval, approved",
        "propose_treasury",
    ],
)
def test_lamports_sent_to_a_new_accounts_address_stop_nothing(
    scenario: str, program: Pubkey
) -> None:
    world, honest = SCENARIOS[scenario](program)
    made = [
        meta.pubkey
        for meta in honest.accounts
        if meta.is_writable and not world.lamports(meta.pubkey)
    ]
    assert made
    for key in made:
        world.svm.airdrop(key, 890_880)
    assert world.attempt(honest)
    assert all(world.data(key) for key in made)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_happens_once_happens_once(scenario: str, program: Pubkey) -> None:
    """Again in the same transaction, and again in the next: refused as a whole, and refused."""
    world, honest = SCENARIOS[scenario](program)
    before = world.snapshot(honest)
    if scenario in REPEATABLE:
        assert world.attempt(honest, honest)
        return
    assert not world.attempt(honest, honest)
    assert world.snapshot(honest) == before
    assert world.attempt(honest)
    after = world.snapshot(honest)
    assert not world.attempt(honest)
    assert world.snapshot(honest) == after


CLOSING = {
    "cleanup_spec": ("spec", "escrow"),
    "close_thread": ("vault", "position"),
    "cleanup_position": ("position",),
    "cancel_treasury": ("proposal",),
    "cleanup_treasury": ("proposal",),
}
"""Instructions that close accounts, and the accounts."""


@pytest.mark.parametrize("scenario", CLOSING)
def test_what_is_closed_and_paid_anew_at_once_is_an_empty_address(
    scenario: str, program: Pubkey
) -> None:
    """Lamports in the same transaction keep the address alive, but nothing that was in it."""
    world, honest = SCENARIOS[scenario](program)
    slots = next(entry["accounts"] for entry in IDL["instructions"] if entry["name"] == scenario)
    closed = [
        meta.pubkey
        for meta, slot in zip(honest.accounts, slots, strict=True)
        if slot["name"] in CLOSING[scenario]
    ]
    assert len(closed) == len(CLOSING[scenario])
    payer = world.payer.pubkey()
    revive = [
        transfer(TransferParams(from_pubkey=payer, to_pubkey=key, lamports=5_000_000))
        for key in closed
    ]
    before = world.snapshot(honest)
    assert not world.attempt(honest, *revive, honest)
    assert world.snapshot(honest) == before
    assert world.attempt(honest, *revive)
    for key in closed:
        account = world.svm.get_account(key)
        assert account is not None
        assert (account.lamports, bytes(account.data)) == (5_000_000, b"")
        assert account.owner == Pubkey.default()
    assert not world.attempt(honest)
