"""Reading the program's accounts from a node: what `ChoirClient` and its verbs stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final, TypeVar

from solders.pubkey import Pubkey
from solders.signature import Signature

from choir.accounts import (
    DISCRIMINATORS,
    OFFSETS,
    Config,
    Message,
    Position,
    Spec,
    SpecStatus,
    Thread,
    Treasury,
    TreasuryProposal,
    decode_owned,
)
from choir.errors import NotFound
from choir.events import Event, events_of_transaction
from choir.ids import (
    PROGRAM_ID,
    config_pda,
    message_pda,
    position_pda,
    proposal_pda,
    spec_pda,
    thread_pda,
    treasury_pda,
)
from choir.rpc import Account, Commitment, Filter, Rpc, discriminator_filter, memcmp
from choir.tokens import TokenAccount, associated_token_address

__all__ = ["Reader", "Stake", "ThreadRef"]

ThreadRef = str | Pubkey
"""A thread by its id (text) or by its address (`Pubkey`)."""

A = TypeVar("A", Config, Message, Position, Spec, Thread, Treasury, TreasuryProposal)
CLOCK_SYSVAR: Final = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")
_UNIX_TIME: Final = Struct("<32xq")


@dataclass(frozen=True, slots=True)
class Stake:
    """What stakes are made in; it never changes for a deployment."""

    mint: Pubkey
    token_program: Pubkey
    decimals: int

    def account_of(self, owner: Pubkey) -> Pubkey:
        """The associated token account of an owner."""
        return associated_token_address(owner, self.mint, token_program=self.token_program)


class Reader:
    """Typed reads over an `Rpc`; every account's owner and discriminator are checked.

    Methods raise RpcError, DecodeError, and NotFound where something must exist.
    """

    def __init__(
        self, rpc: Rpc, *, program_id: Pubkey = PROGRAM_ID, commitment: Commitment = "confirmed"
    ) -> None:
        self.rpc = rpc
        self.program_id = program_id
        self.commitment: Commitment = commitment
        self._stake: Stake | None = None

    def address_of(self, thread: ThreadRef) -> Pubkey:
        """The address of a thread given by id or address."""
        return (
            thread if isinstance(thread, Pubkey) else thread_pda(thread, program_id=self.program_id)
        )

    async def config(self) -> Config:
        """The settings in force."""
        found = await self._one(Config, config_pda(program_id=self.program_id))
        if found is None:
            raise NotFound(
                f"the program {self.program_id} is not initialized on this chain "
                "(`choir config init` does it, signed by its upgrade authority; on a localnet "
                "`choir localnet --set-up`)"
            )
        return found

    async def treasury(self) -> Treasury:
        """The treasury's signers and threshold."""
        return await self._must(Treasury, treasury_pda(program_id=self.program_id), "treasury")

    async def find_proposal(self, index: int) -> TreasuryProposal | None:
        """A proposal to the treasury's signers, None where there is none (any more)."""
        return await self._one(TreasuryProposal, proposal_pda(index, program_id=self.program_id))

    async def proposal(self, index: int) -> TreasuryProposal:
        """A proposal to the treasury's signers that must exist."""
        found = await self.find_proposal(index)
        if found is None:
            raise NotFound(f"there is no proposal {index}; it was never made, or it is closed")
        return found

    async def proposals(self) -> list[TreasuryProposal]:
        """Every proposal whose account is not closed, oldest first."""
        found = await self._all(TreasuryProposal)
        return sorted(found, key=lambda proposal: proposal.index)

    async def stake(self) -> Stake:
        """The mint of all stakes; fetched once."""
        if self._stake is None:
            config = await self.config()
            self._stake = Stake(config.stake_mint, config.token_program, config.mint_decimals)
        return self._stake

    async def find_thread(self, thread: ThreadRef) -> Thread | None:
        """A thread, None where there is none."""
        return await self._one(Thread, self.address_of(thread))

    async def thread(self, thread: ThreadRef) -> Thread:
        """A thread that must exist, by id or by address."""
        found = await self.find_thread(thread)
        if found is None:
            raise no_thread(thread)
        return found

    async def thread_by_id(self, thread_id: str) -> Thread:
        """A thread that must exist, by its id."""
        return await self.thread(thread_id)

    async def threads(self) -> list[Thread]:
        """Every thread, oldest first."""
        found = await self._all(Thread)
        return sorted(found, key=lambda thread: (thread.created_at, thread.thread_id))

    async def threads_of(self, author: Pubkey) -> list[Thread]:
        """The threads a wallet is a co-author of, oldest first."""
        positions = await self._all(Position, memcmp(OFFSETS[Position]["owner"], bytes(author)))
        addresses = [position.thread for position in positions]
        threads = await self._several(Thread, addresses)
        mine = [t for t in threads if t is not None and author in t.co_authors]
        return sorted(mine, key=lambda thread: (thread.created_at, thread.thread_id))

    async def find_position(self, thread: ThreadRef, owner: Pubkey) -> Position | None:
        """What a wallet has in a thread, None if it never had anything."""
        address = position_pda(self.address_of(thread), owner, program_id=self.program_id)
        return await self._one(Position, address)

    async def position(self, thread: ThreadRef, owner: Pubkey) -> Position:
        """What a wallet has in a thread."""
        found = await self.find_position(thread, owner)
        if found is None:
            raise NotFound(f"{owner} has no position in thread {thread}")
        return found

    async def positions(self, thread: ThreadRef) -> list[Position]:
        """Everybody's position in a thread."""
        address = bytes(self.address_of(thread))
        return await self._all(Position, memcmp(OFFSETS[Position]["thread"], address))

    async def find_spec(
        self, thread: ThreadRef, author: Pubkey, content_hash: bytes
    ) -> Spec | None:
        """A spec, None where there is none."""
        address = spec_pda(
            self.address_of(thread), author, content_hash, program_id=self.program_id
        )
        return await self._one(Spec, address)

    async def spec(self, thread: ThreadRef, author: Pubkey, content_hash: bytes) -> Spec:
        """A spec that must exist, by its author and content hash."""
        found = await self.find_spec(thread, author, content_hash)
        if found is None:
            raise NotFound(
                f"there is no spec of {author} with content {content_hash.hex()} in thread {thread}"
            )
        return found

    async def spec_at(self, address: Pubkey) -> Spec:
        """A spec that must exist, by its address."""
        return await self._must(Spec, address, f"spec at {address}")

    async def specs(
        self,
        thread: ThreadRef | None = None,
        *,
        author: Pubkey | None = None,
        status: SpecStatus | None = None,
    ) -> list[Spec]:
        """Specs of a thread, an author or a status, oldest first."""
        places = OFFSETS[Spec]
        filters: list[Filter] = []
        if thread is not None:
            filters.append(memcmp(places["thread"], bytes(self.address_of(thread))))
        if author is not None:
            filters.append(memcmp(places["author"], bytes(author)))
        if status is not None:
            filters.append(memcmp(places["status"], bytes([status])))
        found = await self._all(Spec, *filters)
        return sorted(found, key=lambda spec: (spec.submitted_at, spec.content_hash))

    async def pending_specs(self, thread: ThreadRef) -> list[Spec]:
        """The specs of a thread that wait for decisions, oldest first."""
        return await self.specs(thread, status=SpecStatus.PENDING)

    async def messages(
        self, thread: ThreadRef, *, start: int = 0, limit: int | None = None
    ) -> list[Message]:
        """A thread's messages in order, from index `start`, at most `limit`."""
        count = (await self.thread(thread)).message_count
        end = count if limit is None else min(count, start + limit)
        address = self.address_of(thread)
        found = await self._several(
            Message,
            [message_pda(address, i, program_id=self.program_id) for i in range(start, end)],
        )
        return [message for message in found if message is not None]

    async def token_balance(self, owner: Pubkey) -> int:
        """What a wallet could stake, base units; 0 when it has no token account."""
        stake = await self.stake()
        account = await self._fetch(stake.account_of(owner))
        return 0 if account is None else TokenAccount.decode(account.data).amount

    async def events(self, signature: Signature) -> list[Event]:
        """What a transaction of the program did. Raises NotFound when the node has none."""
        commitment: Commitment = "confirmed" if self.commitment == "processed" else self.commitment
        found = await self.rpc.get_transaction(signature, commitment=commitment)
        if found is None:
            raise NotFound(f"the node knows no transaction {signature}")
        return events_of_transaction(found, program_id=self.program_id)

    async def chain_time(self) -> int:
        """The chain's own time, Unix seconds, which is what windows and cooldowns go by."""
        account = await self._fetch(CLOCK_SYSVAR)
        if account is None:
            raise NotFound("this node serves no clock")
        return unix_time(account)

    # ---- below: one place that fetches and checks

    async def _fetch(self, address: Pubkey) -> Account | None:
        return (await self.rpc.get_account(address, commitment=self.commitment)).value

    async def _one(self, kind: type[A], address: Pubkey) -> A | None:
        return self._decoded(kind, await self._fetch(address))

    async def _must(self, kind: type[A], address: Pubkey, what: str) -> A:
        found = await self._one(kind, address)
        if found is None:
            raise NotFound(f"there is no {what} on this chain")
        return found

    async def _several(self, kind: type[A], addresses: Sequence[Pubkey]) -> list[A | None]:
        if not addresses:
            return []
        answer = await self.rpc.get_accounts(addresses, commitment=self.commitment)
        return [self._decoded(kind, account) for account in answer.value]

    async def _all(self, kind: type[A], *filters: Filter) -> list[A]:
        answer = await self.rpc.get_program_accounts(
            self.program_id,
            filters=[discriminator_filter(DISCRIMINATORS[kind]), *filters],
            commitment=self.commitment,
        )
        return [
            decode_owned(kind, account.data, owner=account.owner, program_id=self.program_id)
            for _, account in answer.value
        ]

    def _decoded(self, kind: type[A], account: Account | None) -> A | None:
        # an account with lamports and no data was only sent something; the program has not made it
        if account is None or not account.data:
            return None
        return decode_owned(kind, account.data, owner=account.owner, program_id=self.program_id)


def no_thread(thread: ThreadRef) -> NotFound:
    """The error for a thread that does not exist."""
    how = "at" if isinstance(thread, Pubkey) else "with the id"
    name = str(thread) if isinstance(thread, Pubkey) else repr(thread)
    return NotFound(f"there is no thread {how} {name} on this chain")


def unix_time(clock: Account) -> int:
    """Unix seconds from the clock sysvar."""
    (seconds,) = _UNIX_TIME.unpack_from(clock.data)
    return int(seconds)
