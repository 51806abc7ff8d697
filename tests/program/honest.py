"""One honest call of every instruction, each in a world in which it succeeds.

What is wrong is made from these: one thing is changed, and the call must be refused for it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey
from tests.program.harness import (
    DAY,
    PARAMS,
    PROGRAM_ID,
    UPGRADEABLE_LOADER,
    Done,
    Wallet,
    World,
    pda,
    sha256,
)

HASH = sha256("let me in")
STAKE = 6_000


@dataclass
class Call:
    """An instruction about to be sent, every part of which can still be changed."""

    stage: Stage
    name: str
    accounts: dict[str, Pubkey]
    arguments: dict[str, Any]
    signers: list[Wallet]

    @property
    def world(self) -> World:
        return self.stage.world

    def send(self) -> Done:
        """Sends it."""
        made = self.world.instruction(self.name, self.accounts, self.arguments)
        return self.world.send(made, signers=tuple(signer.keypair for signer in self.signers))

    def sign(self, slot: str, by: Wallet) -> None:
        """Has somebody else stand and sign in a slot."""
        self.signers = [one for one in self.signers if one.key != self.accounts[slot]] + [by]
        self.accounts[slot] = by.key

    def change(self, kind: str, slot: str, **fields: Any) -> None:
        """Writes an account as no instruction would; its lamports stay."""
        key = self.accounts.get(slot, self.world.config)
        before = self.world.svm.get_account(key)
        assert before is not None
        self.world.rewrite(kind, key, {**self.world.read(kind, key), **fields})
        self.world.svm.set_account(key, Account(before.lamports, self.world.data(key), PROGRAM_ID))


class Stage:
    """Alice's and Bob's thread, Alice's own one, a treasury of three, and Carol, who is new."""

    def __init__(self, *, initialized: bool = True) -> None:
        self.world = World()
        wallets = [self.world.wallet() for _ in range(8)]
        self.alice, self.bob, self.carol, self.guardian, *self.signers, self.zoe = wallets
        self.authority = Wallet(self.world.authority, self.zoe.token)
        if not initialized:
            return
        self.world.initialize(
            guardian=self.guardian.key,
            treasury_signers=[signer.key for signer in self.signers],
            treasury_threshold=2,
        )
        self.thread = self.open("ours", self.alice)
        self.join(self.bob)

    # ---- addresses

    def position(self, owner: Wallet, thread: Pubkey | None = None) -> Pubkey:
        """Somebody's position."""
        return pda(b"position", thread or self.thread, owner.key)

    def spec(self, author: Wallet, thread: Pubkey | None = None) -> Pubkey:
        """Somebody's spec."""
        return pda(b"spec", thread or self.thread, author.key, HASH)

    def proposal(self, index: int = 0) -> Pubkey:
        """A proposal to the treasury."""
        return pda(b"treasury", struct.pack("<Q", index))

    def state(self, thread: Pubkey | None = None) -> dict[str, Any]:
        """Fields of a thread."""
        return self.world.read("Thread", thread or self.thread)

    def message(self, thread: Pubkey | None = None) -> Pubkey:
        """A thread's next message."""
        index = struct.pack("<Q", self.state(thread)["message_count"])
        return pda(b"message", thread or self.thread, index)

    # ---- calls

    def call(
        self, name: str, accounts: dict[str, Pubkey], arguments: dict[str, Any], *by: Wallet
    ) -> Call:
        """A call."""
        return Call(self, name, accounts, arguments, list(by))

    def create_thread(self, creator: Wallet, thread_id: str, deposit: int = 100_000) -> Call:
        key = pda(b"thread", sha256(thread_id))
        accounts = {
            "creator": creator.key,
            "thread": key,
            "vault": pda(b"vault", key),
            "position": self.position(creator, key),
            "creator_token": creator.token,
        }
        arguments = {"thread_id": thread_id, "deposit": deposit, "privacy": "Public"}
        return self.call("create_thread", accounts, arguments, creator)

    def open(self, thread_id: str, creator: Wallet, deposit: int = 100_000) -> Pubkey:
        """Opens a thread; its address."""
        call = self.create_thread(creator, thread_id, deposit)
        call.send()
        return call.accounts["thread"]

    def money(
        self, name: str, owner: Wallet, arguments: dict[str, Any], thread: Pubkey | None = None
    ) -> Call:
        """A call that moves money between a wallet and a thread."""
        key = thread or self.thread
        accounts = {
            "owner": owner.key,
            "thread": key,
            "vault": pda(b"vault", key),
            "position": self.position(owner, key),
            "owner_token": owner.token,
        }
        return self.call(name, accounts, arguments, owner)

    def deposit(self, owner: Wallet, amount: int, thread: Pubkey | None = None) -> Call:
        return self.money("deposit", owner, {"amount": amount, "min_shares": 0}, thread)

    def divest(self, owner: Wallet, amount: int, thread: Pubkey | None = None) -> Call:
        arguments = {"amount": amount, "max_shares": 2**64 - 1}
        return self.money("divest", owner, arguments, thread)

    def submit(self, author: Wallet, stake: int = STAKE, thread: Pubkey | None = None) -> Call:
        key = self.spec(author, thread)
        accounts = {
            "author": author.key,
            "thread": thread or self.thread,
            "spec": key,
            "escrow": pda(b"escrow", key),
            "author_token": author.token,
        }
        arguments = {
            "content_hash": HASH,
            "stake": stake,
            "privacy": self.state(thread)["privacy"],
        }
        return self.call("submit_spec", accounts, arguments, author)

    def decide(
        self, approver: Wallet, author: Wallet, decision: str, thread: Pubkey | None = None
    ) -> Call:
        key, spec = thread or self.thread, self.spec(author, thread)
        accounts = {
            "approver": approver.key,
            "thread": key,
            "spec": spec,
            "approver_position": self.position(approver, key),
            "author_position": self.position(author, key),
            "escrow": pda(b"escrow", spec),
            "vault": pda(b"vault", key),
            "message": self.message(key),
        }
        arguments = {
            "content_hash": HASH,
            "author_epoch": self.state(key)["author_epoch"],
            "sequence": self.world.read("Spec", spec)["sequence"],
            "decision": decision,
        }
        return self.call("process_approval", accounts, arguments, approver)

    def join(self, author: Wallet, thread: Pubkey | None = None, stake: int = STAKE) -> None:
        """Makes somebody a co-author, by a spec that everybody approves; it is cleaned up."""
        self.submit(author, stake, thread).send()
        self.decide_all(author, "Approve", thread)
        self.cleanup_spec(author, thread).send()

    def deny(self, author: Wallet, stake: int, thread: Pubkey | None = None) -> None:
        """A stake that everybody denies, which makes shares worth more; it is cleaned up."""
        self.submit(author, stake, thread).send()
        self.decide_all(author, "Deny", thread)
        self.cleanup_spec(author, thread).send()

    def decide_all(self, author: Wallet, decision: str, thread: Pubkey | None = None) -> None:
        """Every co-author decides."""
        people = (self.alice, self.bob, self.carol, self.zoe, *self.signers, self.guardian)
        by_key = {wallet.key: wallet for wallet in people}
        for key in self.state(thread)["co_authors"]:
            self.decide(by_key[key], author, decision, thread).send()

    def spec_accounts(self, author: Wallet, thread: Pubkey | None = None) -> dict[str, Pubkey]:
        """The accounts by which a stake comes back."""
        spec = self.spec(author, thread)
        return {
            "thread": thread or self.thread,
            "spec": spec,
            "escrow": pda(b"escrow", spec),
            "author_token": author.token,
        }

    def withdraw(self, author: Wallet, thread: Pubkey | None = None) -> Call:
        accounts = {"author": author.key, **self.spec_accounts(author, thread)}
        return self.call("withdraw_spec", accounts, {}, author)

    def cleanup_spec(self, author: Wallet, thread: Pubkey | None = None) -> Call:
        accounts = {**self.spec_accounts(author, thread), "rent_payer": author.key}
        return self.call("cleanup_spec", accounts, {})

    def as_author(self, name: str, author: Wallet, **arguments: Any) -> Call:
        """A co-author's call that moves no money."""
        accounts = {
            "author": author.key,
            "thread": self.thread,
            "position": self.position(author),
        }
        return self.call(name, accounts, arguments, author)

    def as_authority(self, name: str, **arguments: Any) -> Call:
        """A call of the authority of the settings."""
        return self.call(name, {"authority": self.authority.key}, arguments, self.authority)

    def propose_treasury(self, action: Any, destination: Pubkey = PROGRAM_ID) -> Call:
        proposer = self.signers[0]
        index = self.world.read("Treasury", pda(b"treasury"))["proposal_count"]
        accounts = {
            "proposer": proposer.key,
            "treasury": pda(b"treasury"),
            "proposal": self.proposal(index),
            "destination": destination,
        }
        return self.call("propose_treasury", accounts, {"action": action}, proposer)

    def spend(self, amount: int = 500) -> dict[str, Any]:
        """An action that pays Zoe."""
        return {"Spend": {"amount": amount, "destination": self.zoe.token}}

    def approve_treasury(self, signer: Wallet) -> Call:
        accounts = {
            "signer": signer.key,
            "treasury": pda(b"treasury"),
            "proposal": self.proposal(),
        }
        return self.call("approve_treasury", accounts, {}, signer)

    def execute_treasury(self, destination: Pubkey = PROGRAM_ID) -> Call:
        signer = self.signers[2]
        accounts = {
            "signer": signer.key,
            "treasury": pda(b"treasury"),
            "proposal": self.proposal(),
            "destination": destination,
        }
        return self.call("execute_treasury", accounts, {}, signer)

    def approved(self, action: Any, destination: Pubkey = PROGRAM_ID) -> Call:
        """A proposal of which enough approve, about to be executed."""
        self.propose_treasury(action, destination).send()
        for signer in self.signers[:2]:
            self.approve_treasury(signer).send()
        return self.execute_treasury(destination)


