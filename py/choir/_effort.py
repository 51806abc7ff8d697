"""One signed transaction on its way to a known end: the loop behind `choir.sending`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from solders.signature import Signature
from solders.transaction import VersionedTransaction

from choir.errors import (
    BlockhashExpired,
    DecodeError,
    MethodNotServed,
    NodeBehind,
    NonceAdvanced,
    OutcomeUnknown,
    RateLimited,
    RpcError,
    RpcUnreachable,
    failure_of,
)
from choir.nonce import NonceAccount
from choir.rpc import SignatureStatus
from choir.transactions import NonceUse, Receipt, program_ids

if TYPE_CHECKING:
    from choir.sending import Sender

__all__ = ["Effort", "Life"]

LONGEST_RETRY_AFTER: Final = 30.0
# A node keeps statuses for 300 slots even without a history; a blockhash lives for 150 blocks.
_STATUSES_OUTLIVE_BLOCKHASH_BY: Final = 150
_REFUSALS: Final = frozenset({-32700, -32600, -32601, -32602, -32002, -32003, -32006, -32013})
"""Codes of answers after which a node has surely not passed the transaction on. Source:
rpc-client-api, custom_error.rs"""


@dataclass(frozen=True, slots=True)
class Life:
    """How long a transaction can run: to a block height, or until its nonce is advanced.

    `min_context_slot` is the slot its blockhash or nonce was read at, 0 when not known.
    """

    last_valid_block_height: int
    min_context_slot: int = 0
    nonce: NonceUse | None = None


@dataclass(frozen=True, slots=True)
class _Death:
    """Since when it can run no more: a finalized bank at `slot`, `age` blocks after its last."""

    slot: int
    age: int
    said: str


class Effort:
    """Sends (unless `transaction` is None) and asks until the fate of `signature` is known."""

    def __init__(
        self,
        sender: Sender,
        signature: Signature,
        life: Life,
        *,
        transaction: VersionedTransaction | None = None,
    ) -> None:
        self.rpc, self.policy, self.clock = sender.rpc, sender.policy, sender.clock
        self.program_id = sender.program_id
        self.signature = signature
        self.life = life
        self.programs = program_ids(transaction) if transaction is not None else []
        self.raw = bytes(transaction) if transaction is not None else None
        self.may_have_arrived = self.raw is None
        self.refused: Exception | None = None
        self.last_said = ""
        self.alive_at = life.min_context_slot

    async def run(self) -> Receipt:
        """Raises TransactionFailed, BlockhashExpired, OutcomeUnknown, or a first refusal."""
        began = now = self.clock.monotonic()
        send_at = life_at = heard_at = now
        pause = self.policy.poll_first
        while True:
            now = self.clock.monotonic()
            wait = 0.0
            try:
                if self.raw is not None and now >= send_at:
                    send_at = now + self.policy.resend_every
                    await self._send(self.raw)
                status = await self._status(search_history=self.refused is not None)
                if status is not None and status.reached(self.policy.commitment):
                    return await self._end(status)
                if self.refused is not None:
                    if status is None:
                        raise self.refused
                    self.refused, self.may_have_arrived = None, True
                if now >= life_at:
                    receipt = await self._past_life(seen=status is not None)
                    if receipt is not None:
                        return receipt
                    life_at = now + self.policy.resend_every
                heard_at = self.clock.monotonic()
            except RpcError as error:
                if error is self.refused:
                    raise
                if isinstance(error, RateLimited):
                    wait = min(error.retry_after or pause * 2, LONGEST_RETRY_AFTER)
                    send_at = max(send_at, now + wait)
                if self.clock.monotonic() - heard_at > self.policy.patience:
                    raise self._unknown(
                        f"the node gave no usable answer for {self.policy.patience:g} s ({error})"
                    ) from error
            if self.clock.monotonic() - began > self.policy.longest:
                raise self._unknown(
                    f"it was neither {self.policy.commitment} nor provably dead within "
                    f"{self.policy.longest:g} s"
                )
            await self.clock.sleep(max(wait, pause))
            pause = min(pause * 1.5, self.policy.poll_longest)

    def _unknown(self, why: str) -> OutcomeUnknown:
        said = f"; the node's last refusal was: {self.last_said}" if self.last_said else ""
        return OutcomeUnknown(
            f"transaction {self.signature} may or may not have run: {why}{said}. Do not sign it "
            "again; ask for its outcome with `Sender.settle`, or look the signature up on a node "
            "with history",
            signature=str(self.signature),
            last_valid_block_height=self.life.last_valid_block_height,
            min_context_slot=self.life.min_context_slot,
        )

    async def _send(self, raw: bytes) -> None:
        """Hand it over once more. What the answer says is only that somebody has it."""
        self.refused = None
        try:
            await self.rpc.send_transaction(
                raw,
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
            self.last_said = str(error)
            err = _preflight_err(error)
            if err in ("AlreadyProcessed", "BlockhashNotFound"):
                # it ran; or the node does not know the blockhash yet, or no more
                self.may_have_arrived |= err == "AlreadyProcessed"
                return
            if self.may_have_arrived or error.code not in _REFUSALS:
                # a repetition was refused, perhaps because the first one ran; or an answer that
                # does not say whether it was passed on
                self.may_have_arrived = True
                return
            # a caller may have sent the same bytes before: the status has the last word
            self.refused = error
            if err is not None:
                self.refused = failure_of(
                    err,
                    error.data.get("logs") or (),
                    programs=self.programs,
                    choir_program=str(self.program_id),
                    signature=str(self.signature),
                    simulated=True,
                )
                self.refused.__cause__ = error
            return
        self.may_have_arrived, self.last_said = True, ""

    async def _status(self, *, search_history: bool, at_slot: int = 0) -> SignatureStatus | None:
        answer = await self.rpc.get_signature_statuses(
            [self.signature], search_history=search_history
        )
        if answer.slot < at_slot:
            raise NodeBehind(f"the node answers for slot {answer.slot}, not yet {at_slot}")
        return answer.value[0]

    async def _past_life(self, *, seen: bool) -> Receipt | None:
        """Once it can run no more: the receipt, the failure, or the proof that it never ran.

        None while it can still run, or while what was seen is not yet at the commitment.
        """
        death = None if seen else await self._death()
        if death is None:
            return None
        status = await self._status(search_history=True, at_slot=death.slot)
        if status is not None:
            return await self._end(status) if status.reached(self.policy.commitment) else None
        if death.age > _STATUSES_OUTLIVE_BLOCKHASH_BY and not await self._history_reaches_back():
            raise self._unknown(
                f"{death.said} {death.age} blocks ago and this node keeps no history that far back"
            )
        said = f" (the node said: {self.last_said})" if self.last_said else ""
        kind = BlockhashExpired if self.life.nonce is None else NonceAdvanced
        raise kind(
            f"{death.said} and transaction {self.signature} never ran{said}",
            signature=str(self.signature),
        )

    async def _death(self) -> _Death | None:
        """The finalized bank by which it can run no more: no fork can take that back."""
        life = self.life
        if life.nonce is None:
            tip = await self.rpc.get_tip(commitment="finalized")
            if tip.value <= life.last_valid_block_height:
                return None
            return _Death(
                tip.slot,
                tip.value - life.last_valid_block_height,
                f"the blockhash expired at block height {life.last_valid_block_height} "
                f"(now {tip.value})",
            )
        found = await self.rpc.get_account(life.nonce.account, commitment="finalized")
        if found.slot < life.min_context_slot:
            return None  # that bank may be older than the nonce's value
        if found.value is not None:
            try:
                if NonceAccount.of(found.value).value == life.nonce.value:
                    self.alive_at = max(self.alive_at, found.slot)
                    return None
            except DecodeError:
                pass
        return _Death(
            found.slot,
            found.slot - self.alive_at,
            f"the nonce {life.nonce.account} was advanced",
        )

    async def _history_reaches_back(self) -> bool:
        try:
            first = await self.rpc.request("getFirstAvailableBlock")
        except MethodNotServed:
            return False
        return isinstance(first, int) and 0 < self.alive_at >= first

    async def _end(self, status: SignatureStatus) -> Receipt:
        if status.err is None:
            return Receipt(self.signature, status.slot)
        raise failure_of(
            status.err,
            await self._logs(),
            programs=self.programs,
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


def _preflight_err(error: RpcError) -> Any:
    """The transaction error of a refused preflight, for nodes that run one regardless."""
    return error.data.get("err") if isinstance(error.data, dict) else None
