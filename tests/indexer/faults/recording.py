"""Random histories of the real program on the localnet's chain, beside the model of it.

The moves are those of `tests/program`: most of them honest, some refused, all checked against
the model while they happen. What is kept is what a node would tell of it. Now and then the
chain goes back some slots, and some of what was dropped lands again, elsewhere or with another
result.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, cast

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from solders.account import Account
from solders.clock import Clock
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from tests.indexer.faults.history import Fork, History, Moment, Slot, Told, Write
from tests.program.borsh import decode_event
from tests.program.harness import EVENT_TAG, PROGRAM_ID, START, TOKEN_PROGRAM, Done, Refused, World
from tests.program.mirror import Batch
from tests.program.model_invariants import Ledger
from tests.program.model_state import Name, Outcome, Refusal, State
from tests.program.moves import HOLDINGS, MOVES, WHO
from tests.program.moves_all import EveryMove, as_steps
from tests.program.steps import Steps

from choir.localnet.bank import Landed
from choir.localnet.chain import Chain, Closed
from choir.localnet.genesis import load_keys
from choir.localnet.model import AccountState, AccountUpdate, Block, TransactionRecord
from choir.localnet.settings import Settings
from choir.localnet.transaction_json import transaction_json
from choir.testing import ManualClock
from choir_indexer.model import SignatureRef

__all__ = ["record"]

FINALITY_SLOTS = 6
MOVES_A_HISTORY = 60
UNITS = 1_400_000

Transition = Callable[[State], Outcome]


class ChainSvm:
    """The localnet's chain where the harness expects a LiteSVM."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.skip = 0

    def get_account(self, key: Pubkey) -> AccountState | None:
        return self.chain.account(key)

    def set_account(self, key: Pubkey, account: Account) -> None:
        state = AccountState(account.lamports, account.data, account.owner, account.executable)
        self.chain.set_account(key, state)

    def get_balance(self, key: Pubkey) -> int | None:
        state = self.chain.account(key)
        return None if state is None else state.lamports

    def airdrop(self, key: Pubkey, lamports: int) -> None:
        held = self.get_balance(key) or 0
        self.chain.set_account(key, AccountState(held + lamports, b"", Pubkey.default()))

    def minimum_balance_for_rent_exemption(self, size: int) -> int:
        return self.chain.bank.svm.rent_exempt(size)

    def get_clock(self) -> Clock:
        bank = self.chain.bank
        return Clock(bank.slot, bank.genesis_time, 0, 1, bank.unix_time)

    def set_clock(self, clock: Clock) -> None:
        """Close the open slot; the next one has this time."""
        self.chain.set_time(clock.unix_timestamp)
        skip, self.skip = self.skip, 0
        self.chain.confirm(self.chain.close_slot(skip))


class ChainWorld(World):
    """The harness's world on a chain. `newest` is the signature of what was sent last."""

    newest = ""
    _sent = 0

    @property
    def chain(self) -> Chain:
        return cast(ChainSvm, self.svm).chain

    def send(self, *instructions: Instruction, signers: tuple[Keypair, ...] = ()) -> Done:
        """As the harness; signed on the newest final block, so that it can land on any branch."""
        self._sent += 1
        unlike = set_compute_unit_limit(UNITS - self._sent)  # every other one
        final = self.chain.ledger.latest_at(self.chain.heads.finalized)
        message = Message.new_with_blockhash(
            [*instructions, unlike], self.authority.pubkey(), Hash.from_string(final.blockhash)
        )
        needed = message.account_keys[: message.header.num_required_signatures]
        keys = {key.pubkey(): key for key in (self.authority, *signers) if key.pubkey() in needed}
        transaction = VersionedTransaction(message, [keys[each] for each in needed])
        landed = self.chain.execute(transaction, bytes(transaction), verified=True)
        assert isinstance(landed, Landed), landed
        record = landed.record
        self.newest = record.signature
        if record.err is not None:
            found = re.search(r"custom program error: 0x([0-9a-f]+)", "\n".join(record.logs))
            raise Refused(int(found.group(1), 16) if found else None, record.logs, record.err)
        events = [
            decode_event(call.data[8:])
            for inner in record.inner
            for call in inner.calls
            if call.data[:8] == EVENT_TAG
        ]
        return Done(events, record.compute_units, record.logs)


