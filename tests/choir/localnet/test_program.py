"""The Choir program on the localnet, driven by stock anchorpy."""

from __future__ import annotations

import hashlib
import json

import pytest
from anchorpy import Context, Idl, Program, Provider, Wallet
from anchorpy.error import ProgramError
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.types import TxOpts
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.choir.localnet.helpers import SOL, RawRpc

from choir import ids
from choir.artifact import program_idl
from choir.idl import to_legacy
from choir.localnet import Localnet, Settings
from choir.localnet.genesis import program_data_address
from choir.localnet.rpc.control import associated_account

SYSTEM = Pubkey.from_string("11111111111111111111111111111111")
TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")


@pytest.fixture
def settings() -> Settings:
    return Settings(http_port=0, ws_port=0, production="transaction", finality_slots=3)


def program(client: AsyncClient, wallet: Keypair) -> Program:
    legacy = to_legacy(program_idl())
    idl = legacy if isinstance(legacy, Idl) else Idl.from_json(json.dumps(legacy))
    options = TxOpts(preflight_commitment=Confirmed, skip_confirmation=False)
    return Program(idl, ids.PROGRAM_ID, Provider(client, Wallet(wallet), options))


async def initialize(choir: Program, authority: Pubkey, mint: Pubkey) -> None:
    params = choir.type["Params"](
        min_stake=1_000,
        min_thread_balance=10_000,
        approval_window=86_400,
        divest_cooldown=3_600,
        inactivity_window=864_000,
        messages_per_hour=10,
    )
    await choir.rpc["initialize"](
        params,
        authority,
        [authority],
        1,
        86_400,
        ctx=Context(
            accounts={
                "authority": authority,
                "program_data": program_data_address(ids.PROGRAM_ID),
                "config": ids.config_pda(),
                "treasury": ids.treasury_pda(),
                "treasury_vault": ids.treasury_vault_pda(),
                "stake_mint": mint,
                "token_program": TOKEN,
                "system_program": SYSTEM,
                "event_authority": ids.event_authority_pda(),
                "program": ids.PROGRAM_ID,
            }
        ),
    )


async def test_anchorpy_initializes_and_opens_a_thread(
    localnet: Localnet, client: AsyncClient, rpc: RawRpc, payer: Keypair
) -> None:
    authority = localnet.chain.keys.upgrade_authority
    mint = localnet.chain.keys.stake_mint.pubkey()
    await client.request_airdrop(authority.pubkey(), 10 * SOL)
    await initialize(program(client, authority), authority.pubkey(), mint)

    choir = program(client, payer)
    config = await choir.account["Config"].fetch(ids.config_pda())
    assert config.stake_mint == mint
    assert config.mint_decimals == 6

    await rpc("localnet_mintTo", str(payer.pubkey()), 1_000_000)
    name = "a first thread"
    thread = ids.thread_pda(name)
    await choir.rpc["create_thread"](
        name,
        50_000,
        choir.type["PrivacyLevel"].Public(),
        ctx=Context(
            accounts={
                "creator": payer.pubkey(),
                "config": ids.config_pda(),
                "thread": thread,
                "vault": ids.vault_pda(thread),
                "position": ids.position_pda(thread, payer.pubkey()),
                "creator_token": associated_account(payer.pubkey(), mint),
                "stake_mint": mint,
                "token_program": TOKEN,
                "system_program": SYSTEM,
                "event_authority": ids.event_authority_pda(),
                "program": ids.PROGRAM_ID,
            }
        ),
    )
    opened = await choir.account["Thread"].fetch(thread)
    assert opened.thread_id == name
    assert opened.balance == 50_000
    every = await choir.account["Thread"].all()
    assert [found.public_key for found in every] == [thread]
    vault = await client.get_token_account_balance(ids.vault_pda(thread))
    assert vault.value.amount == "50000"


async def test_only_the_upgrade_authority_initializes(
    localnet: Localnet, client: AsyncClient, payer: Keypair
) -> None:
    mint = localnet.chain.keys.stake_mint.pubkey()
    with pytest.raises(ProgramError) as caught:
        await initialize(program(client, payer), payer.pubkey(), mint)
    assert caught.value.code >= 2000
    assert (await client.get_account_info(ids.config_pda())).value is None


async def test_the_loaded_object_is_the_artifact(rpc: RawRpc) -> None:
    from choir.artifact import program_so

    [loaded] = (await rpc("localnet_info"))["programs"]
    assert loaded["programId"] == str(ids.PROGRAM_ID)
    assert loaded["sha256"] == hashlib.sha256(program_so().read_bytes()).hexdigest()
