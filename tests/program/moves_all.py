"""Every move there is: those on threads, specs and settings, and what happens around them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from tests.program import model
from tests.program.harness import sha256
from tests.program.model_state import TREASURY_VAULT, U64, Name
from tests.program.moves import (
    CONTENT,
    INSTRUCTIONS,
    OFF,
    PLACE,
    THREADS,
    WHO,
    Move,
    Nothing,
    move,
)
from tests.program.moves_governance import GovernanceMoves
from tests.program.moves_specs import SpecMoves
from tests.program.moves_threads import ThreadMoves
from tests.program.steps import DUST, PARAMS

SPANS = [1, 60, 1_799, 3_599, 3_600, 3_601, 86_399, 86_400, 7 * 86_400, 30 * 86_400]


def as_steps(moves: list[Move]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """One of some moves, with arguments."""
    return st.sampled_from(moves).flatmap(lambda one: st.tuples(st.just(one[0]), one[1]))


class EveryMove(ThreadMoves, SpecMoves, GovernanceMoves):
    """Wallets, threads and specs, and the world around them."""

    def open_for_all(self, *, dust: bool, who: int, crowd: int) -> None:
        """The program is initialized, two threads are open, and ``crowd`` wallets join one."""
        signer = self.both.state.upgrade_authority
        self.both.initialize(self.both.wallets[who])
        assert self.both.initialize(signer, params=DUST if dust else PARAMS) == "done"
        rich, whale = self.both.wallets[1], self.both.wallets[0]
        assert self.both.create_thread(rich, "thread 0", 50_000, "Public") == "done"
        assert self.both.create_thread(whale, "thread 1", 10_000, "Premium") == "done"
        for wallet in self.both.wallets[2 : 2 + crowd]:
            spec_id = ("thread 0", wallet, sha256("let me in"))
            assert self.both.submit_spec(wallet, "thread 0", spec_id[2], 1_003) == "done"
            for author in self.state.threads["thread 0"].co_authors:
                assert self.both.process_approval(author, spec_id, "Approve") == "done"

    @move(1, alone=True, span=st.sampled_from(SPANS))
    def wait(self, span: int) -> None:
        self.both.set_time(self.state.now + span)

    @move(2, alone=True, place=PLACE, off=OFF)
    def wait_for_cooldown(self, place: int, off: int) -> None:
        position = self.a_position(place)
        terms = self.state.threads[position.thread_id]
        cooldown = min(self.config.params.divest_cooldown, terms.divest_cooldown)
        self.until(position.last_stake_at + cooldown + off)

    @move(alone=True, place=PLACE, off=OFF)
    def wait_for_hour(self, place: int, off: int) -> None:
        self.until(self.a_position(place).window_start + model.HOUR + off)

    @move(2, alone=True, place=PLACE, amount=st.sampled_from([1, 7, 10**6, 10**9, U64 // 3]))
    def donate(self, place: int, amount: int) -> None:
        """A stranger sends tokens into a vault, an escrow or the treasury's vault."""
        targets = [name for name in self.state.tokens if name[0] != "token"]
        target = self.pick(place, [TREASURY_VAULT, *targets])
        if self.state.tokens[target] + amount <= U64:
            self.both.donate(target, amount)

    @move(alone=True, place=PLACE, who=WHO, content=CONTENT, amount=st.sampled_from([10**6, 10**8]))
    def send_lamports(self, place: int, who: int, content: bytes, amount: int) -> None:
        """A stranger sends lamports where an account will be, or is."""
        thread_id, author = f"thread {place % THREADS}", self.both.wallets[who]
        thread, treasury = self.state.threads.get(thread_id), self.state.treasury
        targets: list[Name] = [
            ("thread", thread_id),
            ("vault", thread_id),
            ("position", thread_id, author),
            ("spec", thread_id, author, content),
            ("escrow", thread_id, author, content),
            ("message", thread_id, thread.message_count if thread else 0),
            ("proposal", treasury.proposal_count if treasury else 0),
            TREASURY_VAULT,
        ]
        self.both.send_lamports(self.pick(place, targets), amount)

    @move(
        who=st.sampled_from([-1, -1, -1, 0]),
        change=st.sampled_from(
            [
                {},
                {"guardian": bytes(32)},
                {"treasury_signers": ()},
                {"treasury_signers": (b"\1" * 32, b"\1" * 32)},
                {"treasury_threshold": 4},
                {"parameter_timelock": 90 * model.DAY + 1},
                {"parameter_timelock": model.DAY - 1},
            ]
        ),
    )
    def initialize_again(self, who: int, change: dict[str, Any]) -> None:
        keys = list(self.both.keys)
        assert self.both.initialize(keys[who + 1], **change) != "done"

    @move(4, alone=True, moves=st.lists(as_steps(INSTRUCTIONS), min_size=2, max_size=3))
    def several_at_once(self, moves: list[tuple[str, dict[str, Any]]]) -> None:
        """Any few moves in one transaction."""
        self.both.together(*(lambda one=one: self.run(*one) for one in moves))

    def run(self, name: str, arguments: dict[str, Any]) -> None:
        """A move by its name; nothing when there is nothing it could act on."""
        with suppress(Nothing):
            getattr(self, name)(**arguments)
