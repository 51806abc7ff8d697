"""What must hold of every state, whatever was done to get there."""

from __future__ import annotations

from functools import reduce
from struct import pack

from tests.program.model import FEWEST_SHARES, MOST_AUTHORS, genesis_head, owed
from tests.program.model_state import Message, State, Thread, sha256


def check(state: State) -> None:
    """Asserts the invariants of a state.

    Raises:
        AssertionError: one is broken; the message says which, and of what.
    """
    for thread in state.threads.values():
        _check_thread(state, thread)
    for spec in state.specs.values():
        escrow = state.tokens.get(("escrow", *spec.id), 0)
        pending = spec.status == "Pending"
        assert escrow >= (spec.stake if pending else 0), f"escrow of {spec}"
        assert not spec.approvals & spec.denials, f"somebody decided twice on {spec}"
        assert pending == (spec.resolved_at == 0), f"{spec}"


def _check_thread(state: State, thread: Thread) -> None:
    name = thread.thread_id
    positions = [held for held in state.positions.values() if held.thread_id == name]
    assert sum(held.shares for held in positions) == thread.total_shares, f"shares of {name}"
    assert sum(owed(state, held) for held in positions) == thread.total_claimable, (
        f"claims on {name}"
    )
    pending = [
        spec for spec in state.specs.values() if spec.thread_id == name and spec.status == "Pending"
    ]
    assert len(pending) == thread.pending_specs, f"pending specs of {name}"
    assert thread.created_at <= thread.updated_at <= state.now, f"times of {name}"
    messages = [state.messages[name, index] for index in range(thread.message_count)]
    assert reduce(_next_head, messages, genesis_head(name)) == thread.head, f"chain of {name}"
    assert 1 <= len(set(thread.co_authors)) == len(thread.co_authors) <= MOST_AUTHORS, (
        f"co-authors of {name}"
    )
    if thread.status == "Open":
        vault = state.tokens["vault", name]
        assert vault >= thread.balance + thread.total_claimable, f"vault of {name}"
        assert thread.total_shares >= FEWEST_SHARES, f"shares of {name}"
        # A share never gets cheaper than it was at first.
        assert thread.balance >= thread.total_shares, f"price of a share of {name}"


def _next_head(head: bytes, message: Message) -> bytes:
    assert message.previous_head == head, f"chain before {message}"
    return sha256(head, pack("<Q", message.index), message.author, message.content_hash)
