"""Wallets on a localnet with the program, for tests."""

from __future__ import annotations

from typing import Self

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from choir.accounts import Params
from choir.client import ChoirClient
from choir.localnet import Localnet
from choir.rpc import HttpRpc
from choir.sending import SendPolicy
from choir.wallet import KeypairSigner

SOL = 1_000_000_000
DAY = 86_400
PARAMS = Params(
    min_stake=1_000,
    min_thread_balance=10_000,
    approval_window=7 * DAY,
    divest_cooldown=DAY,
    inactivity_window=30 * DAY,
    messages_per_hour=3,
)
QUICK = SendPolicy(poll_first=0.01, poll_longest=0.05)


class World:
    """A localnet, a node's client, and whoever is needed."""

    def __init__(self, localnet: Localnet) -> None:
        self.localnet = localnet
        self.rpc = HttpRpc(localnet.rpc_url)
        self.authority = KeypairSigner(localnet.chain.keys.upgrade_authority)
        self.mint = localnet.chain.keys.stake_mint.pubkey()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.rpc.aclose()

    def client(self, signer: KeypairSigner | None = None) -> ChoirClient:
        return ChoirClient(self.rpc, signer, policy=QUICK)

    async def initialize(self, params: Params = PARAMS) -> None:
        await self.rpc.request_airdrop(self.authority.pubkey, 100 * SOL)
        client = self.client(self.authority)
        await client.initialize(stake_mint=self.mint, params=params)

    async def person(self, *, tokens: int = 1_000_000, lamports: int = 10 * SOL) -> ChoirClient:
        """A new wallet with SOL and stake tokens (base units), and its client."""
        signer = KeypairSigner(Keypair())
        if lamports:
            await self.rpc.request_airdrop(signer.pubkey, lamports)
        if tokens:
            await self.mint_to(signer.pubkey, tokens)
        return self.client(signer)

    async def mint_to(self, owner: Pubkey, amount: int) -> None:
        await self.rpc.request("localnet_mintTo", [str(owner), amount])

    async def pass_time(self, seconds: int) -> None:
        """Let the chain's clock run on."""
        now = await self.client().chain_time()
        await self.rpc.request("localnet_setTime", [now + seconds])
        await self.localnet.advance()
