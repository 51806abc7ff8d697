"""Everything real: the program on a localnet, the mirror, the application, wallets with money."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from solders.keypair import Keypair
from solders.message import to_bytes_versioned
from solders.transaction import VersionedTransaction
from tests.api.support import ManualClock, Wallet

from choir import instructions
from choir.accounts import Params
from choir.localnet import Localnet
from choir.localnet import Settings as LocalnetSettings
from choir.rpc import HttpRpc
from choir.sending import Sender, SendPolicy
from choir.wallet import KeypairSigner
from choir_api.app import create_app
from choir_api.db import Database
from choir_api.deps import Deps
from choir_api.rate import Limiter
from choir_api.realtime import RealtimeServer
from choir_api.settings import Settings
from choir_api.stream import Hub, ThreadStream
from choir_indexer.mirror import Mirror
from choir_indexer.sources.rpc import RpcSource
from choir_indexer.store.writer import Writer

MIN_STAKE = 1_000_000
MIN_BALANCE = 10_000_000
COOLDOWN_S = 3600
PARAMS = Params(
    min_stake=MIN_STAKE,
    min_thread_balance=MIN_BALANCE,
    approval_window=7 * 86_400,
    divest_cooldown=COOLDOWN_S,
    inactivity_window=30 * 86_400,
    messages_per_hour=60,
)
PURSE = 100_000_000
LAMPORTS = 5_000_000_000


@dataclass
class World:
    """The application and what it stands on."""

    deps: Deps
    localnet: Localnet
    rpc: HttpRpc
    mirror: Mirror
    http: httpx.AsyncClient

    async def wallet(self, *, tokens: int = PURSE, lamports: int = LAMPORTS) -> Wallet:
        """A wallet with tokens (base units) and lamports that has signed in."""
        wallet = Wallet(Keypair())
        if lamports:
            await self.rpc.request_airdrop(wallet.keypair.pubkey(), lamports)
        if tokens:
            await self.rpc.request("localnet_mintTo", [wallet.address, tokens])
        return await wallet.sign_in(self.http)

    async def post(self, wallet: Wallet, path: str, **body: Any) -> httpx.Response:
        """A request of a signed-in wallet."""
        return await self.http.post(f"/v1{path}", json=body, headers=wallet.headers)

    async def send(self, wallet: Wallet, unsigned: dict[str, Any]) -> httpx.Response:
        """Sign what a building route gave, and submit it."""
        return await self.post(
            wallet,
            "/transaction",
            transaction=signed(wallet, unsigned["transaction"]),
            last_valid_block_height=unsigned["last_valid_block_height"],
        )

    async def do(self, wallet: Wallet, path: str, **body: Any) -> dict[str, Any]:
        """Build, sign, submit: all of it has to go well. Answers what was built."""
        built = await self.post(wallet, path, **body)
        assert built.status_code == 200, built.text
        landed = await self.send(wallet, built.json()["data"])
        assert landed.status_code == 200, landed.text
        await self.mirror.catch_up()
        data: dict[str, Any] = built.json()["data"]
        return data

    async def get(self, path: str, wallet: Wallet | None = None, **params: Any) -> httpx.Response:
        """A request of a wallet, or of nobody in particular."""
        headers = wallet.headers if wallet else {}
        return await self.http.get(f"/v1{path}", headers=headers, params=params)

    async def read(self, path: str, wallet: Wallet | None = None, **params: Any) -> Any:
        """The data of an answer that has to go well."""
        answer = await self.get(path, wallet, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


def signed(wallet: Wallet, transaction: str) -> str:
    """The transaction with the wallet's signature, base64."""
    unsigned = VersionedTransaction.from_bytes(base64.b64decode(transaction))
    signature = wallet.keypair.sign_message(to_bytes_versioned(unsigned.message))
    return base64.b64encode(
        bytes(VersionedTransaction.populate(unsigned.message, [signature]))
    ).decode()


@asynccontextmanager
async def opened_world(
    settings: Settings, database: Database, clock: ManualClock
) -> AsyncIterator[World]:
    """Start everything; a slot closes after each transaction, so nothing waits for time."""
    async with AsyncExitStack() as stack:
        options = LocalnetSettings(http_port=0, ws_port=0, production="transaction")
        localnet = await stack.enter_async_context(Localnet(options))
        rpc = await stack.enter_async_context(HttpRpc(localnet.rpc_url))
        sender = Sender(rpc, policy=SendPolicy(poll_first=0.01))
        await _initialize(localnet, rpc, sender)
        source = RpcSource(rpc, localnet.ws_url)

        async def open_writer() -> Writer:
            return await Writer.open(settings.database_url)

        mirror = Mirror(source, open_writer)
        await mirror.catch_up()
        deps = Deps(
            settings=settings,
            database=database,
            clock=clock,
            limiter=Limiter.from_settings(settings),
            sender=sender,
        )
        transport = httpx.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://api.test")
        )
        yield World(deps, localnet, rpc, mirror, http)


async def _initialize(localnet: Localnet, rpc: HttpRpc, sender: Sender) -> None:
    keys = localnet.chain.keys
    authority = KeypairSigner(keys.upgrade_authority)
    await rpc.request_airdrop(authority.pubkey, 10_000_000_000)
    step = instructions.initialize(
        authority=authority.pubkey,
        stake_mint=keys.stake_mint.pubkey(),
        params=PARAMS,
        guardian=authority.pubkey,
        treasury_signers=[authority.pubkey],
        treasury_threshold=1,
        parameter_timelock=86_400,
    )
    await sender.send([step], signers=[authority])


@dataclass
class Live:
    """A world with its thread socket."""

    world: World
    hub: Hub
    server: RealtimeServer

    @property
    def url(self) -> str:
        return f"{self.server.url}/v1/ws"


@asynccontextmanager
async def opened_live(world: World) -> AsyncIterator[Live]:
    """Listen on a free port."""
    hub = Hub(world.deps)
    server = RealtimeServer({"/v1/ws": ThreadStream(world.deps, hub)})
    async with hub.running(), server.listening("127.0.0.1", 0):
        yield Live(world, hub, server)
