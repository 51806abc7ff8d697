"""The one way a transaction is sent: it ends in success, or in an exception that says the truth.

`Sender.send` goes: simulate → compute-unit limit with a margin → priority fee → blockhash or
durable nonce → sign → send → send again until the status is known or the transaction is dead →
look at the status's error.

What it promises:

- **No false success.** It returns only when the node reports the transaction at the wanted
  commitment without an error. What `sendTransaction` answers is never taken for success.
- **No double effect.** It signs anew only after proof that what it signed before can never run:
  the block height of a *finalized* bank is past the last valid one, *and* a node at least as far
  as that bank finds no trace of the signature in its history. Where the proof cannot be had the
  end is `OutcomeUnknown` with the signature, never a second transaction.
- **No false failure.** What is raised as failed has failed at the wanted commitment, or was
  refused before anybody could have passed it on; everything else is `OutcomeUnknown`.
- **No silence.** Every failure is typed, with the program's logs (`choir.errors`).

A result is as good as its commitment: `confirmed` has not been taken back on a public cluster so
far, `finalized` cannot be.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.hash import Hash
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from choir._effort import LONGEST_RETRY_AFTER, Effort, Life
from choir.clock import Clock, SystemClock
from choir.errors import (
    BlockhashExpired,
    InvalidInput,
    MethodNotServed,
    NodeBehind,
    OutcomeUnknown,
    RateLimited,
    WalletError,
    failure_of,
)
from choir.fees import (
    MAX_COMPUTE_UNITS,
    FeePolicy,
    FeeQuestion,
    FixedFee,
    FixedUnits,
    PriorityFee,
    SimulatedUnits,
    UnitPolicy,
    bid,
)
from choir.ids import PROGRAM_ID
from choir.nonce import read_nonce
from choir.rpc import Commitment, Rpc
from choir.simulation import SimulationResult, parse_logs
from choir.transactions import (
    MAX_TRANSACTION_BYTES,
    NEVER,
    NonceUse,
    Receipt,
    UnsignedTransaction,
    compute_budget,
    nonce_of,
    program_ids,
    unsigned_transaction,
)
from choir.wallet import Signer, sign_message

__all__ = [
    "MAX_COMPUTE_UNITS",
    "MAX_TRANSACTION_BYTES",
    "FixedFee",
    "FixedUnits",
    "NonceUse",
    "PriorityFee",
    "Receipt",
    "SendPolicy",
    "Sender",
    "SimulatedUnits",
    "UnsignedTransaction",
]

T = TypeVar("T")
UNSETTLED_KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class SendPolicy:
    """How hard to try. Times in seconds."""

    commitment: Commitment = "confirmed"
    units: UnitPolicy = field(default_factory=SimulatedUnits)
    priority_fee: FeePolicy = field(default_factory=PriorityFee)
    resend_every: float = 2.0
    poll_first: float = 0.1
    poll_longest: float = 1.0
    signings: int = 3
    """How often to sign in all, when each time the blockhash provably expired."""
    patience: float = 120.0
    """How long the node may give no usable answer before the outcome is called unknown."""
    longest: float = 600.0
    """How long one signed transaction is followed before its outcome is called unknown."""
    preparing: float = 20.0
    """How long a node that is busy or behind is waited for before anything is signed."""


class Sender:
    """Sends transactions over an `Rpc`."""

    def __init__(
        self,
        rpc: Rpc,
        *,
        policy: SendPolicy | None = None,
        clock: Clock | None = None,
        program_id: Pubkey = PROGRAM_ID,
    ) -> None:
        self.rpc = rpc
        self.policy = policy or SendPolicy()
        self.clock = clock or SystemClock()
        self.program_id = program_id
        self.unsettled: set[Signature] = set()
        """Transactions handed to a node whose fate this sender did not learn: those on their way,
        those it was cancelled at, and those that ended in `OutcomeUnknown`. Of the latter two
        only the newest `UNSETTLED_KEPT` are kept."""
        self._lost: deque[Signature] = deque()
        self._newest_slot: int | None = None

    async def simulate(
        self,
        instructions: Sequence[Instruction],
        *,
        payer: Pubkey,
        accounts: Sequence[Pubkey] = (),
        tables: Sequence[AddressLookupTableAccount] = (),
        nonce: NonceUse | None = None,
        units: int = MAX_COMPUTE_UNITS,
        unit_price: int = 0,
    ) -> SimulationResult:
        """Run the instructions without effect, whoever would have to sign.

        `accounts` are those whose state after it is wanted. A refusal by the program is in the
        result's `error`, not raised. Raises InvalidInput when it is too large for a transaction,
        RpcError when the node does not answer.
        """
        draft = unsigned_transaction(
            payer,
            [*compute_budget(units, unit_price), *instructions],
            Hash.default(),
            tables=tables,
            nonce=nonce,
        )

        async def run() -> SimulationResult:
            simulated = await self.rpc.simulate_transaction(
                bytes(draft),
                replace_blockhash=nonce is None,
                commitment=self.policy.commitment,
                # a node that has not seen what this sender just did would refuse wrongly
                min_context_slot=self._newest_slot,
                accounts=accounts,
            )
            outcome = simulated.value
            error = None
            if outcome.err is not None:
                error = failure_of(
                    outcome.err,
                    outcome.logs,
                    programs=program_ids(draft),
                    choir_program=str(self.program_id),
                    simulated=True,
                )
            return SimulationResult(
                slot=simulated.slot,
                error=error,
                units=outcome.units,
                logs=outcome.logs,
                invocations=parse_logs(outcome.logs),
                accounts=outcome.accounts,
                return_data=outcome.return_data,
                return_program=outcome.return_program,
            )

        return await self._patiently(run)

    async def prepare(
        self,
        instructions: Sequence[Instruction],
        *,
        payer: Pubkey,
        units_at_least: int = 0,
        tables: Sequence[AddressLookupTableAccount] = (),
        nonce: NonceUse | None = None,
    ) -> UnsignedTransaction:
        """Simulate, set the compute-unit limit and the priority fee, and fetch a blockhash.

        `units_at_least` is for instructions that may have more to do once they land than they
        had when simulated; `tables` are used where they make it smaller; with a durable `nonce`
        no blockhash is needed.

        Raises TransactionFailed (`simulated`) when it would fail, InvalidInput when it is too
        large, RpcError when the node does not answer.
        """
        slot = 0 if nonce is None else await self._still(nonce)
        price = await self._unit_price(instructions)
        units = await self._units(
            instructions,
            payer=payer,
            price=price,
            at_least=units_at_least,
            tables=tables,
            nonce=nonce,
        )
        if nonce is not None:
            blockhash, last_valid = nonce.value, NEVER
        else:
            recent = await self._patiently(
                lambda: self.rpc.get_latest_blockhash(commitment=self.policy.commitment)
            )
            slot, blockhash = recent.slot, recent.value.hash
            last_valid = recent.value.last_valid_block_height
        return UnsignedTransaction(
            transaction=unsigned_transaction(
                payer,
                [*compute_budget(units, price), *instructions],
                blockhash,
                tables=tables,
                nonce=nonce,
            ),
            last_valid_block_height=last_valid,
            min_context_slot=slot,
            units=units,
            unit_price=price,
            nonce=nonce,
        )

    async def send(
        self,
        instructions: Sequence[Instruction],
        *,
        signers: Sequence[Signer],
        payer: Pubkey | None = None,
        units_at_least: int = 0,
        tables: Sequence[AddressLookupTableAccount] = (),
        nonce: NonceUse | None = None,
    ) -> Receipt:
        """The whole way. `payer` is the first signer unless given; the rest as in `prepare`.

        With a `nonce` it is signed once: NonceAdvanced says that it will never run.

        Raises TransactionFailed and its kinds, BlockhashExpired, OutcomeUnknown, WalletError,
        InvalidInput, RpcError (only when nothing had an effect).
        """
        if not signers:
            raise InvalidInput("a transaction needs at least one signer")
        payer = payer or signers[0].pubkey
        signings = self.policy.signings if nonce is None else 1
        for signing in range(1, signings + 1):
            prepared = await self.prepare(
                instructions,
                payer=payer,
                units_at_least=units_at_least,
                tables=tables,
                nonce=nonce,
            )
            signed = await sign_message(prepared.message, signers)
            try:
                return await self.submit(
                    signed,
                    last_valid_block_height=prepared.last_valid_block_height,
                    min_context_slot=prepared.min_context_slot,
                )
            except BlockhashExpired:
                if signing == signings:
                    raise
        raise InvalidInput("a send policy must allow at least one signing")

    async def submit(
        self,
        transaction: VersionedTransaction,
        *,
        last_valid_block_height: int,
        min_context_slot: int = 0,
    ) -> Receipt:
        """Send a signed transaction again and again until its fate is known.

        Never signs, and may be called again with the same transaction, by another process too:
        it runs at most once. `min_context_slot` is the slot its blockhash or nonce was read at, 0
        when not known. A transaction that begins by advancing a durable nonce is followed by
        that nonce, whatever the block height.

        Raises TransactionFailed, BlockhashExpired, OutcomeUnknown; WalletError when a signature
        is missing or wrong; RpcError when the node refused it outright before it can have
        reached anybody.
        """
        # a node asked to skip preflight does not look at signatures: it would drop it in silence
        keys = transaction.message.account_keys
        for key, valid in zip(keys, transaction.verify_with_results(), strict=False):
            if not valid:
                raise WalletError(f"the signature of {key} is missing or wrong")
        life = Life(last_valid_block_height, min_context_slot, nonce_of(transaction))
        effort = Effort(self, transaction.signatures[0], life, transaction=transaction)
        return await self._followed(effort)

    async def settle(
        self,
        signature: Signature,
        *,
        last_valid_block_height: int,
        min_context_slot: int = 0,
        nonce: NonceUse | None = None,
    ) -> Receipt:
        """What became of a transaction that ended in `OutcomeUnknown`; sends nothing.

        The arguments are those the transaction was submitted with (`OutcomeUnknown` and
        `UnsignedTransaction` carry them). Raises what `submit` raises.
        """
        life = Life(last_valid_block_height, min_context_slot, nonce)
        return await self._followed(Effort(self, signature, life))

    async def _followed(self, effort: Effort) -> Receipt:
        self.unsettled.add(effort.signature)
        try:
            receipt = await effort.run()
        except (asyncio.CancelledError, OutcomeUnknown):
            self._lost.append(effort.signature)
            if len(self._lost) > UNSETTLED_KEPT:
                self.unsettled.discard(self._lost.popleft())
            raise
        except BaseException:
            self.unsettled.discard(effort.signature)
            raise
        self.unsettled.discard(effort.signature)
        self._newest_slot = max(receipt.slot, self._newest_slot or 0)
        return receipt

    async def _unit_price(self, instructions: Sequence[Instruction]) -> int:
        policy = self.policy.priority_fee
        if isinstance(policy, FixedFee):
            return policy.micro_lamports
        writable = {m.pubkey: None for ix in instructions for m in ix.accounts if m.is_writable}
        try:
            recent = await self._patiently(
                lambda: self.rpc.get_recent_prioritization_fees(list(writable))
            )
        except MethodNotServed:
            recent = []
        return await bid(policy, FeeQuestion(tuple(instructions), tuple(writable), tuple(recent)))

    async def _units(
        self,
        instructions: Sequence[Instruction],
        *,
        payer: Pubkey,
        price: int,
        at_least: int,
        tables: Sequence[AddressLookupTableAccount],
        nonce: NonceUse | None,
    ) -> int:
        policy = self.policy.units
        fixed = policy.units if isinstance(policy, FixedUnits) else None
        if isinstance(policy, FixedUnits) and not policy.simulate:
            return policy.units
        simulated = await self.simulate(
            instructions,
            payer=payer,
            tables=tables,
            nonce=nonce,
            units=fixed or MAX_COMPUTE_UNITS,
            unit_price=price,
        )
        simulated.raise_for_error()
        if isinstance(policy, FixedUnits):
            return policy.units
        return min(max(policy.of(simulated.units), at_least), MAX_COMPUTE_UNITS)

    async def _still(self, nonce: NonceUse) -> int:
        """The slot at which the nonce has the value it is to be used with."""
        slot, found = await self._patiently(
            lambda: read_nonce(self.rpc, nonce.account, commitment=self.policy.commitment)
        )
        if found.value != nonce.value:
            raise InvalidInput(
                f"the nonce {nonce.account} was advanced since it was read; read it again"
            )
        return slot

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask again while the node says that it is busy or behind; nothing was sent yet."""
        began = self.clock.monotonic()
        pause = self.policy.poll_first
        while True:
            try:
                return await ask()
            except (RateLimited, NodeBehind) as error:
                after = error.retry_after if isinstance(error, RateLimited) else None
                wait = min(after or pause, LONGEST_RETRY_AFTER)
                if self.clock.monotonic() + wait - began > self.policy.preparing:
                    self._newest_slot = None  # perhaps no node will get there: a fork, a reset
                    raise
            await self.clock.sleep(wait)
            pause = min(pause * 2, self.policy.poll_longest)