class Kept(NamedTuple):
    """The model at a slot's end."""

    state: State
    ledger: Ledger
    minted: int


class ChainSteps(Steps):
    """Steps that can be taken back, and taken again."""

    world: ChainWorld

    def __init__(self, chain: Chain, *, treasury_mints: bool) -> None:
        self._making: list[Transition] = []
        self._transitions: dict[str, list[Transition]] = {}
        self._kept: dict[int, Kept] = {}
        world = ChainWorld(TOKEN_PROGRAM, svm=cast(LiteSVM, ChainSvm(chain)))
        super().__init__(TOKEN_PROGRAM, HOLDINGS, treasury_mints=treasury_mints, world=world)

    def _act(
        self,
        name: str,
        transition: Transition,
        signer: bytes | None,
        instruction: Instruction,
        named: dict[Name, None],
    ) -> str:
        self._making.append(transition)
        return super()._act(name, transition, signer, instruction, named)

    def _send(self, what: str, batch: Batch, after: State) -> str:
        transitions, self._making = self._making, []
        result = super()._send(what, batch, after)
        self._transitions[self.world.newest] = transitions
        return result

    def set_time(self, now: int) -> None:
        slot = self.world.chain.bank.slot
        self._kept[slot] = Kept(self.state, copy.deepcopy(self.ledger), self.minted)
        super().set_time(now)

    def close_slot(self, skip: int = 0) -> None:
        """Close the open slot, leaving out `skip` after it."""
        cast(ChainSvm, self.world.svm).skip = skip
        self.set_time(self.state.now)

    @property
    def droppable(self) -> int:
        """How many closed slots a fork may drop."""
        chain = self.world.chain
        return max(min(chain.unrooted, len(self._kept) - 1), 0)

    def fork(self, slots: int, lands: Callable[[], bool]) -> bool:
        """Drop the newest slots; what was in them lands again where `lands` says so.

        Returns whether the model still is as the chain: it knows nothing of accounts that were
        chosen for the old branch and are the wrong ones on the new.
        """
        chain = self.world.chain
        back = chain.rollback(slots)
        kept = self._kept[back.slot]
        self._kept = {slot: each for slot, each in self._kept.items() if slot <= back.slot}
        self.ledger, self.minted = copy.deepcopy(kept.ledger), kept.minted
        bank = chain.bank
        now = max(bank.unix_time, kept.state.now)
        self.state = replace(kept.state, now=now, slot=bank.slot)
        for record in back.lost:
            if lands() and not self._again(record):
                return False
        try:
            self.compare()
        except AssertionError:
            return False
        return True

    def _again(self, record: TransactionRecord) -> bool:
        """Run a transaction once more; returns whether model and program agree on it."""
        wire = record.wire
        landed = self.world.chain.execute(
            VersionedTransaction.from_bytes(wire), wire, verified=True
        )
        if not isinstance(landed, Landed):
            return True
        state, events = self.state, []
        refused = False
        try:
            for transition in self._transitions[record.signature]:
                outcome = transition(state)
                state = outcome.state
                events += outcome.events
        except Refusal:
            refused = True
        if refused != (landed.record.err is not None):
            return False
        if not refused:
            self.state = state
            for kind, fields in events:
                self.ledger.note(kind, fields)
        return True