def change(**params: Any) -> dict[str, Any]:
    """A change of the settings that changes only these."""
    return {
        "params": {**PARAMS, **params},
        "guardian": Pubkey.from_bytes(bytes([9] * 32)),
        "parameter_timelock": DAY,
    }


def _initialize() -> Call:
    stage = Stage(initialized=False)
    accounts = {
        "authority": stage.authority.key,
        "program_data": pda(PROGRAM_ID, program=UPGRADEABLE_LOADER),
        "treasury": pda(b"treasury"),
    }
    arguments = {
        "params": dict(PARAMS),
        "guardian": stage.guardian.key,
        "treasury_signers": [signer.key for signer in stage.signers],
        "treasury_threshold": 2,
        "parameter_timelock": DAY,
    }
    return stage.call("initialize", accounts, arguments, stage.authority)


def _post_message(stage: Stage) -> Call:
    call = stage.as_author("post_message", stage.bob, content_hash=HASH, privacy="Public")
    call.accounts["message"] = stage.message()
    return call


def _process_approval(stage: Stage) -> Call:
    """The last decision, which reads and writes everything."""
    stage.submit(stage.carol).send()
    stage.decide(stage.bob, stage.carol, "Approve").send()
    return stage.decide(stage.alice, stage.carol, "Approve")


