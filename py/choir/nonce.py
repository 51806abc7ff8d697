"""Durable nonces: transactions that can be signed today and run next week, once.

A nonce account holds a value that takes the blockhash's place in a transaction and changes when a
transaction that names it runs, even if that one fails. So a signed transaction stays good until the
nonce is advanced, can run at most once, and is called back by advancing the nonce.

    nonces = Nonces(client.sender)
    address = await nonces.create(payer=wallet)
    use = await nonces.use(address)
    prepared = await client.sender.prepare(instructions, payer=wallet.pubkey, nonce=use)

Sign and keep `prepared`; `Sender.submit` runs it, and after a kill runs the same bytes again:
either it has run, or it still can, or the nonce was advanced by another and it never will
(`NonceAdvanced`). Each of these is read from the chain.

Source: https://solana.com/docs/core/transactions/durable-nonce, solana-nonce (state layout)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Final

from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import (
    AdvanceNonceAccountParams,
    AuthorizeNonceAccountParams,
    WithdrawNonceAccountParams,
    advance_nonce_account,
    authorize_nonce_account,
    create_nonce_account,
    withdraw_nonce_account,
)

from choir.errors import DecodeError, NotFound, WrongOwner
from choir.rpc import Account, Commitment, Rpc
from choir.transactions import NonceUse, Receipt
from choir.wallet import KeypairSigner, Signer

if TYPE_CHECKING:
    from choir.sending import Sender

__all__ = ["NONCE_ACCOUNT_BYTES", "NonceAccount", "Nonces", "read_nonce"]

NONCE_ACCOUNT_BYTES: Final = 80
_LAYOUT: Final = Struct("<II32s32sQ")
_INITIALIZED: Final = 1


@dataclass(frozen=True, slots=True)
class NonceAccount:
    """A nonce account's state.

    `value` goes where a blockhash goes. `lamports_per_signature` is the fee rate of the slot it
    was last advanced in. Legacy ones (`version` 0) cannot be used any more.
    """

    version: int
    authority: Pubkey
    value: Hash
    lamports_per_signature: int

    @classmethod
    def decode(cls, data: bytes) -> NonceAccount:
        """From an account's bytes. Raises DecodeError when they are no initialized nonce."""
        if len(data) != NONCE_ACCOUNT_BYTES:
            raise DecodeError(
                f"a nonce account has {NONCE_ACCOUNT_BYTES} bytes, this one {len(data)}"
            )
        version, state, authority, value, fee = _LAYOUT.unpack(data)
        if state != _INITIALIZED or version not in (0, 1):
            raise DecodeError("the nonce account is not initialized")
        return cls(version, Pubkey(authority), Hash(value), fee)

    @classmethod
    def of(cls, account: Account) -> NonceAccount:
        """From an account as fetched; its owner is checked."""
        if account.owner != SYSTEM_PROGRAM:
            raise WrongOwner(f"a nonce account belongs to the system program, not {account.owner}")
        return cls.decode(account.data)


async def read_nonce(
    rpc: Rpc, address: Pubkey, *, commitment: Commitment = "confirmed"
) -> tuple[int, NonceAccount]:
    """A nonce account and the slot it was read at. Raises NotFound, DecodeError, RpcError."""
    found = await rpc.get_account(address, commitment=commitment)
    if found.value is None:
        raise NotFound(f"there is no nonce account at {address}")
    return found.slot, NonceAccount.of(found.value)


class Nonces:
    """Makes, advances and closes nonce accounts over a `Sender`.

    Methods raise what `Sender.send` raises.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def create(
        self,
        *,
        payer: Signer,
        authority: Pubkey | None = None,
        account: Signer | None = None,
    ) -> Pubkey:
        """A new nonce account, paid for by `payer`; the authority is the payer unless given.

        `account` is the new account's own key (random unless given), which has no power over it
        afterwards. Give one, and keep it, to make the creation itself repeatable: one that was
        made already is left as it is.
        """
        key = account or KeypairSigner(Keypair())
        rpc = self._sender.rpc
        if account is not None:
            found = await rpc.get_account(key.pubkey, commitment=self._sender.policy.commitment)
            if found.value is not None and found.value.data:
                NonceAccount.of(found.value)
                return key.pubkey
        rent = await rpc.get_minimum_balance_for_rent_exemption(NONCE_ACCOUNT_BYTES)
        made = create_nonce_account(payer.pubkey, key.pubkey, authority or payer.pubkey, rent)
        await self._sender.send(made, signers=[payer, key])
        return key.pubkey

    async def read(self, address: Pubkey) -> NonceAccount:
        """The account's state. Raises NotFound, DecodeError, RpcError."""
        _, found = await read_nonce(
            self._sender.rpc, address, commitment=self._sender.policy.commitment
        )
        return found

    async def use(self, address: Pubkey) -> NonceUse:
        """What `Sender.prepare` and `send` take to make a transaction that runs by this nonce."""
        found = await self.read(address)
        if found.version == 0:
            raise DecodeError(
                f"the nonce account {address} is of the legacy version; "
                "withdraw its lamports and make a new one"
            )
        return NonceUse(address, found.authority, found.value)

    async def advance(self, address: Pubkey, *, authority: Signer, payer: Signer) -> Receipt:
        """Change the value: whatever was signed with the old one can never run again."""
        return await self._send([_advance(address, authority.pubkey)], authority, payer)

    async def authorize(
        self, address: Pubkey, *, authority: Signer, new_authority: Pubkey, payer: Signer
    ) -> Receipt:
        """Give the power over the account to another key."""
        change = authorize_nonce_account(
            AuthorizeNonceAccountParams(
                nonce_pubkey=address,
                authorized_pubkey=authority.pubkey,
                new_authority=new_authority,
            )
        )
        return await self._send([change], authority, payer)

    async def close(
        self, address: Pubkey, *, authority: Signer, payer: Signer, to: Pubkey | None = None
    ) -> Receipt:
        """Take all lamports out, which ends the account. `to` is the payer unless given."""
        held = await self._sender.rpc.get_balance(
            address, commitment=self._sender.policy.commitment
        )
        withdraw = withdraw_nonce_account(
            WithdrawNonceAccountParams(
                nonce_pubkey=address,
                authorized_pubkey=authority.pubkey,
                to_pubkey=to or payer.pubkey,
                lamports=held.value,
            )
        )
        return await self._send([withdraw], authority, payer)

    async def _send(
        self, instructions: Sequence[Instruction], authority: Signer, payer: Signer
    ) -> Receipt:
        return await self._sender.send(instructions, signers=[payer, authority], payer=payer.pubkey)


def _advance(address: Pubkey, authority: Pubkey) -> Instruction:
    return advance_nonce_account(
        AdvanceNonceAccountParams(nonce_pubkey=address, authorized_pubkey=authority)
    )
