from __future__ import annotations

import pytest
from tests.program.expect import refused
from tests.program.harness import START, Thread, Wallet, World, pda, sha256


def test_it_opens_a_thread_with_its_first_shares(any_world: World) -> None:
    alice = any_world.wallet(150_000)
    thread = Thread(any_world, "ünïcödé")
    done = thread.create(alice, deposit=120_000, privacy="ThreadOnly")
    state, position = thread.state, thread.held(alice)
    assert (state["thread_id"], state["privacy"], state["status"]) == (
        "ünïcödé",
        "ThreadOnly",
        "Open",
    )
    assert (state["creator"], state["co_authors"]) == (alice.key, [alice.key])
    assert (state["balance"], state["total_shares"]) == (120_000, 120_000)
    assert (state["author_epoch"], state["pending_specs"], state["message_count"]) == (0, 0, 0)
    assert (state["created_at"], state["updated_at"]) == (START, START)
    assert state["vault"] == thread.vault
    assert state["head"] == sha256(b"choir:thread" + sha256("ünïcödé"))
    assert (position["shares"], position["last_stake_at"]) == (120_000, START)
    assert (position["owner"], position["rent_payer"]) == (alice.key, alice.key)
    assert (any_world.amount(alice.token), any_world.amount(thread.vault)) == (30_000, 120_000)
    event = done.event("ThreadCreated")
    assert (event["thread"], event["vault"], event["creator"]) == (
        thread.key,
        thread.vault,
        alice.key,
    )
    assert (event["deposit"], event["balance_after"], event["shares_after"]) == (120_000,) * 3


@pytest.mark.parametrize("thread_id", ["x", "x" * 64, "ü" * 32])
def test_ids_have_up_to_64_bytes(world: World, alice: Wallet, thread_id: str) -> None:
    assert world.open(alice, thread_id).state["thread_id"] == thread_id


@pytest.mark.parametrize("thread_id", ["", "x" * 65, "ü" * 33])
def test_other_ids_are_refused(world: World, alice: Wallet, thread_id: str) -> None:
    with refused("ThreadIdLength"):
        world.open(alice, thread_id)


def test_an_id_is_used_once(world: World, thread: Thread, bob: Wallet) -> None:
    with refused("ThreadAlreadyExists"):
        world.open(bob, thread.thread_id)


def test_addresses_go_by_the_id(world: World, alice: Wallet) -> None:
    one, two = Thread(world, "one"), Thread(world, "two")
    wrong = {
        "WrongThread": {"thread": two.key},
        "WrongVault": {"vault": two.vault},
        "WrongPosition": {"position": two.position(alice)},
    }
    for error, change in wrong.items():
        with refused(error):
            one.create(alice, **change)


def test_the_first_deposit_has_a_minimum(world: World, alice: Wallet) -> None:
    with refused("DepositBelowMinimum"):
        world.open(alice, deposit=9_999)
    assert world.open(alice, deposit=10_000).state["balance"] == 10_000


def test_a_poor_creator_is_told(world: World) -> None:
    with refused("InsufficientFunds"):
        world.open(world.wallet(99_999))


def test_tokens_of_another_mint_are_refused(world: World, alice: Wallet) -> None:
    other = world.create_token(alice.key, world.create_mint(), 10**9)
    with refused("WrongMint"):
        world.open(alice, creator_token=other)


def test_another_mint_is_refused(world: World, alice: Wallet) -> None:
    with refused("WrongMint"):
        world.open(alice, stake_mint=world.create_mint())


def test_another_token_program_is_refused(world: World, alice: Wallet) -> None:
    with refused("WrongTokenProgram"):
        world.open(alice, token_program=pda(b"nothing"))


def test_somebody_elses_tokens_are_refused(world: World, alice: Wallet, bob: Wallet) -> None:
    with refused("WrongTokenOwner"):
        world.open(alice, creator_token=bob.token)


def test_a_pause_stops_it_until_it_ends(world: World, alice: Wallet) -> None:
    world.pause(1, START + 100)
    with refused("Paused"):
        world.open(alice)
    world.pass_time(100)
    world.open(alice)


def test_lamports_sent_ahead_do_not_stop_it(world: World, alice: Wallet) -> None:
    thread = Thread(world, "squatted")
    for address in (thread.key, thread.vault, thread.position(alice)):
        world.svm.airdrop(address, 1_000_000)
    thread.create(alice)


def test_largest_amounts(world: World) -> None:
    whale = world.wallet(2**64 - 1 - world.minted)
    held = world.amount(whale.token)
    assert world.open(whale, deposit=held).state["total_shares"] == held
