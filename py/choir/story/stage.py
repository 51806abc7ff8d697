"""What the story plays on: the wallets, the servers, the watcher's socket, the record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from solders.pubkey import Pubkey

from choir.accounts import Config
from choir.clock import Clock
from choir.errors import ChoirError
from choir.money import format_amount
from choir.rpc import Rpc
from choir.sdk import ApiError, Built, ChoirApi, ThreadSocket, Update
from choir.tokens import TokenAccount, associated_token_address
from choir.wallet import Signer

T = TypeVar("T")
PATIENCE_S = 20.0
POLL_S = 0.3  # searches are counted against the wallet's limit


class StoryBroken(ChoirError):
    """A step of the story is not what it should be; names the step, what was wanted and found."""


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the story: who did what, what came of it, and how long it took."""

    who: str
    what: str
    outcome: str
    seconds: float


@dataclass
class Stage:
    """Everything a scene needs.

    `tell` is called with each step as it is done. `thread_id` and `name` make a run's thread
    and space its own, so that any number of runs share one stack.
    """

    rpc: Rpc
    config: Config
    clock: Clock
    thread_id: str
    name: str
    opener: ChoirApi
    author: ChoirApi
    watcher: ChoirApi
    socket: ThreadSocket
    tell: Callable[[Step], None] = lambda _step: None
    steps: list[Step] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @asynccontextmanager
    async def step(self, who: str, what: str) -> AsyncIterator[list[str]]:
        """Time a step; the body appends what came of it."""
        outcome: list[str] = []
        started = self.clock.monotonic()
        try:
            yield outcome
        except StoryBroken as error:
            raise StoryBroken(f"{who}, {what}: {error}") from error
        except (ChoirError, TimeoutError) as error:
            said = str(error) or "took too long"
            raise StoryBroken(f"{who}, {what}: {type(error).__name__}: {said}") from error
        done = Step(who, what, ", ".join(outcome), self.clock.monotonic() - started)
        self.steps.append(done)
        self.tell(done)

    async def do(self, api: ChoirApi, building: Awaitable[Built]) -> Built:
        """Build, sign, send, and wait until the API's reads show it."""
        built = await building
        await api.mirrored(await api.submit(built))
        return built

    async def refused(self, attempt: Awaitable[object], code: str) -> ApiError:
        """The refusal that an attempt must meet."""
        try:
            await attempt
        except ApiError as error:
            expect("the refusal", error.code, code)
            return error
        raise StoryBroken(f"it was accepted; it should be refused with {code}")

    async def eventually(
        self, what: str, look: Callable[[], Awaitable[T]], good: Callable[[T], bool]
    ) -> T:
        """Look until what is seen is good; for projections that follow the chain."""
        give_up = self.clock.monotonic() + PATIENCE_S
        while not good(seen := await look()):
            if self.clock.monotonic() > give_up:
                raise StoryBroken(f"{what}: not within {PATIENCE_S:.0f} s; last seen {seen!r}")
            await self.clock.sleep(POLL_S)
        return seen

    async def watch(self) -> None:
        """Collect the watcher's updates until cancelled."""
        async for update in self.socket:
            async with self._news:
                self.updates.append(update)
                self._news.notify_all()

    async def arrival(self, what: str, wanted: Callable[[Update], bool]) -> Update:
        """The first update over the socket that is wanted."""

        def found() -> Update | None:
            return next(filter(wanted, self.updates), None)

        async with self._news:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._news.wait_for(lambda: found() is not None)
            except TimeoutError:
                raise StoryBroken(f"{what} did not arrive within {PATIENCE_S:.0f} s") from None
        update = found()
        assert update is not None
        return update

    async def tokens_of(self, owner: Signer) -> int:
        """What a wallet holds of the stake mint, base units."""
        return await self.tokens_at(
            associated_token_address(
                owner.pubkey, self.config.stake_mint, token_program=self.config.token_program
            )
        )

    async def tokens_at(self, account: Pubkey) -> int:
        """What a token account holds, base units; 0 when it does not exist."""
        found = (await self.rpc.get_account(account)).value
        return 0 if found is None else TokenAccount.decode(found.data).amount

    def shown(self, amount: int) -> str:
        """An amount of base units in whole tokens, for people."""
        return format_amount(amount, self.config.mint_decimals)


def expect(what: str, found: object, wanted: object) -> None:
    """Raise StoryBroken unless `found` equals `wanted`."""
    if found != wanted:
        raise StoryBroken(f"{what} is {found!r}, it should be {wanted!r}")
