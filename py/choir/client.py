"""`ChoirClient`: one awaitable verb for each instruction of the program, and readers.

    async with HttpRpc("http://127.0.0.1:8899") as rpc:
        client = ChoirClient(rpc, KeypairSigner.from_file("wallet.json"))
        await client.create_thread("gardening", deposit=20_000_000)
        thread = await client.thread("gardening")

A verb checks what it can before it sends, sends on the one path of `choir.sending`, and returns a
`Receipt`. `client.unsigned(wallet)` has the same verbs and returns an `UnsignedTransaction` each,
for a wallet elsewhere. Amounts are base units of the stake mint.

Verbs raise what `Sender.send` raises; for a refusal known beforehand, the program's own error
(`choir.program_errors`) with `simulated` true; NotFound and InvalidInput.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from choir import _checks as check
from choir import instructions as build
from choir import program_errors as refused
from choir._acting import Acting
from choir._machinery import Machinery
from choir._reading import Reader, ThreadRef
from choir._verbs_governing import GoverningVerbs
from choir._verbs_threads import ThreadVerbs
from choir.accounts import Config, Decision, Params, PauseFamily, PrivacyLevel
from choir.clock import Clock
from choir.ids import (
    PROGRAM_ID,
    as_hash,
    config_pda,
)
from choir.money import PRICE_TOLERANCE, at_least, at_most
from choir.rpc import Commitment, Rpc
from choir.sending import Receipt, Sender, SendPolicy, UnsignedTransaction
from choir.tokens import TOKEN_PROGRAM_ID
from choir.wallet import Signer

__all__ = [
    "ChoirClient",
    "InstructionClient",
    "Receipt",
    "ThreadRef",
    "UnsignedClient",
    "UnsignedTransaction",
]

R = TypeVar("R")
# A decision that was not the last when simulated may be when it lands, and then settles.
_SETTLEMENT_UNITS = 200_000


class _Verbs(ThreadVerbs[R], GoverningVerbs[R], Acting[R]):
    """The verbs, whatever is done with the instructions they make."""

    async def initialize(
        self,
        *,
        stake_mint: Pubkey,
        params: Params,
        guardian: Pubkey | None = None,
        treasury_signers: Sequence[Pubkey] | None = None,
        treasury_threshold: int = 1,
        parameter_timelock: int = 86_400,
        token_program: Pubkey = TOKEN_PROGRAM_ID,
    ) -> R:
        """Set the program up, once; the wallet must be its upgrade authority.

        Guardian and treasury signers default to the wallet; `parameter_timelock` in seconds.
        """
        if await self._one(Config, config_pda(program_id=self.program_id)) is not None:
            raise refused.AlreadyInitialized
        return await self._finish(
            [
                build.initialize(
                    authority=self.wallet,
                    stake_mint=stake_mint,
                    params=params,
                    guardian=guardian or self.wallet,
                    treasury_signers=treasury_signers or (self.wallet,),
                    treasury_threshold=treasury_threshold,
                    parameter_timelock=parameter_timelock,
                    token_program=token_program,
                    program_id=self.program_id,
                )
            ]
        )

    async def create_thread(
        self, thread_id: str, *, deposit: int, privacy: PrivacyLevel = PrivacyLevel.PUBLIC
    ) -> R:
        """Open a thread with a first deposit."""
        view = await self._view(thread_id)
        check.running(view.config, PauseFamily.THREADS, view.now)
        if view.thread is not None:
            raise refused.ThreadAlreadyExists(f"a thread with the id {thread_id!r} already exists")
        minimum = view.config.params.min_thread_balance
        check.at_least(deposit, minimum, view.config, refused.DepositBelowMinimum)
        check.covers(view.owned(), deposit, view.config, self.wallet)
        return await self._finish(
            [
                build.create_thread(
                    creator=self.wallet,
                    thread_id=thread_id,
                    deposit=deposit,
                    privacy=privacy,
                    stake_mint=view.stake.mint,
                    token_program=view.stake.token_program,
                    program_id=self.program_id,
                )
            ]
        )

    async def deposit(
        self,
        thread: ThreadRef,
        amount: int,
        *,
        min_shares: int | None = None,
        tolerance: int = PRICE_TOLERANCE,
    ) -> R:
        """Add to one's stake in a thread.

        Refused (`SlippageExceeded`) when it would buy fewer than `min_shares`. Unless given, that
        is what it buys as the chain stands now, less `tolerance` ten-thousandths.
        """
        view = await self._view(thread)
        found = self._existing(view, thread)
        check.running(view.config, PauseFamily.THREADS, view.now)
        check.co_author(found, self.wallet)
        check.at_least(amount, 1, view.config, refused.AmountZero)
        shares = check.shares_of_deposit(found, self._held(view, thread), amount)
        check.covers(view.owned(), amount, view.config, self.wallet)
        return await self._finish(
            [
                build.deposit(
                    owner=self.wallet,
                    thread=self.address_of(thread),
                    amount=amount,
                    min_shares=at_least(shares, tolerance) if min_shares is None else min_shares,
                    stake_mint=view.stake.mint,
                    token_program=view.stake.token_program,
                    program_id=self.program_id,
                )
            ]
        )

    async def post_message(
        self, thread: ThreadRef, content_hash: bytes, *, privacy: PrivacyLevel | None = None
    ) -> R:
        """Record a message by the sha256 of its content (`choir.content_hash`).

        Refused (`PrivacyMismatch`) when the thread's level is not `privacy`: the one it has now,
        unless given.
        """
        as_hash(content_hash)

        async def attempt() -> R:
            nonlocal privacy
            view = await self._view(thread)
            found = self._existing(view, thread)
            check.running(view.config, PauseFamily.MESSAGES, view.now)
            check.co_author(found, self.wallet)
            privacy = found.privacy if privacy is None else privacy
            check.same_privacy(found, privacy)
            if view.position is not None:
                check.can_post(view.config, view.position, view.now)
            return await self._finish(
                [
                    build.post_message(
                        author=self.wallet,
                        thread=self.address_of(thread),
                        content_hash=content_hash,
                        privacy=privacy,
                        message_index=found.message_count,
                        program_id=self.program_id,
                    )
                ]
            )

        return await self._at_the_next_index(attempt)

    async def submit_spec(
        self,
        thread: ThreadRef,
        content_hash: bytes,
        *,
        stake: int,
        privacy: PrivacyLevel | None = None,
    ) -> R:
        """Submit a message with a stake on it, and ask to join.

        Refused (`PrivacyMismatch`) when the thread's level is not `privacy`: the one it has now,
        unless given. An approved message is never less private than that.
        """
        view = await self._view(thread, spec=(self.wallet, as_hash(content_hash)))
        found = self._existing(view, thread)
        check.running(view.config, PauseFamily.SPECS, view.now)
        check.can_submit(found, self.wallet, view.spec)
        privacy = found.privacy if privacy is None else privacy
        check.same_privacy(found, privacy)
        check.at_least(stake, view.config.params.min_stake, view.config, refused.StakeBelowMinimum)
        check.covers(view.owned(), stake, view.config, self.wallet)
        return await self._finish(
            [
                build.submit_spec(
                    author=self.wallet,
                    thread=self.address_of(thread),
                    content_hash=content_hash,
                    stake=stake,
                    privacy=privacy,
                    stake_mint=view.stake.mint,
                    token_program=view.stake.token_program,
                    program_id=self.program_id,
                )
            ]
        )

    async def process_approval(
        self,
        thread: ThreadRef,
        author: Pubkey,
        content_hash: bytes,
        decision: Decision,
        *,
        author_epoch: int | None = None,
        sequence: int | None = None,
    ) -> R:
        """Decide on a spec; the last decision settles it.

        `author_epoch` is the thread's and `sequence` the spec's when the decision was made (now,
        unless given): if the co-authors have changed since, or the spec was submitted anew, the
        decision is refused.
        """
        as_hash(content_hash)

        async def attempt() -> R:
            nonlocal author_epoch, sequence
            view = await self._view(thread, spec=(author, content_hash))
            found = self._existing(view, thread)
            spec = self._spec_of(view, author, content_hash)
            check.running(view.config, PauseFamily.DECISIONS, view.now)
            author_epoch = found.author_epoch if author_epoch is None else author_epoch
            sequence = spec.sequence if sequence is None else sequence
            check.can_decide(
                found,
                spec,
                self.wallet,
                author_epoch=author_epoch,
                sequence=sequence,
                now=view.now,
            )
            return await self._finish(
                [
                    build.process_approval(
                        approver=self.wallet,
                        thread=self.address_of(thread),
                        spec_author=author,
                        content_hash=content_hash,
                        author_epoch=author_epoch,
                        sequence=sequence,
                        decision=decision,
                        message_index=found.message_count,
                        stake_mint=view.stake.mint,
                        token_program=view.stake.token_program,
                        program_id=self.program_id,
                    )
                ],
                units_at_least=_SETTLEMENT_UNITS,
            )

        return await self._at_the_next_index(attempt)

    async def approve(
        self, thread: ThreadRef, author: Pubkey, content_hash: bytes, *, sequence: int | None = None
    ) -> R:
        """`process_approval` with `Decision.APPROVE`."""
        return await self.process_approval(
            thread, author, content_hash, Decision.APPROVE, sequence=sequence
        )

    async def deny(
        self, thread: ThreadRef, author: Pubkey, content_hash: bytes, *, sequence: int | None = None
    ) -> R:
        """`process_approval` with `Decision.DENY`."""
        return await self.process_approval(
            thread, author, content_hash, Decision.DENY, sequence=sequence
        )

    async def expire_spec(self, thread: ThreadRef, author: Pubkey, content_hash: bytes) -> R:
        """Return the stake of a spec whose window has ended to its author. Anybody may."""
        view = await self._view(thread, spec=(author, as_hash(content_hash)))
        self._existing(view, thread)
        spec = self._spec_of(view, author, content_hash)
        check.running(view.config, PauseFamily.EXITS, view.now)
        check.can_expire(spec, view.now)
        return await self._finish(
            [
                *await self._token_account(author, view.stake),
                build.expire_spec(
                    thread=self.address_of(thread),
                    spec_author=author,
                    content_hash=content_hash,
                    stake_mint=view.stake.mint,
                    token_program=view.stake.token_program,
                    program_id=self.program_id,
                ),
            ]
        )

    async def claim(self, thread: ThreadRef) -> R:
        """Pay out one's rewards."""
        view = await self._view(thread)
        found, position = self._existing(view, thread), self._held(view, thread)
        check.running(view.config, PauseFamily.EXITS, view.now)
        check.can_claim(found, position)
        return await self._finish(
            [
                *await self._token_account(self.wallet, view.stake),
                build.claim(
                    owner=self.wallet,
                    thread=self.address_of(thread),
                    stake_mint=view.stake.mint,
                    token_program=view.stake.token_program,
                    program_id=self.program_id,
                ),
            ]
        )

    async def divest(
        self,
        thread: ThreadRef,
        amount: int,
        *,
        max_shares: int | None = None,
        tolerance: int = PRICE_TOLERANCE,
    ) -> R:
        """Take an amount out of a thread.

        Refused (`SlippageExceeded`) when it would take more than `max_shares`. Unless given, that
        is what it takes as the chain stands now, and `tolerance` ten-thousandths more.
        """
        view = await self._view(thread)
        found, position = self._existing(view, thread), self._held(view, thread)
        check.running(view.config, PauseFamily.EXITS, view.now)
        check.can_divest(view.config, found, position, amount, view.now)
        shares = check.shares_of_divestment(found, position, amount)
        return await self._finish(
            [
                *await self._token_account(self.wallet, view.stake),
                build.divest(
                    owner=self.wallet,
                    thread=self.address_of(thread),
                    amount=amount,
                    max_shares=at_most(shares, tolerance) if max_shares is None else max_shares,
                    stake_mint=view.stake.mint,
                    token_program=view.stake.token_program,
                    program_id=self.program_id,
                ),
            ]
        )

    async def set_privacy(self, thread: ThreadRef, level: PrivacyLevel) -> R:
        """Set who may read the messages to come."""
        view = await self._view(thread)
        found = self._existing(view, thread)
        check.running(view.config, PauseFamily.SETTINGS, view.now)
        check.co_author(found, self.wallet)
        if found.privacy is level:
            raise refused.PrivacyUnchanged
        return await self._finish(
            [
                build.set_privacy(
                    author=self.wallet,
                    thread=self.address_of(thread),
                    level=level,
                    program_id=self.program_id,
                )
            ]
        )


