from __future__ import annotations

import struct
from typing import Any

import pytest
from solders.pubkey import Pubkey
from tests.program.expect import refused
from tests.program.harness import (
    DAY,
    PARAMS,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
    UPGRADEABLE_LOADER,
    World,
    pda,
)

SIGNER = Pubkey.from_bytes(bytes([1] * 32))
OTHER = Pubkey.from_bytes(bytes([2] * 32))
# Token-2022 extension types, as its interface numbers them.
TRANSFER_FEE, MINT_CLOSE_AUTHORITY, METADATA_POINTER, PERMANENT_DELEGATE = 1, 3, 18, 12
NOT_YET_INVENTED = 9_000


@pytest.mark.parametrize("program", [TOKEN_PROGRAM, TOKEN_2022_PROGRAM])
def test_it_writes_the_settings_and_the_treasury(program: Pubkey) -> None:
    world = World(program)
    event = world.initialize(treasury_signers=[SIGNER, OTHER], treasury_threshold=2).event(
        "Initialized"
    )
    config, treasury = world.read("Config", world.config), world.read("Treasury", pda(b"treasury"))
    assert config["authority"] == world.authority.pubkey() == event["authority"]
    assert config["pending_authority"] == Pubkey.default()
    assert (config["stake_mint"], config["token_program"]) == (world.mint, program)
    assert (config["treasury"], config["treasury_vault"]) == (
        pda(b"treasury"),
        world.treasury_vault,
    )
    assert (config["params"], config["mint_decimals"]) == (PARAMS, 6)
    assert (config["parameter_timelock"], config["pending_at"]) == (DAY, 0)
    assert config["paused_until"] == [0] * 7
    assert (treasury["signers"], treasury["threshold"]) == ([SIGNER, OTHER], 2)
    assert (treasury["signer_epoch"], treasury["proposal_count"]) == (0, 0)
    assert treasury["vault"] == world.treasury_vault
    assert world.amount(world.treasury_vault) == 0
    assert event["params"] == PARAMS


def test_only_the_upgrade_authority_may() -> None:
    world = World()
    stranger = world.wallet()
    with refused("NotUpgradeAuthority"):
        world.initialize(stranger.keypair)
    assert not world.data(world.config)


def test_program_data_of_another_program_is_refused() -> None:
    world = World()
    mallory = world.wallet()
    own = pda(world.mint, program=UPGRADEABLE_LOADER)
    header = struct.pack("<IQB", 3, 0, 1) + bytes(mallory.key)
    world.put(own, header, UPGRADEABLE_LOADER)
    with refused("ConstraintSeeds"):
        world.initialize(mallory.keypair, program_data=own)


def test_it_happens_once(world: World) -> None:
    with refused("AlreadyInitialized"):
        world.initialize()


@pytest.mark.parametrize(
    ("error", "change"),
    [
        ("MinStakeTooLow", {"min_stake": 0}),
        ("MinThreadBalanceTooLow", {"min_thread_balance": 999}),
        ("ApprovalWindowOutOfRange", {"approval_window": 3_599}),
        ("ApprovalWindowOutOfRange", {"approval_window": 365 * DAY + 1}),
        ("DivestCooldownOutOfRange", {"divest_cooldown": -1}),
        ("DivestCooldownOutOfRange", {"divest_cooldown": 90 * DAY + 1}),
        ("InactivityWindowOutOfRange", {"inactivity_window": 8 * DAY - 1}),
        ("InactivityWindowOutOfRange", {"inactivity_window": 365 * DAY + 1}),
        ("MessageRateTooLow", {"messages_per_hour": 0}),
        ("TimelockOutOfRange", {"parameter_timelock": DAY - 1}),
        ("TimelockOutOfRange", {"parameter_timelock": 90 * DAY + 1}),
        ("GuardianMissing", {"guardian": Pubkey.default()}),
        ("TreasurySignerCount", {"treasury_signers": []}),
        (
            "TreasurySignerCount",
            {"treasury_signers": [Pubkey.from_bytes(bytes([i] * 32)) for i in range(1, 13)]},
        ),
        ("TreasurySignerInvalid", {"treasury_signers": [SIGNER, SIGNER]}),
        ("TreasurySignerInvalid", {"treasury_signers": [Pubkey.default()]}),
        ("TreasuryThresholdInvalid", {"treasury_threshold": 0}),
        ("TreasuryThresholdInvalid", {"treasury_threshold": 2}),
    ],
)
def test_bad_settings_are_refused_by_name(error: str, change: dict[str, Any]) -> None:
    world = World()
    with refused(error):
        world.initialize(**change)
    assert not world.data(world.config)


def test_the_mint_must_belong_to_the_token_program() -> None:
    world = World(TOKEN_PROGRAM)
    with refused("WrongTokenProgram"):
        world.initialize(token_program=TOKEN_2022_PROGRAM)


def _extension(kind: int, size: int) -> bytes:
    return kind.to_bytes(2, "little") + size.to_bytes(2, "little") + bytes(size)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        (TRANSFER_FEE, 108),
        (MINT_CLOSE_AUTHORITY, 32),
        (PERMANENT_DELEGATE, 32),
        (NOT_YET_INVENTED, 8),
    ],
)
def test_harmful_mint_extensions_are_refused(kind: int, size: int) -> None:
    world = World(TOKEN_2022_PROGRAM)
    world.mint = world.create_mint(extensions=_extension(kind, size))
    with refused("MintExtensionNotAllowed"):
        world.initialize()


def test_a_metadata_pointer_is_harmless() -> None:
    world = World(TOKEN_2022_PROGRAM)
    world.mint = world.create_mint(extensions=_extension(METADATA_POINTER, 64))
    world.initialize()
    thread = world.open()
    assert world.amount(thread.vault) == 100_000
    assert world.read("Config", world.config)["stake_mint"] == world.mint


def test_lamports_sent_ahead_do_not_stop_it() -> None:
    world = World()
    for address in (world.config, pda(b"treasury"), world.treasury_vault):
        world.svm.airdrop(address, 1_000_000)
    world.initialize()
    assert world.read("Config", world.config)["version"] == 1
