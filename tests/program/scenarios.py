"""An honest call of every instruction, each in a world in which an attacker has a seat as well."""

from __future__ import annotations

from collections.abc import Callable

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from tests.program.adversary import CapturingWorld
from tests.program.governance import TREASURY as TREASURY_KEY
from tests.program.governance import Settings, Treasury, give_mint_to, mint, set_signers, spend
from tests.program.harness import DAY, UPGRADEABLE_LOADER, Thread, Wallet, pda

Scenario = Callable[[Pubkey], tuple[CapturingWorld, Instruction]]
"""Makes a world with a token program, and an honest instruction about to be sent in it."""


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

    def captured(self, send: Callable[[], object]) -> tuple[CapturingWorld, Instruction]:
        """The world, and the instruction that would be sent in it."""
        return self.world, self.world.captured(send)

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


def withdraw_spec(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    stage = Stage(program)
    return stage.captured(stage.spec.withdraw)


def cleanup_spec(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    """Of a denied one, with other settled ones around, and somebody else's tokens in it."""
    stage = Stage(program)
    for spec in (stage.spec, stage.thread.specs[-1]):
        spec.decide_all("Deny")
    stage.world.donate(stage.spec.escrow, 7)
    return stage.captured(stage.spec.cleanup)


def leave_thread(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    stage = Stage(program)
    return stage.captured(lambda: stage.thread.leave(stage.bob))


def retire_author(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    """Of the only one who has been quiet for long enough."""
    stage = Stage(program)
    stage.world.pass_time(31 * DAY)
    stage.thread.post(stage.alice)
    return stage.captured(lambda: stage.thread.retire(stage.alice, stage.bob))


def _sole(program: Pubkey) -> tuple[Stage, Thread]:
    """A thread whose opener has left to Alice, and which owes rewards."""
    stage = Stage(program)
    thread = stage.world.open(stage.zoe, "left", deposit=50_000)
    thread.join(stage.alice)
    thread.deposit(stage.alice, 20_000)
    stage.world.pass_time(2 * DAY)
    thread.claim(stage.zoe)
    thread.divest(stage.zoe, 50_000)
    thread.submit(stage.dave, "dave's").decide_all("Deny")
    thread.leave(stage.zoe)
    return stage, thread


def wind_down_thread(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    stage, thread = _sole(program)
    return stage.captured(lambda: thread.wind_down(stage.alice))


def close_thread(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    stage, thread = _sole(program)
    stage.world.donate(thread.vault, 7)
    return stage.captured(lambda: thread.close(stage.alice))


def cleanup_position(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    stage, thread = _sole(program)
    return stage.captured(lambda: thread.cleanup_position(stage.zoe))


class Office(Stage):
    """The same, with a guardian and signers of the treasury, who have open proposals."""

    def __init__(self, program: Pubkey) -> None:
        super().__init__(program)
        world = self.world
        self.settings = Settings(world)
        self.guardian = self.alice.keypair
        self.settings.propose(guardian=self.alice.key)
        world.pass_time(DAY)
        self.settings.apply()
        self.treasury = Treasury(world, [self.zoe])
        self.treasury.signers = [self.zoe]
        # The authority is the treasury's first signer, and hands it over.
        first = Wallet(world.authority, self.zoe.token)
        signers = [self.zoe, self.dave]
        self.treasury.propose(set_signers(signers, 2), by=first)
        self.treasury.approve(0, first)
        self.treasury.execute(0, by=first)
        give_mint_to(world, TREASURY_KEY)
        self.treasury.fund(50_000)

    def proposed(self, action: dict[str, object], *approved_by: Wallet) -> int:
        """Zoe's proposal and its approvals. Dave has one that is executed and one of his own."""
        self.treasury.propose(spend(5, self.erin.token), by=self.dave)
        self.treasury.approve(1, self.zoe, self.dave)
        self.treasury.execute(1, by=self.dave)
        self.treasury.propose(spend(6, self.erin.token), by=self.dave)
        self.treasury.approve(2, self.dave)
        self.treasury.propose(action, by=self.zoe)
        if approved_by:
            self.treasury.approve(3, *approved_by)
        return 3


def propose_config(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    office = Office(program)
    return office.captured(lambda: office.settings.propose(min_stake=7))


def apply_config(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    office = Office(program)
    office.settings.propose(min_stake=7)
    office.world.pass_time(DAY)
    return office.captured(office.settings.apply)


def cancel_config(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    office = Office(program)
    office.settings.propose(min_stake=7)
    return office.captured(office.settings.cancel)


def transfer_authority(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    office = Office(program)
    return office.captured(lambda: office.settings.offer(office.bob.key))


def accept_authority(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    office = Office(program)
    office.settings.offer(office.bob.key)
    return office.captured(lambda: office.settings.accept(office.bob.keypair))


def pause(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    office = Office(program)
    return office.captured(lambda: office.settings.pause(16, DAY, office.guardian))


def unpause(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    office = Office(program)
    office.settings.pause(16, DAY, office.guardian)
    return office.captured(lambda: office.settings.unpause(16, office.guardian))


def propose_treasury(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    office = Office(program)
    # The only signer, for anybody else's proposal would be theirs.
    treasury = office.treasury
    treasury.propose(set_signers([office.zoe], 1))
    treasury.approve(1, office.zoe, office.dave)
    treasury.execute(1)
    return office.captured(lambda: treasury.propose(mint(9, office.erin.token), by=office.zoe))


def approve_treasury(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    office = Office(program)
    index = office.proposed(spend(9, office.erin.token), office.zoe)
    office.treasury.approve(index - 1, office.zoe)
    return office.captured(lambda: office.treasury.approve(index, office.dave))


def execute_treasury(what: str) -> Scenario:
    """What two signers have approved, by one of them."""

    def scenario(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
        office = Office(program)
        action = {
            "spend": spend(9, office.erin.token),
            "mint": mint(9, office.erin.token),
            "signers": set_signers([office.bob, office.zoe], 1),
        }[what]
        index = office.proposed(action, office.zoe, office.dave)
        return office.captured(lambda: office.treasury.execute(index, by=office.dave))

    return scenario


def cancel_treasury(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    office = Office(program)
    index = office.proposed(spend(9, office.erin.token))
    return office.captured(lambda: office.treasury.cancel(index, by=office.zoe))


def cleanup_treasury(program: Pubkey) -> tuple[CapturingWorld, Instruction]:
    office = Office(program)
    index = office.proposed(spend(9, office.erin.token), office.zoe, office.dave)
    office.treasury.execute(index, by=office.dave)
    return office.captured(lambda: office.treasury.cleanup(index))


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
    "withdraw_spec": withdraw_spec,
    "cleanup_spec": cleanup_spec,
    "leave_thread": leave_thread,
    "retire_author": retire_author,
    "wind_down_thread": wind_down_thread,
    "close_thread": close_thread,
    "cleanup_position": cleanup_position,
    "propose_config": propose_config,
    "apply_config": apply_config,
    "cancel_config": cancel_config,
    "transfer_authority": transfer_authority,
    "accept_authority": accept_authority,
    "pause": pause,
    "unpause": unpause,
    "propose_treasury": propose_treasury,
    "approve_treasury": approve_treasury,
    "execute_treasury, spending": execute_treasury("spend"),
    "execute_treasury, minting": execute_treasury("mint"),
    "execute_treasury, signers": execute_treasury("signers"),
    "cancel_treasury": cancel_treasury,
    "cleanup_treasury": cleanup_treasury,
}
