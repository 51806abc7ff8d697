"""Many instructions in as few transactions as the chain's limits allow.

What must happen together or not at all is a group; a group is never split. Groups keep their order
and are packed into transactions of at most 1,232 bytes and 64 accounts. **One transaction is
atomic; a batch of several is not**: when one fails, those before it have had their effect
(`BatchFailed` says which). Ask for `atomic=True` to be refused instead of split.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from choir.errors import BatchFailed, ChoirError, InvalidInput, TransactionFailed
from choir.fees import MAX_COMPUTE_UNITS
from choir.transactions import Measure, Receipt, compute_budget, measure

if TYPE_CHECKING:
    from choir.sending import Sender
    from choir.wallet import Signer

__all__ = ["Batch", "BatchReceipt", "Group", "plan", "send_batch"]

Group = Instruction | Sequence[Instruction]
"""One instruction, or several that must be in the same transaction."""
_OVER_BUDGET = ("ComputationalBudgetExceeded", "ProgramFailedToComplete")


@dataclass(frozen=True, slots=True)
class Batch:
    """One transaction's worth of groups, in order."""

    groups: tuple[tuple[Instruction, ...], ...]

    @property
    def instructions(self) -> list[Instruction]:
        """All of them, flat."""
        return [instruction for group in self.groups for instruction in group]

    def halves(self) -> tuple[Batch, Batch]:
        """Two batches of half the groups each; there must be more than one."""
        middle = len(self.groups) // 2
        return Batch(self.groups[:middle]), Batch(self.groups[middle:])


@dataclass(frozen=True, slots=True)
class BatchReceipt:
    """Everything ran without an error, in these transactions, in this order.

    `atomic` is true when it was one transaction: nobody saw a part of it without the rest.
    """

    receipts: tuple[Receipt, ...]

    @property
    def atomic(self) -> bool:
        return len(self.receipts) == 1


def plan(
    groups: Iterable[Group],
    *,
    payer: Pubkey,
    tables: Sequence[AddressLookupTableAccount] = (),
    atomic: bool = False,
) -> list[Batch]:
    """The transactions these groups take, in order; as full as sizes and accounts allow.

    How many compute units they need is not known here: `send_batch` splits further by simulation.
    Raises InvalidInput for a group that fits into no transaction, for nothing at all, and with
    `atomic` when one transaction is not enough.
    """
    listed = [_flat(group) for group in groups]
    if not listed or not all(listed):
        raise InvalidInput(
            "nothing to send: a group without instructions" if listed else "nothing to send"
        )
    batches: list[Batch] = []
    open_: list[tuple[Instruction, ...]] = []
    for number, group in enumerate(listed, 1):
        if _excess(payer, [*open_, group], tables) is None:
            open_.append(group)
            continue
        if (excess := _excess(payer, [group], tables)) is not None:
            raise InvalidInput(
                f"group {number} of {len(listed)} fits into no transaction: {excess}; its "
                f"{len(group)} instructions cannot be sent together"
            )
        batches.append(Batch(tuple(open_)))
        open_ = [group]
    batches.append(Batch(tuple(open_)))
    if atomic and len(batches) > 1:
        raise InvalidInput(
            f"this takes {len(batches)} transactions and so cannot be atomic: send fewer "
            "instructions, or give lookup tables for their accounts"
        )
    return batches


async def send_batch(
    sender: Sender,
    groups: Iterable[Group],
    *,
    signers: Sequence[Signer],
    payer: Pubkey | None = None,
    tables: Sequence[AddressLookupTableAccount] = (),
    atomic: bool = False,
) -> BatchReceipt:
    """Plan, and send one transaction after the other, each when the one before has run.

    What passes the compute-unit limit in simulation is halved, unless `atomic`. Raises
    BatchFailed when something had its effect before a failure; otherwise what `plan` and
    `Sender.send` raise.
    """
    if not signers:
        raise InvalidInput("a transaction needs at least one signer")
    payer = payer or signers[0].pubkey
    waiting = plan(groups, payer=payer, tables=tables, atomic=atomic)
    done: list[Receipt] = []
    while waiting:
        batch = waiting.pop(0)
        try:
            receipt = await sender.send(
                batch.instructions, signers=signers, payer=payer, tables=tables
            )
        except TransactionFailed as error:
            if not atomic and len(batch.groups) > 1 and _needs_too_much(error):
                waiting[:0] = batch.halves()
                continue
            raise _stopped(error, done, [batch, *waiting]) from error
        except ChoirError as error:
            raise _stopped(error, done, [batch, *waiting]) from error
        done.append(receipt)
    return BatchReceipt(tuple(done))


def _stopped(error: ChoirError, done: list[Receipt], left: list[Batch]) -> ChoirError:
    """The error itself when nothing had happened yet: then nothing of the batch has."""
    if not done:
        return error
    count = sum(len(batch.groups) for batch in left)
    return BatchFailed(
        f"{len(done)} transactions of the batch ran and stay done; then: {error} "
        f"({count} groups of instructions are left)",
        done=done,
        left=count,
        cause=error,
    )


def _needs_too_much(error: TransactionFailed) -> bool:
    if not error.simulated:
        return False
    if any(
        "exceeded CUs meter" in line or "computational budget" in line.lower()
        for line in error.logs
    ):
        return True
    detail = error.err.get("InstructionError") if isinstance(error.err, dict) else None
    return detail is not None and detail[1] in _OVER_BUDGET


def _flat(group: Group) -> tuple[Instruction, ...]:
    return (group,) if isinstance(group, Instruction) else tuple(group)


def _excess(
    payer: Pubkey,
    groups: Sequence[Sequence[Instruction]],
    tables: Sequence[AddressLookupTableAccount],
) -> str | None:
    """Which limit these groups pass in one transaction, its compute budget included."""
    flat = [instruction for group in groups for instruction in group]
    budgeted = [*compute_budget(MAX_COMPUTE_UNITS, 1), *flat]
    try:
        bare = measure(payer, budgeted)
        best: Measure = bare
        if tables:
            short = measure(payer, budgeted, tables=tables)
            best = short if short.size < bare.size else bare
    except InvalidInput as error:
        return str(error)
    return best.excess
