"""The one way a transaction is sent: it ends in success, or in an exception that says the truth.

`Sender.send` goes: simulate → compute-unit limit with a margin → priority fee from recent
percentiles → blockhash → sign → send → send again until the status is known or the blockhash is
dead → look at the status's error.

What it promises:

- **No false success.** It returns only when the node reports the transaction at the wanted
  commitment without an error. What `sendTransaction` answers is never taken for success.
- **No double effect.** It signs anew only after proof that what it signed before can never run:
  the block height of a confirmed bank is past the last valid one, *and* a node at least as far as
  that bank finds no trace of the signature in its history. Where the proof cannot be had the end
  is `OutcomeUnknown` with the signature, never a second transaction.
- **No silence.** Every failure is typed, with the program's logs (`choir.errors`).
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from choir.clock import Clock, SystemClock
from choir.errors import (
    BlockhashExpired,
    InvalidInput,
    MethodNotServed,
    NodeBehind,
    OutcomeUnknown,
    RateLimited,
    RpcError,
    RpcUnreachable,
    WalletError,
    failure_of,
)
from choir.ids import PROGRAM_ID
from choir.rpc import Commitment, Rpc, SignatureStatus
from choir.wallet import Signer, sign_message

__all__ = ["PriorityFee", "Receipt", "SendPolicy", "Sender", "UnsignedTransaction"]

MAX_COMPUTE_UNITS: Final = 1_400_000
MAX_TRANSACTION_BYTES: Final = 1232
UNSETTLED_KEPT: Final = 1000
# A node keeps statuses for 300 slots even without a history; a blockhash lives for 150 blocks.
_STATUSES_OUTLIVE_BLOCKHASH_BY: Final = 150


@dataclass(frozen=True, slots=True)
class PriorityFee:
    """What to bid per compute unit, in micro-lamports.

    The `percentile` of what was recently paid for the same accounts, kept between `floor` and
    `ceiling`.
    """

    percentile: int = 75
    floor: int = 0
    ceiling: int = 2_000_000

    def of(self, recent: Sequence[int]) -> int:
        """The bid, given recent fees in micro-lamports per compute unit."""
        ordered = sorted(recent)
        paid = (
            ordered[min(len(ordered) * self.percentile // 100, len(ordered) - 1)] if recent else 0
        )
        return max(self.floor, min(paid, self.ceiling))


@dataclass(frozen=True, slots=True)
class SendPolicy:
    """How hard to try. Times in seconds."""

    commitment: Commitment = "confirmed"
    unit_margin_percent: int = 20
    priority_fee: PriorityFee = field(default_factory=PriorityFee)
    resend_every: float = 2.0
    poll_first: float = 0.1
    poll_longest: float = 1.0
    signings: int = 3
    """How often to sign in all, when each time the blockhash provably expired."""
    patience: float = 120.0
    """How long the node may give no usable answer before the outcome is called unknown."""


@dataclass(frozen=True, slots=True)
class UnsignedTransaction:
    """A transaction for somebody else to sign.

    `transaction` holds zeroed signatures; it can run until block height
    `last_valid_block_height`. `units` is its compute-unit limit, `unit_price` the priority fee in
    micro-lamports per unit.
    """

    transaction: VersionedTransaction
    last_valid_block_height: int
    min_context_slot: int
    units: int
    unit_price: int

    @property
    def message(self) -> MessageV0:
        """What is to be signed."""
        message = self.transaction.message
        assert isinstance(message, MessageV0)
        return message

    @property
    def blockhash(self) -> Hash:
        """The blockhash it was made with."""
        return self.message.recent_blockhash

    def to_base64(self) -> str:
        """The serialised transaction, as wallets take it."""
        return base64.b64encode(bytes(self.transaction)).decode()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that ran without an error, in `slot`, at the wanted commitment."""

    signature: Signature
    slot: int


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
        self._clock = clock or SystemClock()
        self._program_id = program_id
        self.unsettled: set[Signature] = set()
        """Transactions handed to a node whose fate this sender did not learn: those on their way,
        those it was cancelled at, and those that ended in `OutcomeUnknown`. Of the latter two
        only the newest `UNSETTLED_KEPT` are kept."""
        self._lost: deque[Signature] = deque()

    async def prepare(
        self, instructions: Sequence[Instruction], *, payer: Pubkey, units_at_least: int = 0
    ) -> UnsignedTransaction:
        """Simulate, set the compute-unit limit and the priority fee, and fetch a blockhash.

        `units_at_least` is for instructions that may have more to do once they land than they
        had when simulated.

        Raises TransactionFailed (`simulated`) when it would fail, InvalidInput when it is too
        large, RpcError when the node does not answer.
        """
        price = await self._unit_price(instructions)
        simulated = await self._units(instructions, payer=payer, price=price)
        units = min(max(simulated, units_at_least), MAX_COMPUTE_UNITS)
        budget = _budget(units, price)
        recent = await self.rpc.get_latest_blockhash(commitment=self.policy.commitment)
        return UnsignedTransaction(
            transaction=_unsigned(payer, [*budget, *instructions], recent.value.hash),
            last_valid_block_height=recent.value.last_valid_block_height,
            min_context_slot=recent.slot,
            units=units,
            unit_price=price,
        )

    async def send(
        self,
        instructions: Sequence[Instruction],
        *,
        signers: Sequence[Signer],
        payer: Pubkey | None = None,
        units_at_least: int = 0,
    ) -> Receipt:
        """The whole way. `payer` is the first signer unless given; `units_at_least` as above.

        Raises TransactionFailed and its kinds, BlockhashExpired, OutcomeUnknown, WalletError,
        InvalidInput, RpcError (only before anything was sent).
        """
        if not signers:
            raise InvalidInput("a transaction needs at least one signer")
        payer = payer or signers[0].pubkey
        for signing in range(1, self.policy.signings + 1):
            prepared = await self.prepare(instructions, payer=payer, units_at_least=units_at_least)
            signed = await sign_message(prepared.message, signers)
            try:
                return await self.submit(
                    signed,
                    last_valid_block_height=prepared.last_valid_block_height,
                    min_context_slot=prepared.min_context_slot,
                )
            except BlockhashExpired:
                if signing == self.policy.signings:
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

        Never signs. `min_context_slot` is the slot its blockhash was read at, 0 when not known.
        Raises TransactionFailed, BlockhashExpired, OutcomeUnknown; WalletError when a signature
        is missing or wrong; RpcError when the node refused it outright before it can have
        reached anybody.
        """
        # a node asked to skip preflight does not look at signatures: it would drop it in silence
        keys = transaction.message.account_keys
        for key, valid in zip(keys, transaction.verify_with_results(), strict=False):
            if not valid:
                raise WalletError(f"the signature of {key} is missing or wrong")
        effort = _Effort(self, transaction, last_valid_block_height, min_context_slot)
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
        return receipt

    async def _unit_price(self, instructions: Sequence[Instruction]) -> int:
        policy = self.policy.priority_fee
        writable = {m.pubkey: None for ix in instructions for m in ix.accounts if m.is_writable}
        try:
            recent = await self.rpc.get_recent_prioritization_fees(list(writable))
        except MethodNotServed:
            recent = []
        return policy.of(recent)

    async def _units(
        self, instructions: Sequence[Instruction], *, payer: Pubkey, price: int
    ) -> int:
        budget = _budget(MAX_COMPUTE_UNITS, price)
        draft = _unsigned(payer, [*budget, *instructions], Hash.default())
        simulated = await self.rpc.simulate_transaction(
            bytes(draft), commitment=self.policy.commitment
        )
        outcome = simulated.value
        if outcome.err is not None:
            raise failure_of(
                outcome.err,
                outcome.logs,
                programs=_programs(draft),
                choir_program=str(self._program_id),
                simulated=True,
            )
        margin = outcome.units * self.policy.unit_margin_percent // 100
        return max(1, min(outcome.units + margin, MAX_COMPUTE_UNITS))


class _Effort:
    """One signed transaction on its way to a known end."""

    def __init__(
        self,
        sender: Sender,
        transaction: VersionedTransaction,
        last_valid_block_height: int,
        min_context_slot: int,
    ) -> None:
        self.rpc, self.policy, self.clock = sender.rpc, sender.policy, sender._clock
        self.program_id = sender._program_id
        self.transaction = transaction
        self.raw = bytes(transaction)
        self.signature = transaction.signatures[0]
        self.last_valid = last_valid_block_height
        self.min_context_slot = min_context_slot
        self.may_have_arrived = False
        self.refused = False

    async def run(self) -> Receipt:
        now = self.clock.monotonic()
        send_at = height_at = heard_at = now
        pause = self.policy.poll_first
        while True:
            now = self.clock.monotonic()
            wait = 0.0
            try:
                if now >= send_at:
                    send_at = now + self.policy.resend_every
                    await self._send()
                status = await self._status(search_history=False)
                if status is not None and status.reached(self.policy.commitment):
                    return await self._end(status)
                if now >= height_at:
                    if (receipt := await self._past_expiry(seen=status is not None)) is not None:
                        return receipt
                    height_at = now + self.policy.resend_every
                heard_at = self.clock.monotonic()
            except RpcError as error:
                if self.refused:
                    raise
                if isinstance(error, RateLimited):
                    wait = error.retry_after or pause * 2
                    send_at = max(send_at, now + wait)
                if self.clock.monotonic() - heard_at > self.policy.patience:
                    raise OutcomeUnknown(
                        f"the node gave no usable answer for {self.policy.patience:g} s "
                        f"({error}); transaction {self.signature} may or may not have run: "
                        "look it up before doing it again",
                        signature=str(self.signature),
                    ) from error
            await self.clock.sleep(max(wait, pause))
            pause = min(pause * 1.5, self.policy.poll_longest)

    async def _send(self) -> None:
        """Hand it over once more. What the answer says is only that somebody has it."""
        try:
            await self.rpc.send_transaction(
                self.raw,
                skip_preflight=True,
                max_retries=0,
                commitment=self.policy.commitment,
            )
        except NodeBehind:
            raise  # the node did not look at it
        except (RateLimited, RpcUnreachable):
            self.may_have_arrived = True  # a gateway may have passed it on all the same
            raise
        except RpcError as error:
            if self.may_have_arrived:
                return  # a repetition was refused, perhaps because the first one ran
            if (err := _preflight_err(error)) is None:
                self.refused = True
                raise
            if err == "AlreadyProcessed":
                self.may_have_arrived = True
                return
            raise failure_of(
                err,
                error.data.get("logs") or (),
                programs=_programs(self.transaction),
                choir_program=str(self.program_id),
                signature=str(self.signature),
                simulated=True,
            ) from error
        self.may_have_arrived = True

    async def _status(self, *, search_history: bool, at_slot: int = 0) -> SignatureStatus | None:
        answer = await self.rpc.get_signature_statuses(
            [self.signature], search_history=search_history
        )
        if answer.slot < at_slot:
            raise NodeBehind(f"the node answers for slot {answer.slot}, not yet {at_slot}")
        return answer.value[0]

    async def _past_expiry(self, *, seen: bool) -> Receipt | None:
        """Once the blockhash is dead: the receipt, the failure, or the proof that it never ran.

        None while it can still run, or while what was seen is not yet at the commitment.
        """
        proof: Commitment = "finalized" if self.policy.commitment == "finalized" else "confirmed"
        tip = await self.rpc.get_tip(commitment=proof)
        if tip.value <= self.last_valid or seen:
            return None
        status = await self._status(search_history=True, at_slot=tip.slot)
        if status is not None:
            return await self._end(status) if status.reached(self.policy.commitment) else None
        if tip.value > self.last_valid + _STATUSES_OUTLIVE_BLOCKHASH_BY and not (
            await self._history_reaches_back()
        ):
            raise OutcomeUnknown(
                f"the blockhash of transaction {self.signature} expired "
                f"{tip.value - self.last_valid} blocks ago and this node keeps no history that "
                "far back: it may have run; ask a node with history",
                signature=str(self.signature),
            )
        raise BlockhashExpired(
            f"the blockhash expired at block height {self.last_valid} (now {tip.value}) and "
            f"transaction {self.signature} never ran",
            signature=str(self.signature),
        )

    async def _history_reaches_back(self) -> bool:
        try:
            first = await self.rpc.request("getFirstAvailableBlock")
        except MethodNotServed:
            return False
        return isinstance(first, int) and 0 < self.min_context_slot >= first

    async def _end(self, status: SignatureStatus) -> Receipt:
        if status.err is None:
            return Receipt(self.signature, status.slot)
        raise failure_of(
            status.err,
            await self._logs(),
            programs=_programs(self.transaction),
            choir_program=str(self.program_id),
            signature=str(self.signature),
        )

    async def _logs(self) -> Sequence[str]:
        """The logs of what failed; without them the error's code still tells."""
        try:
            found = await self.rpc.get_transaction(
                self.signature,
                commitment="confirmed"
                if self.policy.commitment == "processed"
                else self.policy.commitment,
            )
        except RpcError:
            return ()
        meta = (found or {}).get("meta") or {}
        return tuple(meta.get("logMessages") or ())


def _budget(units: int, price: int) -> list[Instruction]:
    limit = [set_compute_unit_limit(units)]
    return [*limit, set_compute_unit_price(price)] if price else limit


def _unsigned(
    payer: Pubkey, instructions: Sequence[Instruction], blockhash: Hash
) -> VersionedTransaction:
    message = MessageV0.try_compile(payer, list(instructions), [], blockhash)
    count = message.header.num_required_signatures
    transaction = VersionedTransaction.populate(message, [Signature.default()] * count)
    if (size := len(bytes(transaction))) > MAX_TRANSACTION_BYTES:
        raise InvalidInput(
            f"the transaction has {size} bytes; {MAX_TRANSACTION_BYTES} are the most: "
            "send fewer instructions at once"
        )
    return transaction


def _programs(transaction: VersionedTransaction) -> list[str]:
    message: Any = transaction.message
    keys = message.account_keys
    return [
        str(keys[ix.program_id_index]) if ix.program_id_index < len(keys) else ""
        for ix in message.instructions
    ]


def _preflight_err(error: RpcError) -> Any:
    """The transaction error of a refused preflight, for nodes that run one regardless."""
    return error.data.get("err") if isinstance(error.data, dict) else None
