"""Every slot of every instruction, filled with every wrong account there is: all are refused.

What is let through is in :data:`HARMLESS`, with the reason. Each list of attacks ends with the
honest instruction, which must succeed: so nothing was refused for another reason than the attack.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable

import pytest
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from tests.program.adversary import Adversary, Attack, CapturingWorld
from tests.program.borsh import IDL
from tests.program.harness import (
    DAY,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
    UPGRADEABLE_LOADER,
    Thread,
    pda,
)

UNREAD = "it is not read unless this decision settles the spec"
UNREAD_UNLESS_APPROVED = "it is not read unless the author joins"
SELF = "the program calls itself by its own address, whatever stands here"
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
}
"""Scenario and slot to why a wrong account there does nothing but what the honest one does."""

REPEATABLE = {"deposit"}
"""Scenarios that may well be sent twice; a message is posted once, for its address moves on."""


Scenario = Callable[[Pubkey], tuple[CapturingWorld, Instruction]]
"""Makes a world with a token program, and an honest instruction about to be sent in it."""


@pytest.fixture(params=[TOKEN_PROGRAM, TOKEN_2022_PROGRAM], ids=["token", "token-2022"])
def program(request: pytest.FixtureRequest) -> Pubkey:
    """The token program of the stake mint."""
    chosen: Pubkey = request.param
    return chosen


class Stage:
    """Two threads with co-authors, specs, rewards and messages, and an attacker with a seat."""

    def __init__(self, program: Pubkey) -> None:
        self.world = CapturingWorld(program)
        self.world.initialize()
        wallets = [self.world.wallet() for _ in range(7)]
        self.alice, self.bob, self.carol, self.dave, self.erin, self.mallory, self.zoe = wallets
        self.thread = self._open("ours", 100_000)
        self.other = self._open("theirs", 10_000_000)
        self.thread.join(self.bob)
        self.other.join(self.bob, self.mallory)
        self.spec = self.thread.submit(self.carol, "same content")
        self.other.submit(self.carol, "same content")
        self.thread.submit(self.mallory, "mallory's")
        self.thread.submit(self.dave, "another")
        self.thread.post(self.alice)
        self.other.post(self.alice)

    def _open(self, name: str, deposit: int) -> Thread:
        return self.world.open(self.alice, name, deposit=deposit)


def initialize(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    world = CapturingWorld(program)
    world.known[pda(Pubkey.from_bytes(bytes([5] * 32)), program=UPGRADEABLE_LOADER)] = None
    for _ in range(2):
        world.wallet()
    return world, world.captured(world.initialize)


def create_thread(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    stage = Stage(program)
    return stage.world, stage.world.captured(lambda: Thread(stage.world, "new").create(stage.alice))


def deposit(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    stage = Stage(program)
    return stage.world, stage.world.captured(lambda: stage.thread.deposit(stage.alice, 5_000))


def divest(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    stage = Stage(program)
    stage.world.pass_time(2 * DAY)
    return stage.world, stage.world.captured(lambda: stage.thread.divest(stage.alice, 5_000))


def claim(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    stage = Stage(program)
    return stage.world, stage.world.captured(lambda: stage.thread.claim(stage.alice))


def post_message(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    stage = Stage(program)
    return stage.world, stage.world.captured(lambda: stage.thread.post(stage.bob, "mine"))


def set_privacy(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    stage = Stage(program)
    return stage.world, stage.world.captured(
        lambda: stage.thread.set_privacy(stage.bob, "Encrypted")
    )


def submit_spec(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    stage = Stage(program)
    return stage.world, stage.world.captured(lambda: stage.thread.submit(stage.zoe, "zoe's"))


def decision(first: str | None, second: str) -> Scenario:
    """The decision of Alice, after Bob's if he makes one."""

    def scenario(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
        stage = Stage(program)
        if first is not None:
            stage.spec.decide(stage.bob, first)
        return stage.world, stage.world.captured(lambda: stage.spec.decide(stage.alice, second))

    return scenario


def expire_spec(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    stage = Stage(program)
    stage.world.pass_time(8 * DAY)
    return stage.world, stage.world.captured(stage.spec.expire)


SCENARIOS: dict[str, Scenario] = {
    "initialize": initialize,
    "create_thread": create_thread,
    "deposit": deposit,
    "divest": divest,
    "claim": claim,
    "post_message": post_message,
    "set_privacy": set_privacy,
    "submit_spec": submit_spec,
    "process_approval, first": decision(None, "Approve"),
    "process_approval, approved": decision("Approve", "Approve"),
    "process_approval, denied": decision("Deny", "Deny"),
    "process_approval, split": decision("Approve", "Deny"),
    "expire_spec": expire_spec,
}


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


@pytest.mark.parametrize("scenario", ["initialize", "create_thread", "post_message", "submit_spec"])
def test_lamports_sent_to_a_new_accounts_address_stop_nothing(
    scenario: str, program: Pubkey
) -> None:
    world, honest = SCENARIOS[scenario](program)
    made = [
        meta.pubkey
        for meta in honest.accounts
        if meta.is_writable and world.svm.get_account(meta.pubkey) is None
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
