"""Moves on the settings and on the treasury."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from tests.program import model
from tests.program.model_state import (
    NOBODY,
    TREASURY_VAULT,
    U64,
    ConfigChange,
    Key,
    Mint,
    Name,
    SetSigners,
    Spend,
    TreasuryProposal,
)
from tests.program.moves import OFF, PLACE, WHO, Moves, Nothing, move
from tests.program.steps import DUST, PARAMS, PRESENT

DAY = model.DAY
SETTINGS = st.sampled_from([PARAMS, PARAMS, DUST, DUST]).flatmap(
    lambda params: st.fixed_dictionaries(
        {},
        optional={
            "min_stake": st.sampled_from([0, 1, 500, 2_000]),
            "min_thread_balance": st.sampled_from([999, 1_000, 5_000, 30_000]),
            "approval_window": st.sampled_from([3_599, 3_600, DAY, 365 * DAY, 365 * DAY + 1]),
            "divest_cooldown": st.sampled_from([-1, 0, 60, 2 * DAY, 90 * DAY, 90 * DAY + 1]),
            "inactivity_window": st.sampled_from([8 * DAY - 1, 8 * DAY, 10 * DAY]),
            "messages_per_hour": st.sampled_from([0, 1, 2, 9]),
        },
    ).map(lambda changes: replace(params, **dict(list(changes.items())[:2])))
)
TIMELOCK = st.sampled_from([DAY, DAY, DAY + 1, 2 * DAY, DAY - 1, 90 * DAY + 1])
FAMILIES = st.sampled_from([*(1 << family for family in range(7)), 127, 24, 96, 0, 128])
PAUSES = st.sampled_from([1, 60, 60, 3_600, 3_600, 3_600, DAY, 7 * DAY, 7 * DAY + 1, 0, -1])
SPENT = st.sampled_from([1, 1, 2, 7, 1_000, 0, U64, U64 // 2])


class GovernanceMoves(Moves):
    """Changing the settings, pausing, spending."""

    # ---- settings

    @move(3, params=SETTINGS, guardian=st.integers(-1, 7), timelock=TIMELOCK, again=PLACE)
    def propose_config(self, params: Any, guardian: int, timelock: int, again: int) -> None:
        if self.config.pending_at and again != 1:
            raise Nothing
        key = self.both.wallets[guardian] if guardian >= 0 else NOBODY
        self.both.propose_config(self.config.authority, ConfigChange(params, key, timelock))

    @move(4, alone=True, off=st.sampled_from([-1, 0, 0, 0, 1, 3 * DAY, 14 * DAY - 1, 14 * DAY]))
    def apply_config_in_time(self, off: int) -> None:
        proposed_for = self.pick(0, [at for at in [self.config.pending_at] if at])
        self.until(proposed_for + off)
        self.both.apply_config(self.config.authority)

    @move(3, place=PLACE)
    def cancel_config(self, place: int) -> None:
        if place % 8 and not self.config.pending_at:
            raise Nothing
        self.both.cancel_config(self.config.authority)

    @move(who=WHO, what=st.integers(0, 3))
    def govern_as_anybody(self, who: int, what: int) -> None:
        key, config = self.both.wallets[who], self.config
        change = ConfigChange(PARAMS, key, DAY)
        match what:
            case 0:
                self.both.propose_config(key, change)
            case 1:
                self.both.apply_config(key)
            case 2:
                self.both.cancel_config(key)
            case _:
                self.both.transfer_authority(key, config.authority)

    @move(who=st.integers(-2, 7))
    def offer_authority(self, who: int) -> None:
        """To a wallet, to the present authority, or to nobody."""
        present = self.config.authority
        target = {-1: present, -2: NOBODY}.get(who) or self.both.wallets[who]
        self.both.transfer_authority(present, target)

    @move(who=WHO)
    def accept_authority(self, who: int) -> None:
        self.both.accept_authority(self.both.wallets[who])

    @move(2)
    def accept_offered_authority(self) -> None:
        offered = self.config.pending_authority
        self.both.accept_authority(self.pick(0, [offered] if offered != NOBODY else []))

    @move(2, authority=st.booleans(), families=FAMILIES, seconds=PAUSES)
    def pause(self, authority: bool, families: int, seconds: int) -> None:
        by = self.config.authority if authority else self.config.guardian
        self.both.pause(by, families, seconds)

    @move(who=WHO, families=FAMILIES, stop=st.booleans())
    def pause_as_anybody(self, who: int, families: int, stop: bool) -> None:
        key = self.both.wallets[who]
        if stop:
            self.both.pause(key, families, 60)
        else:
            self.both.unpause(key, families)

    def _paused(self) -> list[int]:
        until = self.config.paused_until
        return [family for family, end in enumerate(until) if self.state.now < end]

    @move(3, place=PLACE, all_of_them=st.booleans())
    def unpause(self, place: int, all_of_them: bool) -> None:
        paused = self._paused()
        families = sum(1 << family for family in paused)
        if not all_of_them:
            families = 1 << self.pick(place, paused)
        self.both.unpause(self.config.guardian, families)

    @move(3, alone=True, off=OFF)
    def wait_for_pauses(self, off: int) -> None:
        ends = [self.config.paused_until[family] for family in self._paused()]
        self.until(self.pick(0, ends and [max(ends)]) + off)

    @move(alone=True, place=PLACE, off=OFF)
    def pause_again(self, place: int, off: int) -> None:
        """When a family has just run for a day."""
        ended = [family for family, end in enumerate(self.config.paused_until) if end]
        family = self.pick(place, ended)
        self.until(self.config.paused_until[family] + DAY + off)
        self.both.pause(self.config.guardian, 1 << family, 60)

    # ---- the treasury

    def _signer(self, place: int) -> Key:
        """A signer; seldom anybody else."""
        assert self.state.treasury is not None
        known = [key for key in self.state.treasury.signers if key in self.both.keys]
        return self.pick(place, known if known and place % 8 else self.both.wallets)

    def _destination(self, place: int) -> Name:
        """A wallet's token account, or something of the program's, or nothing there is."""
        targets: list[Name] = [("token", wallet) for wallet in self.both.wallets] * 2
        targets += [name for name in self.state.tokens if name[0] != "token"]
        targets += [("vault", "thread 3"), ("token", NOBODY), TREASURY_VAULT]
        return self.pick(place, targets)

    @move(3, place=PLACE, where=PLACE, amount=SPENT)
    def propose_spending(self, place: int, where: int, amount: int) -> None:
        action = Spend(amount, self._destination(where))
        self.both.propose_treasury(self._signer(place), action)

    @move(2, place=PLACE, where=PLACE, amount=SPENT, other=st.booleans())
    def propose_minting(self, place: int, where: int, amount: int, other: bool) -> None:
        destination = self._destination(where)
        given = self._destination(where + 1) if other and place % 2 else PRESENT
        self.both.propose_treasury(self._signer(place), Mint(amount, destination), given)

    @move(2, place=PLACE, first=WHO, count=st.integers(0, 5), threshold=st.integers(0, 3))
    def propose_signers(self, place: int, first: int, count: int, threshold: int) -> None:
        wallets = self.both.wallets * 2
        signers = tuple(wallets[first : first + count])
        if place == 1:
            signers += (NOBODY,)
        elif place == 2:
            signers += signers[:1]
        elif place == 3:
            signers += tuple(bytes([number] * 32) for number in range(1, 9))
        self.both.propose_treasury(self._signer(place), SetSigners(signers, threshold))

    def _proposal(self, place: int, *, done: bool = True) -> TreasuryProposal:
        """One of all proposals, or of those that can be executed."""
        proposals = list(self.state.proposals.values())
        if not done:
            proposals = [
                each
                for each in proposals
                if not each.executed_at and self.state.now < each.expires_at
            ]
        return self.pick(place, proposals)

    @move(3, place=PLACE, who=PLACE)
    def approve(self, place: int, who: int) -> None:
        proposal = self._proposal(place, done=place % 8 == 0)
        self.both.approve_treasury(self._signer(who), proposal.index)

    @move(8, place=PLACE, who=PLACE, few=st.sampled_from([0, 0, 1]), where=st.none() | PLACE)
    def approve_and_execute(self, place: int, who: int, few: int, where: int | None) -> None:
        """Enough signers approve and one executes; or one too few; or to another destination."""
        index, treasury = self._proposal(place, done=False).index, self.state.treasury
        assert treasury is not None
        for signer in treasury.signers[: treasury.threshold - few]:
            if signer in self.both.keys:
                self.both.approve_treasury(signer, index)
        target = PRESENT if where is None or where % 4 or few else self._destination(where)
        self.both.execute_treasury(self._signer(who), index, target)

    @move(place=PLACE, who=PLACE)
    def execute(self, place: int, who: int) -> None:
        self.both.execute_treasury(self._signer(who), self._proposal(place).index)

    @move(2, place=PLACE, who=WHO)
    def cancel(self, place: int, who: int) -> None:
        proposal = self._proposal(place)
        by = proposal.proposer if who % 4 else self.both.wallets[who]
        self.both.cancel_treasury(by, proposal.index)

    @move(2, place=PLACE)
    def cleanup_treasury(self, place: int) -> None:
        proposals = self.state.proposals.values()
        over = [p for p in proposals if p.executed_at or self.state.now >= p.expires_at]
        proposal = self.pick(place, over) if place % 4 else self._proposal(place)
        self.both.cleanup_treasury(proposal.index)

    @move(alone=True, place=PLACE, off=OFF, who=PLACE)
    def let_expire(self, place: int, off: int, who: int) -> None:
        """The last second of a proposal, and the first after it."""
        proposal = self._proposal(place)
        self.until(proposal.expires_at + off)
        self.both.approve_treasury(self._signer(who), proposal.index)
        self.both.cleanup_treasury(proposal.index)
