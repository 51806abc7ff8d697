"""What must hold of every state and of every step, whatever was done to get there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from struct import pack
from typing import Any

from tests.program.model_rules import (
    COOL_OFF,
    FAMILIES,
    LONGEST_PAUSE,
    MOST_AUTHORS,
    MOST_SIGNERS,
    genesis_head,
    owed,
)
from tests.program.model_state import TREASURY_VAULT, Message, Outcome, State, Thread, sha256

TERMS = ("thread_id", "creator", "created_at", "min_balance", "divest_cooldown")
"""Fields of a thread that never change."""


def check(state: State, threads: Iterable[str] | None = None) -> None:
    """Asserts the invariants of a state; of some threads only, if they are named.

    Raises:
        AssertionError: one is broken; the message says which, and of what.
    """
    for name in state.threads if threads is None else threads:
        _check_thread(state, state.threads[name])
    _check_treasury(state)
    if state.config is not None:
        latest = max(state.config.paused_until)
        assert latest <= state.now + LONGEST_PAUSE, "something is paused for over a week"


def _check_treasury(state: State) -> None:
    treasury = state.treasury
    if treasury is None:
        return
    count = len(treasury.signers)
    assert 1 <= treasury.threshold <= count <= MOST_SIGNERS
    assert len(set(treasury.signers)) == count, f"signers of {treasury}"
    for index, proposal in state.proposals.items():
        assert proposal.index == index < treasury.proposal_count, f"{proposal}"
        assert proposal.signer_epoch <= treasury.signer_epoch, f"{proposal}"
        if proposal.signer_epoch == treasury.signer_epoch:
            assert proposal.approvals < 1 << count, f"approvals of {proposal}"


def _check_thread(state: State, thread: Thread) -> None:
    name = thread.thread_id
    positions = [held for held in state.positions.values() if held.thread_id == name]
    assert sum(held.shares for held in positions) == thread.total_shares, f"shares of {name}"
    assert sum(owed(state, held) for held in positions) == thread.total_claimable, (
        f"claims on {name}"
    )
    specs = [spec for spec in state.specs.values() if spec.thread_id == name]
    for spec in specs:
        escrow = state.tokens["escrow", *spec.id]
        pending = spec.status == "Pending"
        assert escrow >= (spec.stake if pending else 0), f"escrow of {spec}"
        assert not spec.approvals & spec.denials, f"somebody decided twice on {spec}"
        assert pending == (spec.resolved_at == 0), f"{spec}"
        assert spec.sequence < thread.spec_count, f"{spec}"
    pending_specs = sum(spec.status == "Pending" for spec in specs)
    assert pending_specs == thread.pending_specs, f"pending specs of {name}"
    assert len({spec.sequence for spec in specs}) == len(specs), f"sequences of {name}"
    assert thread.created_at <= thread.updated_at <= state.now, f"times of {name}"
    messages = [state.messages[name, index] for index in range(thread.message_count)]
    assert reduce(_next_head, messages, genesis_head(name)) == thread.head, f"chain of {name}"
    assert 1 <= len(set(thread.co_authors)) == len(thread.co_authors) <= MOST_AUTHORS, (
        f"co-authors of {name}"
    )
    if thread.status == "Closed":
        left = (thread.balance, thread.total_claimable, thread.total_shares, pending_specs)
        assert left == (0, 0, 0, 0), f"left in {name}"
        assert ("vault", name) not in state.tokens, f"vault of {name}"
        return
    vault = state.tokens["vault", name]
    assert vault >= thread.balance + thread.total_claimable, f"vault of {name}"
    # A share never gets cheaper than it was at first.
    assert thread.balance >= thread.total_shares, f"price of a share of {name}"
    assert (thread.balance > 0) == (thread.total_shares > 0), f"shares of {name}"
    if thread.status == "Open":
        assert thread.total_shares >= 1, f"shares of {name}"
        assert all((name, author) in state.positions for author in thread.co_authors)
    else:
        assert pending_specs == 0, f"pending specs of {name}, which is wound down"


def _next_head(head: bytes, message: Message) -> bytes:
    assert message.previous_head == head, f"chain before {message}"
    return sha256(head, pack("<Q", message.index), message.author, message.content_hash)


def check_step(before: State, outcome: Outcome) -> None:
    """Asserts what must hold between the states before and after an instruction.

    Raises:
        AssertionError: it does not.
    """
    after = outcome.state
    minted = after.supply - before.supply
    assert sum(after.tokens.values()) == sum(before.tokens.values()) + minted, "tokens"
    assert sum(after.lamports.values()) == sum(before.lamports.values()), "lamports"
    for name, old in before.threads.items():
        new = after.threads[name]
        if new is not old:
            rebased = any(
                kind == "SharesRebased" and fields["thread"] == ("thread", name)
                for kind, fields in outcome.events
            )
            _check_thread_step(old, new, rebased)
    if before.config is not None and after.config is not None:
        was, now = before.config.paused_until, after.config.paused_until
        for family in FAMILIES:
            if now[family] > max(was[family], after.now):
                cool = was[family] == 0 or after.now >= was[family] + COOL_OFF
                assert cool, f"family {family} is paused again within a day"


def _check_thread_step(old: Thread, new: Thread, rebased: bool) -> None:
    name = old.thread_id
    for term in TERMS:
        assert getattr(old, term) == getattr(new, term), f"{term} of {name}"
    order = ("Open", "Closing", "Closed")
    assert order.index(old.status) <= order.index(new.status), f"status of {name}"
    epochs = new.author_epoch - old.author_epoch
    assert (epochs > 0) == (old.co_authors != new.co_authors), f"epoch of {name}"
    for count in ("message_count", "spec_count", "reward_per_author", "updated_at"):
        assert getattr(old, count) <= getattr(new, count), f"{count} of {name}"
    if not rebased and new.total_shares:
        # What the shares of everybody else are worth never falls.
        assert new.balance * old.total_shares >= old.balance * new.total_shares, f"price of {name}"


@dataclass
class Ledger:
    """What went in and out of the program's token accounts, by the events alone."""

    paid_in: int = 0
    paid_out: int = 0
    sent: int = 0
    """What strangers have sent."""
    decided: set[tuple[Any, ...]] = field(default_factory=set)
    """Who has decided on which submission under which set of co-authors."""

    def note(self, kind: str, fields: dict[str, Any]) -> None:
        """Counts an event."""
        match kind:
            case "ThreadCreated":
                self.paid_in += fields["deposit"]
            case "Deposited":
                self.paid_in += fields["amount"]
            case "SpecSubmitted":
                self.paid_in += fields["stake"]
            case "Divested" | "RewardClaimed":
                self.paid_out += fields["amount"]
            case "SpecSettled":
                self.paid_out += fields["to_author"]
                parts = ("to_approvers", "to_thread", "to_treasury", "to_author")
                assert sum(fields[part] for part in parts) == fields["stake"], fields
            case "ThreadClosed":
                self.paid_out += fields["paid"]
            case "TreasuryExecuted":
                action = fields["action"]
                destination = getattr(action, "destination", TREASURY_VAULT)
                within = destination[0] != "token"
                if type(action).__name__ == "Spend" and not within:
                    self.paid_out += action.amount
                if type(action).__name__ == "Mint" and within:
                    self.paid_in += action.amount
            case "SpecDecided":
                names = ("thread", "sequence", "author_epoch", "approver")
                decision = tuple(fields[name] for name in names)
                assert decision not in self.decided, f"decided twice: {decision}"
                self.decided.add(decision)

    def check(self, state: State) -> None:
        """Vaults, escrows and the treasury hold what came in and did not go out.

        Raises:
            AssertionError: they do not.
        """
        held = sum(amount for name, amount in state.tokens.items() if name[0] != "token")
        assert held + self.paid_out == self.paid_in + self.sent, (held, self)
