from __future__ import annotations

from tests.program.expect import refused
from tests.program.harness import DAY, START, Thread, Wallet, World


def test_everything_goes_back(any_world: World) -> None:
    world = any_world
    alice, bob = world.wallet(), world.wallet()
    thread = world.open(alice)
    thread.join(bob)  # Alice has a reward of 6,000
    thread.leave(bob)
    world.donate(thread.vault, 123)
    lamports = world.lamports(alice.key)
    rents = world.lamports(thread.vault) + world.lamports(thread.position(alice))
    epoch = thread.state["author_epoch"]
    world.pass_time(60)
    event = thread.close(alice).event("ThreadClosed")
    assert (event["thread"], event["by"]) == (thread.key, alice.key)
    assert (event["paid"], event["shares_burned"]) == (106_123, 100_000)
    assert (event["balance_before"], event["claimable_before"]) == (100_000, 6_000)
    assert world.amount(alice.token) == 10**9 + 6_123
    assert world.lamports(alice.key) == lamports + rents
    for account in (thread.vault, thread.position(alice)):
        assert (world.data(account), world.lamports(account)) == (b"", 0)
    state = thread.state
    assert (state["status"], state["author_epoch"]) == ("Closed", epoch)
    assert (state["balance"], state["total_claimable"], state["total_shares"]) == (0, 0, 0)
    assert state["updated_at"] == START + 60


def test_the_rents_go_to_who_paid_them(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.join(bob)
    thread.deposit(bob, 50_000)
    world.pass_time(DAY)
    thread.divest(alice, 100_000)
    thread.leave(alice)
    alices, bobs = world.lamports(alice.key), world.lamports(bob.key)
    vault, position = world.lamports(thread.vault), world.lamports(thread.position(bob))
    with refused("OthersHaveStake"):  # Alice's reward
        thread.close(bob)
    thread.claim(alice)
    with refused("WrongCreator"):
        thread.close(bob, creator=bob.key)
    with refused("WrongRentPayer"):
        thread.close(bob, rent_payer=alice.key)
    thread.close(bob)
    assert world.lamports(alice.key) == alices + vault
    assert world.lamports(bob.key) == bobs + position
    # and Alice's empty position is not needed any more
    alices, rent = world.lamports(alice.key), world.lamports(thread.position(alice))
    thread.cleanup_position(alice)
    assert world.lamports(alice.key) == alices + rent


def test_an_id_is_never_used_twice(world: World, thread: Thread, alice: Wallet) -> None:
    thread.close(alice)
    with refused("ThreadAlreadyExists"):
        thread.create(alice)
    with refused("AccountNotInitialized"):
        thread.close(alice)
    with refused("ThreadClosed"):
        thread.wind_down(alice)
    with refused("ThreadClosed"):
        thread.submit(world.wallet())


def test_who_has_left_finds_it_closed(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.join(bob)
    thread.leave(bob)
    thread.close(alice)
    with refused("ThreadClosed"):
        thread.divest(bob, 1)
    with refused("NothingToClaim"):
        thread.claim(bob)
    with refused("ThreadClosed"):
        thread.close(bob)
    thread.cleanup_position(bob)


def test_not_while_others_have_something(
    world: World, thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    thread.join(bob)
    with refused("NotSoleCoAuthor"):
        thread.close(alice)
    thread.join(carol)  # a reward for Bob
    thread.leave(bob)
    thread.leave(carol)
    with refused("OthersHaveStake"):
        thread.close(alice)
    thread.claim(bob)
    thread.close(alice)


def test_not_with_specs_pending(thread: Thread, alice: Wallet, bob: Wallet) -> None:
    spec = thread.submit(bob)
    with refused("SpecsPending"):
        thread.close(alice)
    spec.withdraw()
    thread.close(alice)
    spec.cleanup()


def test_accounts_are_checked(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    other = world.open(alice, "another")
    thread.join(bob)
    thread.leave(bob)
    with refused("WrongVault"):
        thread.close(alice, vault=other.vault)
    with refused("WrongPosition"):
        thread.close(alice, position=other.position(alice))
    with refused("WrongTokenOwner"):
        thread.close(alice, author_token=bob.token)
    with refused("WrongTokenOwner"):
        thread.close(alice, author_token=thread.vault)
    with refused("WrongMint"):
        thread.close(alice, stake_mint=world.create_mint())
    with refused("NotCoAuthor"):
        thread.close(bob)


def test_a_pause_stops_it(world: World, thread: Thread, alice: Wallet) -> None:
    world.pause(16, START + 100)
    with refused("Paused"):
        thread.close(alice)
