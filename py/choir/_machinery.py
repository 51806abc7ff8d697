"""What `ChoirClient` can do beside the program's verbs: batches, nonces, lookup tables, programs.

A mix-in, so that the verbs stay a list of verbs. It needs `sender`, `signer` and `wallet`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from choir.batching import BatchReceipt, Group, send_batch
from choir.deploy import Deployer, Progress
from choir.errors import InvalidInput, WalletError
from choir.lookup_tables import LookupTables
from choir.nonce import Nonces
from choir.simulation import SimulationResult
from choir.transactions import NonceUse, Receipt, UnsignedTransaction

if TYPE_CHECKING:
    from choir.sending import Sender
    from choir.wallet import Signer

__all__ = ["Machinery"]


class Machinery:
    """Sending instructions of one's own, in every way there is."""

    sender: Sender
    signer: Signer | None

    @property
    def wallet(self) -> Pubkey:
        """Who acts, and pays."""
        return self._signer().pubkey

    @property
    def nonces(self) -> Nonces:
        """Durable nonces: see `choir.nonce`."""
        return Nonces(self.sender)

    @property
    def lookup_tables(self) -> LookupTables:
        """Address lookup tables paid for and governed by the wallet: see `choir.lookup_tables`."""
        return LookupTables(self.sender, payer=self._signer())

    def deployer(
        self,
        *,
        authority: Signer | None = None,
        concurrency: int = 16,
        progress: Callable[[Progress], None] | None = None,
    ) -> Deployer:
        """Programs paid for by the wallet: see `choir.deploy`."""
        return Deployer(
            self.sender,
            payer=self._signer(),
            authority=authority,
            concurrency=concurrency,
            progress=progress,
        )

    async def send(
        self,
        *instructions: Instruction,
        signers: Sequence[Signer] = (),
        tables: Sequence[AddressLookupTableAccount] = (),
        nonce: NonceUse | None = None,
    ) -> Receipt:
        """Send instructions of one's own (`choir.instructions` makes them) signed by the wallet.

        They have their effect together or not at all. `signers` sign too.
        """
        if not instructions:
            raise InvalidInput("nothing to send")
        return await self.sender.send(
            instructions, signers=[self._signer(), *signers], tables=tables, nonce=nonce
        )

    async def send_batch(
        self,
        groups: Sequence[Group],
        *,
        signers: Sequence[Signer] = (),
        tables: Sequence[AddressLookupTableAccount] = (),
        atomic: bool = False,
    ) -> BatchReceipt:
        """Send many instructions in as few transactions as their limits allow, in order.

        A group (a sequence of instructions) is never split; the batch as a whole is only atomic
        when it fits into one transaction, which `atomic` insists on. Raises BatchFailed when
        something had its effect before a failure.
        """
        return await send_batch(
            self.sender,
            groups,
            signers=[self._signer(), *signers],
            tables=tables,
            atomic=atomic,
        )

    async def simulate(
        self,
        *instructions: Instruction,
        payer: Pubkey | None = None,
        accounts: Sequence[Pubkey] = (),
        tables: Sequence[AddressLookupTableAccount] = (),
        nonce: NonceUse | None = None,
    ) -> SimulationResult:
        """Run instructions without effect; `payer` is the wallet unless given."""
        return await self.sender.simulate(
            instructions,
            payer=payer or self.wallet,
            accounts=accounts,
            tables=tables,
            nonce=nonce,
        )

    async def prepare(
        self,
        *instructions: Instruction,
        payer: Pubkey | None = None,
        tables: Sequence[AddressLookupTableAccount] = (),
        nonce: NonceUse | None = None,
    ) -> UnsignedTransaction:
        """An unsigned transaction of instructions of one's own, for `Sender.submit` later."""
        return await self.sender.prepare(
            instructions, payer=payer or self.wallet, tables=tables, nonce=nonce
        )

    def _signer(self) -> Signer:
        if self.signer is None:
            raise WalletError("this client has no wallet: give it a signer, or use `unsigned`")
        return self.signer