def _withdraw_spec(stage: Stage) -> Call:
    stage.submit(stage.carol).send()
    return stage.withdraw(stage.carol)


def _expire_spec(stage: Stage) -> Call:
    stage.submit(stage.carol).send()
    stage.world.pass_time(PARAMS["approval_window"])
    return stage.call("expire_spec", stage.spec_accounts(stage.carol), {})


def _cleanup_spec(stage: Stage) -> Call:
    stage.submit(stage.carol).send()
    stage.withdraw(stage.carol).send()
    return stage.cleanup_spec(stage.carol)


def _divest(stage: Stage) -> Call:
    stage.world.pass_time(PARAMS["divest_cooldown"])
    return stage.divest(stage.alice, 5_000)


def _retire_author(stage: Stage) -> Call:
    stage.world.pass_time(PARAMS["inactivity_window"])
    call = stage.as_author("retire_author", stage.alice)
    call.accounts["retiree_position"] = stage.position(stage.bob)
    return call


def _sole(stage: Stage) -> None:
    """The thread becomes Alice's alone: Bob leaves, and his position is closed."""
    stage.as_author("leave_thread", stage.bob).send()


def _wind_down_thread(stage: Stage) -> Call:
    _sole(stage)
    accounts = {"author": stage.alice.key, "thread": stage.thread}
    return stage.call("wind_down_thread", accounts, {}, stage.alice)


def _close_thread(stage: Stage) -> Call:
    _sole(stage)
    call = stage.as_author("close_thread", stage.alice)
    call.accounts |= {
        "vault": pda(b"vault", stage.thread),
        "author_token": stage.alice.token,
        "creator": stage.alice.key,
        "rent_payer": stage.alice.key,
    }
    return call


