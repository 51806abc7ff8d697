"""The bank with its history, commitments and listeners: what the RPC methods speak to.

Everything here runs on one thread and without waiting; `producer` adds time and the journal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from choir.clock import Clock
from choir.localnet.bank import Bank, Landed, Refused
from choir.localnet.commitment import Heads
from choir.localnet.genesis import Keys
from choir.localnet.ledger import Ledger
from choir.localnet.model import AccountState, AccountUpdate, Block, TransactionRecord
from choir.localnet.settings import Settings
from choir.localnet.view import View

_ATTEMPTS = 1_000


class Listener(Protocol):
    """Told of everything that happens, in order."""

    def landed(self, landed: Landed) -> None:
        """A transaction ran in the open slot."""

    def wrote(self, updates: list[AccountUpdate]) -> None:
        """Accounts were set by hand in the open slot."""

    def opened(self, slot: int, parent: int, root: int) -> None:
        """A slot was opened."""

    def confirmed(self, closed: Closed) -> None:
        """A slot reached confirmed."""

    def rooted(self, closed: Closed) -> None:
        """A slot reached finalized."""

    def rolled_back(self, slot: int, dropped: list[Block]) -> None:
        """The chain went back to the end of `slot`."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed slot: its block and the accounts it wrote, each with its state at the slot's end."""

    block: Block
    updates: list[AccountUpdate]


@dataclass(frozen=True, slots=True)
class Rollback:
    """What going back did.

    `slot` is the newest closed slot now, `accounts` are those that changed by it, as they are now,
    and `lost` the transactions that are in no block any more, oldest first.
    """

    slot: int
    accounts: list[AccountUpdate]
    lost: list[TransactionRecord]


