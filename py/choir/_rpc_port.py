"""What the library asks of a node, as a port; `choir.rpc` implements it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir._rpc_values import (
    Account,
    Blockhash,
    Commitment,
    Filter,
    SignatureInfo,
    SignatureStatus,
    Simulation,
    Slotted,
)

__all__ = ["Rpc"]


class Rpc(Protocol):
    """What the library asks of a node. Every method may raise `RpcError`."""

    async def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Any method; the JSON under `result`."""
        ...

    async def request_many(self, method: str, params: Sequence[Sequence[Any]]) -> list[Any]:
        """Any method, once for each of `params`; what `request` would answer, in that order.

        All at once where the node lets that be asked; raises if any of them fails.
        """
        ...

    def stream(
        self, method: str, params: Sequence[Any] = ()
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Any method; the JSON of the whole answer in pieces, as they arrive, unread.

        For answers that would not fit into memory. It may break off: the pieces raise too.
        """
        ...

    async def get_account(
        self,
        address: Pubkey,
        *,
        commitment: Commitment = "confirmed",
        min_context_slot: int | None = None,
    ) -> Slotted[Account | None]:
        """One account, None when there is none."""
        ...

    async def get_accounts(
        self, addresses: Sequence[Pubkey], *, commitment: Commitment = "confirmed"
    ) -> Slotted[list[Account | None]]:
        """Several accounts in the order asked; the slot is the lowest of the answers'."""
        ...

    async def get_program_accounts(
        self,
        program: Pubkey,
        *,
        filters: Sequence[Filter] = (),
        data_slice: tuple[int, int] | None = None,
        commitment: Commitment = "confirmed",
    ) -> Slotted[list[tuple[Pubkey, Account]]]:
        """Every account of a program that passes the filters; `data_slice` = (offset, length)."""
        ...

    async def get_latest_blockhash(
        self, *, commitment: Commitment = "confirmed"
    ) -> Slotted[Blockhash]:
        """A blockhash to sign with."""
        ...

    async def get_block_height(self, *, commitment: Commitment = "confirmed") -> int:
        """The current block height, which is what blockhashes expire by."""
        ...

    async def get_slot(self, *, commitment: Commitment = "confirmed") -> int:
        """The current slot."""
        ...

    async def get_tip(self, *, commitment: Commitment = "confirmed") -> Slotted[int]:
        """The current slot and block height of one and the same bank."""
        ...

    async def get_balance(
        self, address: Pubkey, *, commitment: Commitment = "confirmed"
    ) -> Slotted[int]:
        """Lamports; 0 for an account that does not exist."""
        ...

    async def get_genesis_hash(self) -> Hash:
        """Which chain this is."""
        ...

    async def get_minimum_balance_for_rent_exemption(self, size: int) -> int:
        """Lamports an account of `size` bytes of data must hold."""
        ...

    async def get_signature_statuses(
        self, signatures: Sequence[Signature], *, search_history: bool = False
    ) -> Slotted[list[SignatureStatus | None]]:
        """What became of each signature; without `search_history` only recent ones are known."""
        ...

    async def get_recent_prioritization_fees(self, accounts: Sequence[Pubkey] = ()) -> list[int]:
        """Micro-lamports per compute unit paid in recent slots by who locked `accounts`."""
        ...

    async def simulate_transaction(
        self,
        transaction: bytes,
        *,
        sig_verify: bool = False,
        replace_blockhash: bool = True,
        commitment: Commitment = "confirmed",
        min_context_slot: int | None = None,
        accounts: Sequence[Pubkey] = (),
    ) -> Slotted[Simulation]:
        """Run a serialised transaction without effect; `accounts` are told as they would be."""
        ...

    async def send_transaction(
        self,
        transaction: bytes,
        *,
        skip_preflight: bool = True,
        max_retries: int | None = 0,
        commitment: Commitment = "confirmed",
        min_context_slot: int | None = None,
    ) -> Signature:
        """Hand a signed transaction to the node. Its return says nothing about success."""
        ...

    async def get_transaction(
        self, signature: Signature, *, commitment: Commitment = "confirmed"
    ) -> dict[str, Any] | None:
        """A landed transaction as the node's JSON (encoding `json`), None when unknown."""
        ...

    async def get_signatures_for_address(
        self,
        address: Pubkey,
        *,
        before: Signature | None = None,
        until: Signature | None = None,
        limit: int = 1000,
        commitment: Commitment = "confirmed",
    ) -> list[SignatureInfo]:
        """The history of an address, newest first."""
        ...

    async def request_airdrop(self, address: Pubkey, lamports: int) -> Signature:
        """Test chains only: lamports out of nothing."""
        ...

    async def aclose(self) -> None:
        """Give back connections."""
        ...