class Recorder:
    """Listens to a chain and writes down what a node would tell of the program."""

    def __init__(self, chain: Chain) -> None:
        self.moments: list[Moment] = []
        self._chain = chain
        self._records: list[TransactionRecord] = []
        self._writes: list[AccountUpdate] = []
        self._owned: set[Pubkey] = set()

    def landed(self, landed: Landed) -> None:
        if PROGRAM_ID in landed.record.account_keys:
            self._records.append(landed.record)
        self._writes += landed.updates

    def wrote(self, updates: list[AccountUpdate]) -> None:
        self._writes += updates

    def opened(self, slot: int, parent: int, root: int) -> None:
        pass

    def confirmed(self, closed: Closed) -> None:
        told = [_told(record, position) for position, record in enumerate(self._records)]
        writes = [write for update in self._writes if (write := self._write(update)) is not None]
        final = self._chain.heads.finalized
        self.moments.append(Slot(closed.block.slot, final, tuple(told), tuple(writes)))
        self._records, self._writes = [], []

    def rooted(self, closed: Closed) -> None:
        pass

    def rolled_back(self, slot: int, dropped: list[Block]) -> None:
        self.moments.append(Fork(slot))
        self._records, self._writes = [], []

    def _write(self, update: AccountUpdate) -> Write | None:
        """What an update is to the program; None when it is none of its accounts."""
        state = update.state
        if state is not None and state.owner == PROGRAM_ID:
            self._owned.add(update.pubkey)
            return Write(bytes(update.pubkey), state.data, state.lamports, update.write_version)
        if update.pubkey in self._owned:
            return Write(bytes(update.pubkey), None, 0, update.write_version)
        return None


def _told(record: TransactionRecord, position: int) -> Told:
    signature = bytes(Signature.from_string(record.signature))
    answer = {
        "slot": record.slot,
        "blockTime": record.block_time,
        "transactionIndex": record.index,
        **transaction_json(record, "json", 0),
    }
    return Told(SignatureRef(signature, record.slot, position), answer)


class Recording(EveryMove):
    """One history in the making."""

    def __init__(self, name: str, *, treasury_mints: bool) -> None:
        genesis = hashlib.sha256(name.encode()).digest()
        options = Settings(choir=False, finality_slots=FINALITY_SLOTS)
        clock = ManualClock(float(START))
        self._chain = Chain(options, clock, load_keys(None), genesis)
        self.genesis = str(Hash.from_bytes(genesis))
        self._recorder = Recorder(self._chain)
        self._chain.listeners.append(self._recorder)
        self._chain.start([])
        self.steps = self.both = ChainSteps(self._chain, treasury_mints=treasury_mints)

    def history(self) -> History:
        """All of it, the open slot closed."""
        self.steps.close_slot()
        return History(self.genesis, tuple(self._recorder.moments))


def record(name: str) -> History:
    """A history, the same for the same name.

    Raises:
        AssertionError: the program does not do what the model does.
    """
    histories: list[History] = []

    @seed(name)
    @settings(
        max_examples=2,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32), st.data())
    def tell(lot: int, data: st.DataObject) -> None:
        if lot:  # Hypothesis begins with the simplest of all
            histories.append(_tell(name, data.draw))

    tell()
    return histories[0]


def _tell(name: str, draw: Callable[[st.SearchStrategy[Any]], Any]) -> History:
    told = Recording(name, treasury_mints=draw(st.booleans()))
    told.open_for_all(dust=draw(st.booleans()), who=draw(WHO), crowd=draw(st.integers(0, 3)))
    for _ in range(MOVES_A_HISTORY):
        told.run(*draw(as_steps(MOVES)))
        turn = draw(st.integers(0, 15))
        if turn == 15 and told.steps.droppable and draw(st.booleans()):
            depth = draw(st.integers(1, told.steps.droppable))
            if not told.steps.fork(depth, _odds(draw, draw(st.integers(0, 4)))):
                break
        elif turn > 7:
            told.steps.close_slot(skip=draw(st.integers(0, 2)) if turn > 13 else 0)
    return told.history()


def _odds(draw: Callable[[st.SearchStrategy[int]], int], quarters: int) -> Callable[[], bool]:
    return lambda: draw(st.integers(0, 3)) < quarters