class Chain:
    """A running chain: one open slot on top of closed ones."""

    def __init__(self, settings: Settings, clock: Clock, keys: Keys, genesis_hash: bytes) -> None:
        self.settings = settings
        self.clock = clock
        self.keys = keys
        self.genesis_hash = genesis_hash
        self.time_offset = 0.0
        self.bank = Bank(genesis_hash, int(clock.now()))
        self.ledger = Ledger(settings.history_transactions, settings.history_slots)
        self.heads = Heads()
        self.view = View(self)
        self.listeners: list[Listener] = []
        self._unrooted: deque[Closed] = deque()

    @property
    def unrooted(self) -> int:
        """How many closed slots are not final, and could be dropped."""
        return len(self._unrooted)

    # Life

    def start(self, accounts: list[tuple[Pubkey, AccountState]]) -> Closed:
        """Make slot 0 with the genesis accounts and open slot 1."""
        for pubkey, state in accounts:
            self.bank.set_account(pubkey, state)
        closed = Closed(self.bank.close_slot(), self.bank.accounts.touched(0))
        self.ledger.add_block(closed.block, 0)
        self.bank.accounts.root(0)
        self._open(1)
        return closed

    def resume(
        self, accounts: list[AccountUpdate], blocks: list[Block], state: Mapping[str, Any]
    ) -> None:
        """Take up after the last of `blocks` (oldest first); all of them count as final.

        `accounts` come in write order, `state` is what `state()` gave then. Raises SvmError.
        """
        self.bank.load(accounts)
        for block in blocks:
            for record in block.transactions:
                self.ledger.add_transaction(record)
            self.ledger.add_block(block, block.slot)
        self.bank.resume(
            blocks,
            transaction_count=state["transaction_count"],
            write_version=state["write_version"],
            oldest_height=state["oldest_height"],
            genesis_time=state["genesis_time"],
        )
        self.time_offset = state["time_offset"]
        last = blocks[-1].slot
        self.bank.accounts.root(last)
        self.heads = Heads(last, last, last)
        self._open(last + 1)

    def close_slot(self, skip: int = 0) -> Closed:
        """Close the open slot and open the next, leaving out `skip` slots in between.

        The closed slot counts as processed until it is given to `confirm`.
        """
        block = self.bank.close_slot()
        closed = Closed(block, self.bank.accounts.touched(block.slot))
        self.ledger.add_block(block, self.heads.finalized)
        self._open(block.slot + 1 + skip)
        return closed

    def confirm(self, closed: Closed) -> None:
        """Take a closed slot as confirmed; it roots an older one."""
        self.heads.confirmed = closed.block.slot
        self._unrooted.append(closed)
        for listener in self.listeners:
            listener.confirmed(closed)
        while len(self._unrooted) > self.settings.finality_slots:
            rooted = self._unrooted.popleft()
            self.heads.finalized = rooted.block.slot
            self.bank.accounts.root(rooted.block.slot)
            for listener in self.listeners:
                listener.rooted(rooted)

    def _open(self, slot: int) -> None:
        self.bank.open_slot(slot, self.now())
        self.heads.processed = slot
        for listener in self.listeners:
            listener.opened(slot, self.bank.parent_slot, self.heads.finalized)

    def state(self) -> dict[str, object]:
        """What the journal keeps beside a slot's blocks and accounts."""
        return {
            "transaction_count": self.bank.transaction_count,
            "write_version": self.bank.write_version,
            "oldest_height": self.bank.queue.oldest_height,
            "time_offset": self.time_offset,
            "genesis_time": self.bank.genesis_time,
            "first_slot": self.ledger.first_slot,
        }

    # Writing

    def execute(
        self, transaction: VersionedTransaction, wire: bytes, *, verified: bool = False
    ) -> Landed | Refused:
        """Run a transaction in the open slot and tell the listeners."""
        outcome = self.bank.execute(transaction, wire, verified=verified)
        if isinstance(outcome, Landed):
            self.ledger.add_transaction(outcome.record)
            for listener in self.listeners:
                listener.landed(outcome)
        return outcome

    def set_account(self, pubkey: Pubkey, state: AccountState | None) -> None:
        """Write an account by hand in the open slot. Raises SvmError."""
        update = self.bank.set_account(pubkey, state)
        for listener in self.listeners:
            listener.wrote([update])

    def transfer_from_faucet(self, to: Pubkey, lamports: int) -> Landed | Refused:
        """A transfer out of the faucet, made unlike every recent one."""
        faucet = self.keys.faucet
        params = TransferParams(from_pubkey=faucet.pubkey(), to_pubkey=to, lamports=lamports)
        return self.sign_and_execute([transfer(params)], faucet, [faucet])

    def sign_and_execute(
        self, instructions: Sequence[Instruction], payer: Keypair, signers: list[Keypair]
    ) -> Landed | Refused:
        """Run instructions with keys the localnet holds."""
        from solders.compute_budget import set_compute_unit_limit

        # The same instructions twice with one blockhash would be the same transaction twice.
        for attempt in range(_ATTEMPTS):
            varied = [set_compute_unit_limit(200_000 + attempt)] if attempt else []
            message = Message.new_with_blockhash(
                [*varied, *instructions], payer.pubkey(), self.bank.blockhash
            )
            transaction = VersionedTransaction(message, signers)
            outcome = self.execute(transaction, bytes(transaction), verified=True)
            if outcome != Refused("AlreadyProcessed"):
                return outcome
        return Refused("AlreadyProcessed")

    def rollback(self, slots: int) -> Rollback:
        """Drop the open slot and the newest `slots` closed ones.

        Only slots that are not final can be dropped. The chain then goes on with a slot number
        it has not used, as after a fork. Raises ValueError.
        """
        if not 1 <= slots <= len(self._unrooted):
            raise ValueError(
                f"between 1 and {len(self._unrooted)} slots can be dropped now (the others are"
                f" final), not {slots}"
            )
        highest = self.bank.slot
        for _ in range(slots):
            self._unrooted.pop()
        target = self._unrooted[-1].block.slot if self._unrooted else self.heads.finalized
        base = self.ledger.block(target)
        assert base is not None, "a final slot's block is kept"
        unborn = self.bank.records
        dropped = self.ledger.rollback(target, unborn)
        changed = self.bank.rollback(base, dropped)
        back = []
        for pubkey in changed:
            version = self.bank.accounts.version(pubkey)
            back.append(
                AccountUpdate(pubkey, target, 0, None)
                if version is None
                else AccountUpdate(pubkey, *version)
            )
        self.heads.confirmed = target
        for listener in self.listeners:
            listener.rolled_back(target, dropped)
        self._open(highest + 1)
        lost = [record for block in dropped for record in block.transactions]
        return Rollback(target, back, [*lost, *unborn])

    # Time

    def now(self) -> int:
        """The chain's own time, in Unix seconds."""
        return int(self.clock.now() + self.time_offset)

    def set_time(self, unix_time: int) -> None:
        """Let the chain's time go on from `unix_time`. Raises ValueError when that is the past."""
        if unix_time < self.bank.unix_time:
            raise ValueError(
                f"the chain's time is {self.bank.unix_time} and cannot go back to {unix_time}"
            )
        self.time_offset = unix_time - self.clock.now()

    # Reading

    def account(self, pubkey: Pubkey, slot: int | None = None) -> AccountState | None:
        """The account as of the end of `slot`, or now."""
        return self.bank.account(pubkey, slot)
