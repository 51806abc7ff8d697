"""Moves on threads and positions."""

from __future__ import annotations

from hypothesis import strategies as st
from tests.program import model
from tests.program.model_state import U64, Thread
from tests.program.moves import (
    AMOUNT,
    CONTENT,
    LEVEL,
    LEVEL_SEEN,
    ODD_IDS,
    OFF,
    PLACE,
    THREAD,
    WHO,
    Moves,
    move,
)


class ThreadMoves(Moves):
    """Opening, staking, posting, leaving, closing."""

    @move(2, who=WHO, thread=THREAD | ODD_IDS, amount=AMOUNT, level=LEVEL)
    def create_thread(self, who: int, thread: str, amount: int, level: str) -> None:
        self.both.create_thread(self.both.wallets[who], thread, amount, level)

    @move(3, who=WHO, thread=THREAD, amount=st.integers(10_000, 20_000), level=LEVEL)
    def open_thread(self, who: int, thread: str, amount: int, level: str) -> None:
        """A thread there is not yet, if there is one."""
        free = [f"{thread} {n}" for n in range(3) if f"{thread} {n}" not in self.state.threads]
        name = thread if thread not in self.state.threads else self.pick(0, free)
        self.both.create_thread(self.both.wallets[who], name, amount, level)

    @move(who=WHO, thread=THREAD, amount=AMOUNT)
    def deposit(self, who: int, thread: str, amount: int) -> None:
        self.both.deposit(self.both.wallets[who], thread, amount)

    @move(3, place=PLACE, amount=AMOUNT)
    def deposit_more(self, place: int, amount: int) -> None:
        author, thread_id = self.a_seat(place)
        self.both.deposit(author, thread_id, amount)

    @move(3, place=PLACE, shares=st.integers(0, 3_000), off=OFF, bound=OFF)
    def deposit_for_shares(self, place: int, shares: int, off: int, bound: int) -> None:
        """What some shares cost, to the unit, with a limit around what it buys."""
        author, thread_id = self.a_seat(place)
        thread = self.state.threads[thread_id]
        cost = -(-shares * thread.balance // max(1, thread.total_shares)) + off
        amount = min(U64, max(0, cost))
        buys = amount * thread.total_shares // max(1, thread.balance)
        self.both.deposit(author, thread_id, amount, min(U64, max(0, buys + bound)))

    @move(place=PLACE, off=st.integers(0, 2))
    def deposit_everything(self, place: int, off: int) -> None:
        """All of a wallet, or so much that a sum just does not fit."""
        author, thread_id = self.a_seat(place)
        held = self.state.tokens["token", author]
        room = U64 - self.state.threads[thread_id].balance
        self.both.deposit(author, thread_id, max(0, min(held, room + 1) - off))

    @move(place=PLACE, amount=AMOUNT)
    def divest(self, place: int, amount: int) -> None:
        position = self.a_position(place)
        self.both.divest(position.owner, position.thread_id, amount)

    @move(4, place=PLACE, parts=st.integers(1, 7), off=OFF, bound=st.none() | OFF)
    def divest_part(self, place: int, parts: int, off: int, bound: int | None) -> None:
        """A part of what somebody's shares are worth, to the unit, with a limit around its cost."""
        held = [p for p in self.state.positions.values() if p.shares]
        position = self.pick(place, held)
        thread = self.state.threads[position.thread_id]
        worth = position.shares * thread.balance // max(1, thread.total_shares)
        amount = min(U64, max(0, worth // parts + off))
        costs = -(-amount * thread.total_shares // max(1, thread.balance))
        most = U64 if bound is None else min(U64, max(0, costs + bound))
        self.both.divest(position.owner, position.thread_id, amount, most)

    @move(2, place=PLACE)
    def divest_fully(self, place: int) -> None:
        """All of one's shares, so that one can leave, where others keep theirs or nobody has to."""
        position = self.pick(
            place,
            (
                held
                for held in self.state.positions.values()
                if held.shares and self._may_go(held.shares, self.state.threads[held.thread_id])
            ),
        )
        thread = self.state.threads[position.thread_id]
        worth = position.shares * thread.balance // thread.total_shares
        self.both.divest(position.owner, position.thread_id, worth)

    @staticmethod
    def _may_go(shares: int, thread: Thread) -> bool:
        return thread.status == "Closing" or shares < thread.total_shares

    @move(who=WHO, thread=THREAD)
    def claim(self, who: int, thread: str) -> None:
        self.both.claim(self.both.wallets[who], thread)

    @move(3, place=PLACE)
    def claim_owed(self, place: int) -> None:
        positions = self.state.positions.values()
        owed = (held for held in positions if model.owed(self.state, held))
        position = self.pick(place, owed)
        self.both.claim(position.owner, position.thread_id)

    @move(3, place=PLACE, content=CONTENT, level=LEVEL_SEEN)
    def post(self, place: int, content: bytes, level: str) -> None:
        author, thread_id = self.a_seat(place)
        self.both.post_message(author, thread_id, content, level)

    @move(who=WHO, thread=THREAD, level=LEVEL)
    def set_privacy(self, who: int, thread: str, level: str) -> None:
        self.both.set_privacy(self.both.wallets[who], thread, level)

    @move(place=PLACE, level=LEVEL)
    def set_own_privacy(self, place: int, level: str) -> None:
        author, thread_id = self.a_seat(place)
        self.both.set_privacy(author, thread_id, level)

    # ---- leaving

    @move(place=PLACE)
    def leave(self, place: int) -> None:
        self.both.leave_thread(*self.a_seat(place))

    @move(2, place=PLACE)
    def leave_without_shares(self, place: int) -> None:
        author, thread_id = self.pick(
            place,
            (
                (author, thread.thread_id)
                for thread in self.state.threads.values()
                for author in thread.co_authors
                if len(thread.co_authors) > 1
                and thread.status == "Open"
                and not self.state.positions[thread.thread_id, author].shares
            ),
        )
        self.both.leave_thread(author, thread_id)

    @move(place=PLACE, who=WHO)
    def retire_anybody(self, place: int, who: int) -> None:
        author, thread_id = self.a_seat(place)
        self.both.retire_author(author, thread_id, self.both.wallets[who])

    @move(2, alone=True, place=PLACE, off=OFF)
    def retire(self, place: int, off: int) -> None:
        """The one who has been quiet longest, when that has just been long enough."""
        thread = self.a_thread(place, "Open", authors=2)
        seen = {
            author: self.state.positions[thread.thread_id, author].last_action_at
            for author in thread.co_authors
        }
        retiree = min(seen, key=seen.__getitem__)
        author = self.pick(place, (each for each in thread.co_authors if each != retiree))
        self.until(seen[retiree] + self.config.params.inactivity_window + off)
        self.both.retire_author(author, thread.thread_id, retiree)

    @move(alone=True, place=PLACE, who=PLACE, wind_down=st.booleans())
    def outlive(self, place: int, who: int, wind_down: bool) -> None:
        """All others are retired, whatever they have in it; the last one may wind it down."""
        thread = self.a_thread(place, "Open")
        thread_id, survivor = thread.thread_id, self.pick(who, thread.co_authors)
        self.until(self.state.now + self.config.params.inactivity_window)
        for author in thread.co_authors:
            if author != survivor:
                self.both.retire_author(survivor, thread_id, author)
        for spec in list(self.state.specs.values()):
            if spec.thread_id == thread_id and spec.status == "Pending":
                self.both.expire_spec(spec.id)
        if wind_down:
            self.both.wind_down_thread(survivor, thread_id)

    # ---- closing

    @move(place=PLACE)
    def wind_down_any(self, place: int) -> None:
        self.both.wind_down_thread(*self.a_seat(place))

    @move(2, place=PLACE)
    def wind_down(self, place: int) -> None:
        thread = self._alone(place, "Open")
        self.both.wind_down_thread(thread.co_authors[0], thread.thread_id)

    def _alone(self, place: int, *statuses: str) -> Thread:
        """A thread with one co-author and no pending specs."""
        threads = self.state.threads.values()
        return self.pick(
            place,
            (
                thread
                for thread in threads
                if len(thread.co_authors) == 1
                and not thread.pending_specs
                and thread.status in statuses
            ),
        )

    @move(place=PLACE)
    def close_any(self, place: int) -> None:
        author, thread_id = self.a_seat(place)
        self.both.close_thread(author, thread_id)

    @move(place=PLACE, revived=st.booleans())
    def close(self, place: int, revived: bool) -> None:
        thread = self._alone(place, "Open", "Closing")
        self._close(thread, revived)

    @move(4, place=PLACE, revived=st.booleans())
    def close_wound_down(self, place: int, revived: bool) -> None:
        """After the others have taken out what is theirs; perhaps its accounts are paid anew."""
        thread = self._alone(place, "Closing")
        for held in list(self.state.positions.values()):
            if held.thread_id == thread.thread_id and held.owner not in thread.co_authors:
                worth = held.shares * thread.balance // max(1, thread.total_shares)
                if model.owed(self.state, held):
                    self.both.claim(held.owner, thread.thread_id)
                if worth:
                    self.both.divest(held.owner, thread.thread_id, worth)
                thread = self.state.threads[thread.thread_id]
        self._close(thread, revived)

    def _close(self, thread: Thread, revived: bool) -> None:
        author, thread_id = thread.co_authors[0], thread.thread_id
        if not revived:
            self.both.close_thread(author, thread_id)
            return
        self.in_one_transaction(
            lambda: self.both.close_thread(author, thread_id),
            lambda: self.both.pay_lamports(author, ("vault", thread_id), 3_000_000),
            lambda: self.both.pay_lamports(author, ("position", thread_id, author), 3_000_000),
        )

    @move(place=PLACE)
    def cleanup_any_position(self, place: int) -> None:
        position = self.a_position(place)
        self.both.cleanup_position(position.thread_id, position.owner)

    @move(2, place=PLACE, revived=st.booleans())
    def cleanup_position(self, place: int, revived: bool) -> None:
        """An empty one of somebody who has left; perhaps its address is paid anew at once."""
        position = self.pick(
            place,
            (
                held
                for held in self.state.positions.values()
                if held.owner not in self.state.threads[held.thread_id].co_authors
                and not held.shares
                and not held.claimable
            ),
        )
        owner, thread_id = position.owner, position.thread_id
        if not revived:
            self.both.cleanup_position(thread_id, owner)
            return
        self.in_one_transaction(
            lambda: self.both.cleanup_position(thread_id, owner),
            lambda: self.both.pay_lamports(owner, ("position", thread_id, owner), 3_000_000),
        )
