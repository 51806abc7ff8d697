"""What every verb of a client stands on: who acts, what is looked at first, how it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from choir import program_errors as refused
from choir._reading import CLOCK_SYSVAR, Reader, Stake, ThreadRef, no_thread, unix_time
from choir.accounts import Config, Position, Spec, Thread
from choir.errors import AnchorError, NotFound
from choir.ids import config_pda, position_pda, spec_pda
from choir.tokens import TokenAccount, create_associated_token_account

__all__ = ["Acting", "View"]

R = TypeVar("R")
_ATTEMPTS_AT_AN_INDEX = 4


@dataclass(frozen=True, slots=True)
class View:
    """What a verb looks at before it acts, read at once."""

    config: Config
    stake: Stake
    now: int
    thread: Thread | None
    position: Position | None
    tokens: int | None
    spec: Spec | None

    def owned(self) -> int:
        return self.tokens or 0


class Acting(Reader, Generic[R]):
    """A reader with a wallet, and one way in which its verbs end."""

    @property
    def wallet(self) -> Pubkey:
        """Who acts, and pays."""
        raise NotImplementedError

    async def _finish(self, instructions: Sequence[Instruction], *, units_at_least: int = 0) -> R:
        raise NotImplementedError

    async def _view(self, thread: ThreadRef, *, spec: tuple[Pubkey, bytes] | None = None) -> View:
        """Settings, clock, thread, own position and tokens, and a spec, in one request."""
        stake, address = await self.stake(), self.address_of(thread)
        addresses = [
            config_pda(program_id=self.program_id),
            CLOCK_SYSVAR,
            address,
            position_pda(address, self.wallet, program_id=self.program_id),
            stake.account_of(self.wallet),
        ]
        if spec is not None:
            addresses.append(spec_pda(address, *spec, program_id=self.program_id))
        answer = await self.rpc.get_accounts(addresses, commitment=self.commitment)
        config, clock, found, position, tokens = answer.value[:5]
        settings = self._decoded(Config, config)
        if settings is None or clock is None:
            raise NotFound(f"the program {self.program_id} is not initialized on this chain")
        return View(
            config=settings,
            stake=stake,
            now=unix_time(clock),
            thread=self._decoded(Thread, found),
            position=self._decoded(Position, position),
            tokens=None if tokens is None else TokenAccount.decode(tokens.data).amount,
            spec=self._decoded(Spec, answer.value[5]) if spec is not None else None,
        )

    def _existing(self, view: View, thread: ThreadRef) -> Thread:
        if view.thread is None:
            raise no_thread(thread)
        return view.thread

    def _held(self, view: View, thread: ThreadRef) -> Position:
        if view.position is None:
            raise NotFound(f"{self.wallet} has no position in thread {thread}")
        return view.position

    async def _token_account(self, owner: Pubkey, stake: Stake) -> list[Instruction]:
        """What makes the account the tokens go to, where it was closed meanwhile."""
        if await self._fetch(stake.account_of(owner)) is not None:
            return []
        return [
            create_associated_token_account(
                payer=self.wallet,
                owner=owner,
                mint=stake.mint,
                token_program=stake.token_program,
            )
        ]

    def _spec_of(self, view: View, author: Pubkey, content_hash: bytes) -> Spec:
        if view.spec is None:
            where = "" if view.thread is None else f" in thread {view.thread.thread_id!r}"
            raise NotFound(f"there is no spec of {author} with content {content_hash.hex()}{where}")
        return view.spec

    async def _settings(self) -> tuple[Config, int]:
        """The settings and the chain's time, in one request."""
        addresses = [config_pda(program_id=self.program_id), CLOCK_SYSVAR]
        config, clock = (await self.rpc.get_accounts(addresses, commitment=self.commitment)).value
        settings = self._decoded(Config, config)
        if settings is None or clock is None:
            raise NotFound(f"the program {self.program_id} is not initialized on this chain")
        return settings, unix_time(clock)

    async def _at_the_next_index(self, attempt: Callable[[], Awaitable[R]]) -> R:
        """Try again when somebody else's message took the index meanwhile; nothing had effect."""
        for _ in range(_ATTEMPTS_AT_AN_INDEX - 1):
            try:
                return await attempt()
            except refused.WrongMessage:
                continue
            except AnchorError as error:
                if error.name != "ConstraintSeeds":
                    raise
        return await attempt()
