"""A localnet a test drives by itself: no wall clock, free ports, a program besides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from tests.choir.localnet.helpers import SOL, RawRpc

from choir.localnet import Localnet, ProgramFile, Settings
from choir.localnet.testing import ManualClock

MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")


@pytest.fixture(scope="session")
def memo_object(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real sBPF object: the memo program that LiteSVM bundles."""
    account = LiteSVM().get_account(MEMO)
    assert account is not None
    path = tmp_path_factory.mktemp("programs") / "memo.so"
    path.write_bytes(account.data)
    return path


@pytest.fixture
def program_id() -> Pubkey:
    return Pubkey.from_string("ChonT23wyjxh3cgPfBfpgt4doviH78vJRCcUasYuaZdz")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def settings(memo_object: Path, program_id: Pubkey) -> Settings:
    return Settings(
        http_port=0,
        ws_port=0,
        production="transaction",
        finality_slots=3,
        choir=False,
        programs=(ProgramFile(program_id, memo_object),),
    )


@pytest.fixture
async def localnet(settings: Settings, clock: ManualClock) -> AsyncIterator[Localnet]:
    async with Localnet(settings, clock) as running:
        yield running


@pytest.fixture
async def rpc(localnet: Localnet) -> AsyncIterator[RawRpc]:
    raw = RawRpc(localnet.rpc_url)
    yield raw
    await raw.http.aclose()


@pytest.fixture
async def client(localnet: Localnet) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(localnet.rpc_url, Confirmed) as stock:
        yield stock


@pytest.fixture
async def payer(client: AsyncClient) -> Keypair:
    """A wallet with ten SOL."""
    keypair = Keypair()
    await client.request_airdrop(keypair.pubkey(), 10 * SOL)
    return keypair