def _cleanup_position(stage: Stage) -> Call:
    _sole(stage)
    accounts = {
        "thread": stage.thread,
        "position": stage.position(stage.bob),
        "rent_payer": stage.bob.key,
    }
    return stage.call("cleanup_position", accounts, {})


def _apply_config(stage: Stage) -> Call:
    stage.as_authority("propose_config", change=change(min_stake=7)).send()
    stage.world.pass_time(DAY)
    return stage.as_authority("apply_config")


def _cancel_config(stage: Stage) -> Call:
    stage.as_authority("propose_config", change=change(min_stake=7)).send()
    return stage.as_authority("cancel_config")


def _accept_authority(stage: Stage) -> Call:
    stage.as_authority("transfer_authority", new_authority=stage.zoe.key).send()
    return stage.call("accept_authority", {"new_authority": stage.zoe.key}, {}, stage.zoe)


def _pause(stage: Stage) -> Call:
    accounts = {"guardian": stage.guardian.key}
    arguments = {"families": 0b10001, "seconds": 3_600}
    return stage.call("pause", accounts, arguments, stage.guardian)


def _unpause(stage: Stage) -> Call:
    _pause(stage).send()
    accounts = {"guardian": stage.guardian.key}
    return stage.call("unpause", accounts, {"families": 0b10000}, stage.guardian)


def _approve_treasury(stage: Stage) -> Call:
    stage.world.donate(stage.world.treasury_vault, 1_000)
    stage.propose_treasury(stage.spend(), stage.zoe.token).send()
    return stage.approve_treasury(stage.signers[1])


def _execute_treasury(stage: Stage) -> Call:
    stage.world.donate(stage.world.treasury_vault, 1_000)
    return stage.approved(stage.spend(), stage.zoe.token)


def _cancel_treasury(stage: Stage) -> Call:
    stage.propose_treasury(stage.spend(), stage.zoe.token).send()
    proposer = stage.signers[0]
    accounts = {"proposer": proposer.key, "proposal": stage.proposal()}
    return stage.call("cancel_treasury", accounts, {}, proposer)


def _cleanup_treasury(stage: Stage) -> Call:
    stage.propose_treasury(stage.spend(), stage.zoe.token).send()
    stage.world.pass_time(14 * DAY)
    accounts = {"proposer": stage.signers[0].key, "proposal": stage.proposal()}
    return stage.call("cleanup_treasury", accounts, {})


_MADE: dict[str, Callable[[Stage], Call]] = {
    "create_thread": lambda stage: stage.create_thread(stage.carol, "new"),
    "deposit": lambda stage: stage.deposit(stage.alice, 5_000),
    "post_message": _post_message,
    "submit_spec": lambda stage: stage.submit(stage.carol),
    "process_approval": _process_approval,
    "withdraw_spec": _withdraw_spec,
    "expire_spec": _expire_spec,
    "cleanup_spec": _cleanup_spec,
    "claim": lambda stage: stage.money("claim", stage.alice, {}),
    "divest": _divest,
    "leave_thread": lambda stage: stage.as_author("leave_thread", stage.bob),
    "retire_author": _retire_author,
    "wind_down_thread": _wind_down_thread,
    "close_thread": _close_thread,
    "cleanup_position": _cleanup_position,
    "set_privacy": lambda stage: stage.as_author("set_privacy", stage.bob, level="Encrypted"),
    "propose_config": lambda stage: stage.as_authority("propose_config", change=change()),
    "apply_config": _apply_config,
    "cancel_config": _cancel_config,
    "transfer_authority": lambda stage: stage.as_authority(
        "transfer_authority", new_authority=stage.zoe.key
    ),
    "accept_authority": _accept_authority,
    "pause": _pause,
    "unpause": _unpause,
    "propose_treasury": lambda stage: stage.propose_treasury(stage.spend(), stage.zoe.token),
    "approve_treasury": _approve_treasury,
    "execute_treasury": _execute_treasury,
    "cancel_treasury": _cancel_treasury,
    "cleanup_treasury": _cleanup_treasury,
}

NAMES = ("initialize", *_MADE)
"""Every instruction."""


def honest(name: str) -> Call:
    """The honest call of an instruction, in a world of its own."""
    return _initialize() if name == "initialize" else _MADE[name](Stage())
