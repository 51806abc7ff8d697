"""Moves on specs."""

from __future__ import annotations

from functools import partial

from hypothesis import strategies as st
from tests.program.model_state import Spec
from tests.program.moves import (
    AMOUNT,
    CONTENT,
    DECISION,
    LEVEL_SEEN,
    OFF,
    PLACE,
    STAKE,
    THREAD,
    WHO,
    Moves,
    move,
)


class SpecMoves(Moves):
    """Submitting, deciding, taking back, clearing away."""

    @move(who=WHO, thread=THREAD, content=CONTENT, stake=AMOUNT)
    def submit_anything(self, who: int, thread: str, content: bytes, stake: int) -> None:
        self.both.submit_spec(self.both.wallets[who], thread, content, stake)

    @move(9, who=WHO, place=PLACE, content=CONTENT, stake=STAKE, level=LEVEL_SEEN)
    def submit(self, who: int, place: int, content: bytes, stake: int, level: str) -> None:
        """Somebody who has no seat, if there is anybody."""
        thread_id = self.a_seat(place)[1]
        authors = self.state.threads[thread_id].co_authors
        others = [wallet for wallet in self.both.wallets if wallet not in authors]
        author = self.pick(who, others or self.both.wallets)
        self.both.submit_spec(author, thread_id, content, stake, level)

    @move(place=PLACE, stake=st.integers(1, 2_000))
    def submit_again(self, place: int, stake: int) -> None:
        spec = self.a_spec(place)
        self.both.submit_spec(spec.author, spec.thread_id, spec.content_hash, stake)

    @move(6, place=PLACE, seat=PLACE, decision=DECISION)
    def decide(self, place: int, seat: int, decision: str) -> None:
        spec = self.a_spec(place, pending=True)
        authors = self.state.threads[spec.thread_id].co_authors
        self.both.process_approval(self.pick(seat, authors), spec.id, decision)

    @move(12, place=PLACE, decisions=st.lists(DECISION, min_size=1, max_size=3))
    def decide_all(self, place: int, decisions: list[str]) -> None:
        """All co-authors who have not decided do, taking turns in the decisions."""
        spec = self.a_spec(place, pending=True)
        for number, author in enumerate(self.state.threads[spec.thread_id].co_authors):
            self.both.process_approval(author, spec.id, decisions[number % len(decisions)])

    @move(
        3,
        place=PLACE,
        who=WHO,
        authors=st.booleans(),
        decision=DECISION,
        epochs=OFF,
        sequences=OFF,
        other=CONTENT,
    )
    def decide_oddly(
        self,
        place: int,
        who: int,
        authors: bool,
        decision: str,
        epochs: int,
        sequences: int,
        other: bytes,
    ) -> None:
        """By anybody or a co-author, of another epoch, submission or content."""
        spec = self.a_spec(place, pending=authors)
        people = self.both.wallets
        if authors:
            people = list(self.state.threads[spec.thread_id].co_authors)
        self.both.process_approval(
            self.pick(who, people),
            spec.id,
            decision,
            epochs_off=epochs,
            sequences_off=sequences,
            content_hash=other if epochs == sequences == 0 else None,
        )

    @move(place=PLACE)
    def expire_any(self, place: int) -> None:
        self.both.expire_spec(self.a_spec(place).id)

    @move(2, place=PLACE)
    def expire(self, place: int) -> None:
        specs = self.state.specs.values()
        ended = (spec for spec in specs if self.state.now >= spec.expires_at)
        spec = self.pick(place, (spec for spec in ended if spec.status == "Pending"))
        self.both.expire_spec(spec.id)

    @move(2, alone=True, place=PLACE, off=OFF)
    def expire_at_the_end(self, place: int, off: int) -> None:
        """At the very end of a window, a second before or after."""
        spec = self.a_spec(place, pending=True)
        self.until(spec.expires_at + off)
        self.both.expire_spec(spec.id)

    @move(2, place=PLACE)
    def withdraw(self, place: int) -> None:
        spec = self.a_spec(place, pending=True)
        self.both.withdraw_spec(spec.author, spec.id)

    @move(alone=True, place=PLACE, off=OFF)
    def withdraw_at_the_end(self, place: int, off: int) -> None:
        spec = self.a_spec(place, pending=True)
        self.until(spec.expires_at + off)
        self.both.withdraw_spec(spec.author, spec.id)

    @move(place=PLACE, who=WHO)
    def withdraw_any(self, place: int, who: int) -> None:
        spec = self.a_spec(place)
        author = spec.author if who % 2 else self.both.wallets[who]
        self.both.withdraw_spec(author, spec.id)

    # ---- clearing away

    def _settled(self, place: int) -> Spec:
        specs = self.state.specs.values()
        return self.pick(place, (spec for spec in specs if spec.status != "Pending"))

    @move(place=PLACE)
    def cleanup_any(self, place: int) -> None:
        self.both.cleanup_spec(self.a_spec(place).id)

    @move(2, place=PLACE)
    def cleanup(self, place: int) -> None:
        self.both.cleanup_spec(self._settled(place).id)

    @move(2, place=PLACE, stake=st.integers(1_000, 2_000))
    def cleanup_and_submit_again(self, place: int, stake: int) -> None:
        """The same content at the same addresses, in one transaction, but not the same spec."""
        spec = self._settled(place)
        self.in_one_transaction(
            lambda: self.both.cleanup_spec(spec.id),
            lambda: self.both.submit_spec(spec.author, spec.thread_id, spec.content_hash, stake),
        )

    @move(place=PLACE)
    def cleanup_and_revive(self, place: int) -> None:
        """Lamports for both accounts in the transaction that closes them."""
        spec = self._settled(place)
        pay = partial(self.both.pay_lamports, spec.author, amount=5_000_000)
        self.in_one_transaction(
            lambda: self.both.cleanup_spec(spec.id),
            lambda: pay(name=("spec", *spec.id)),
            lambda: pay(name=("escrow", *spec.id)),
        )

    @move(2, place=PLACE, stake=st.integers(1_000, 2_000), late=st.booleans())
    def withdraw_and_submit_again(self, place: int, stake: int, late: bool) -> None:
        """A stake is exchanged for another, and a decision meant for the first one follows."""
        spec = self.a_spec(place, pending=True)
        self.in_one_transaction(
            lambda: self.both.withdraw_spec(spec.author, spec.id),
            lambda: self.both.cleanup_spec(spec.id),
            lambda: self.both.submit_spec(spec.author, spec.thread_id, spec.content_hash, stake),
        )
        author = self.state.threads[spec.thread_id].co_authors[0]
        again = self.state.specs.get(spec.id)
        missed = again.sequence - spec.sequence if late and again else 0
        self.both.process_approval(author, spec.id, "Approve", sequences_off=-missed)