class UnsignedClient(_Verbs[UnsignedTransaction]):
    """The verbs for a wallet that signs elsewhere: each returns an `UnsignedTransaction`."""

    def __init__(self, sender: Sender, wallet: Pubkey, *, reader: Reader) -> None:
        super().__init__(reader.rpc, program_id=reader.program_id, commitment=reader.commitment)
        self._stake = reader._stake
        self._sender = sender
        self._wallet = wallet

    @property
    def wallet(self) -> Pubkey:
        return self._wallet

    async def _finish(
        self, instructions: Sequence[Instruction], *, units_at_least: int = 0
    ) -> UnsignedTransaction:
        return await self._sender.prepare(
            instructions, payer=self.wallet, units_at_least=units_at_least
        )


class InstructionClient(_Verbs[tuple[Instruction, ...]]):
    """The verbs for a batch: each checks and returns the instructions, sending nothing.

    A check knows the chain as it is now, not what earlier instructions of the batch will do.
    """

    def __init__(self, wallet: Pubkey, *, reader: Reader) -> None:
        super().__init__(reader.rpc, program_id=reader.program_id, commitment=reader.commitment)
        self._stake = reader._stake
        self._wallet = wallet

    @property
    def wallet(self) -> Pubkey:
        return self._wallet

    async def _finish(
        self, instructions: Sequence[Instruction], *, units_at_least: int = 0
    ) -> tuple[Instruction, ...]:
        return tuple(instructions)


