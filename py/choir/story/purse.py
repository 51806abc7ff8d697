"""Where the story's wallets get fees and stake tokens from."""

from __future__ import annotations

from typing import Protocol

from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from spl.token.instructions import TransferCheckedParams, transfer_checked

from choir.accounts import Config
from choir.clock import Clock
from choir.rpc import Rpc
from choir.sending import Sender
from choir.tokens import associated_token_address, create_associated_token_account
from choir.wallet import Signer

POLL_S = 0.05


class Purse(Protocol):
    """Gives a wallet what it needs to take part."""

    async def fund(self, owner: Pubkey, *, lamports: int, tokens: int) -> None:
        """Return when `owner` holds at least these; `tokens` in base units of the stake mint."""


class LocalnetPurse:
    """The localnet's own faucet and mint."""

    def __init__(self, rpc: Rpc, config: Config, clock: Clock) -> None:
        self._rpc = rpc
        self._config = config
        self._clock = clock

    async def fund(self, owner: Pubkey, *, lamports: int, tokens: int) -> None:
        """Airdrop and mint; see Purse."""
        await self._rpc.request_airdrop(owner, lamports)
        await self._rpc.request("localnet_mintTo", [str(owner), tokens])
        account = associated_token_address(
            owner, self._config.stake_mint, token_program=self._config.token_program
        )
        while (await self._rpc.get_account(account)).value is None or (
            await self._rpc.get_balance(owner)
        ).value < lamports:
            await self._clock.sleep(POLL_S)


class WalletPurse:
    """A wallet that shares what it holds: for clusters without a mint of one's own."""

    def __init__(self, sender: Sender, config: Config, wallet: Signer) -> None:
        self._sender = sender
        self._config = config
        self._wallet = wallet

    async def fund(self, owner: Pubkey, *, lamports: int, tokens: int) -> None:
        """Transfer both in one transaction; see Purse."""
        config, payer = self._config, self._wallet.pubkey
        mint, program = config.stake_mint, config.token_program
        source = associated_token_address(payer, mint, token_program=program)
        target = associated_token_address(owner, mint, token_program=program)
        steps = [
            transfer(TransferParams(from_pubkey=payer, to_pubkey=owner, lamports=lamports)),
            create_associated_token_account(
                payer=payer, owner=owner, mint=mint, token_program=program
            ),
            transfer_checked(
                TransferCheckedParams(
                    program_id=program,
                    source=source,
                    mint=mint,
                    dest=target,
                    owner=payer,
                    amount=tokens,
                    decimals=config.mint_decimals,
                    signers=[],
                )
            ),
        ]
        await self._sender.send(steps, signers=[self._wallet])