class ChoirClient(Machinery, _Verbs[Receipt]):
    """A client of the program over an `Rpc`.

    Without a signer it reads, and makes unsigned transactions. It does not close the `Rpc`.
    """

    def __init__(
        self,
        rpc: Rpc,
        signer: Signer | None = None,
        *,
        policy: SendPolicy | None = None,
        clock: Clock | None = None,
        program_id: Pubkey = PROGRAM_ID,
        commitment: Commitment | None = None,
    ) -> None:
        """`commitment` of reads is that of the send policy ("confirmed") unless given."""
        policy = policy or SendPolicy()
        super().__init__(rpc, program_id=program_id, commitment=commitment or policy.commitment)
        self.signer = signer
        self.sender = Sender(rpc, policy=policy, clock=clock, program_id=program_id)

    def unsigned(self, wallet: Pubkey) -> UnsignedClient:
        """The same verbs for a wallet elsewhere."""
        return UnsignedClient(self.sender, wallet, reader=self)

    def collect(self, wallet: Pubkey | None = None) -> InstructionClient:
        """The same verbs, each returning its instructions, for `send_batch` and `simulate`."""
        return InstructionClient(wallet or self.wallet, reader=self)

    async def _finish(
        self, instructions: Sequence[Instruction], *, units_at_least: int = 0
    ) -> Receipt:
        return await self.sender.send(
            instructions, signers=[self._signer()], units_at_least=units_at_least
        )
