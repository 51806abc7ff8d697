from __future__ import annotations

from tests.program.expect import refused
from tests.program.harness import START, Thread, Wallet, World


def test_it_mints_shares_at_the_present_price(any_world: World) -> None:
    alice, bob, carol = (any_world.wallet() for _ in range(3))
    thread = any_world.open(alice)
    thread.join(bob)
    thread.deposit(bob, 50_000)
    thread.submit(carol, stake=75_000).decide_all("Deny")  # a share is worth 1.5 now
    any_world.pass_time(60)
    done = thread.deposit(alice, 10_000)
    event = done.event("Deposited")
    assert [name for name, _ in done.events] == ["Deposited"]
    assert (event["balance_before"], event["balance_after"]) == (225_000, 235_000)
    assert (event["shares_minted"], event["shares_after"]) == (6_666, 156_666)
    position = thread.held(alice)
    assert (position["shares"], position["last_stake_at"]) == (106_666, START + 60)
    assert position["last_action_at"] == START + 60
    assert any_world.amount(thread.vault) == 235_000 + 6_000


def test_the_only_holders_shares_are_counted_anew(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.submit(bob, stake=50_001).decide_all("Deny")
    done = thread.deposit(alice, 1)
    assert [name for name, _ in done.events] == ["SharesRebased", "Deposited"]
    rebased, event = done.event("SharesRebased"), done.event("Deposited")
    assert (rebased["thread"], rebased["owner"]) == (thread.key, alice.key)
    assert (rebased["shares_before"], rebased["shares_after"]) == (100_000, 150_001)
    assert (event["shares_minted"], event["shares_after"]) == (1, 150_002)
    assert thread.held(alice)["shares"] == thread.state["total_shares"] == 150_002
    # nothing to re-count: nothing is said
    assert [name for name, _ in thread.deposit(alice, 1).events] == ["Deposited"]


def _worth(thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet, units: int) -> None:
    """Alice has 100,000 shares and Bob one; each is worth so many units."""
    thread.join(bob)
    thread.deposit(bob, 1)
    thread.submit(carol, stake=100_001 * (units - 1)).decide_all("Deny")
    assert thread.state["balance"] == 100_001 * units


def test_a_deposit_worth_no_share_is_refused(
    thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    _worth(thread, alice, bob, carol, 1_000)
    with refused("DepositBuysNoShare"):
        thread.deposit(alice, 999)
    thread.deposit(alice, 1_000)


def test_a_deposit_loses_at_most_a_thousandth(
    thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    _worth(thread, alice, bob, carol, 1_000)
    for amount in (1_002, 1_999, 2_003):
        with refused("DepositTooCoarse"):
            thread.deposit(alice, amount)
    assert thread.deposit(alice, 1_001).event("Deposited")["shares_minted"] == 1


def test_fewer_shares_than_expected_are_refused(
    thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    _worth(thread, alice, bob, carol, 2)
    with refused("SlippageExceeded"):
        thread.deposit(alice, 10_000, min_shares=5_001)
    thread.deposit(alice, 10_000, min_shares=5_000)


def test_only_co_authors_may(thread: Thread, alice: Wallet, bob: Wallet) -> None:
    with refused("AccountNotInitialized"):
        thread.deposit(bob, 1_000)
    thread.join(bob)
    thread.leave(bob)
    with refused("NotCoAuthor"):
        thread.deposit(bob, 1_000)
    with refused("WrongPosition"):
        thread.deposit(bob, 1_000, position=thread.position(alice))


def test_the_position_must_be_of_this_thread(world: World, thread: Thread, alice: Wallet) -> None:
    other = world.open(alice, "another")
    with refused("WrongPosition"):
        thread.deposit(alice, 1_000, position=other.position(alice))


def test_the_vault_must_be_the_threads(world: World, thread: Thread, alice: Wallet) -> None:
    other = world.open(alice, "another")
    with refused("WrongVault"):
        thread.deposit(alice, 1_000, vault=other.vault)


def test_amounts_are_checked(thread: Thread, alice: Wallet) -> None:
    with refused("AmountZero"):
        thread.deposit(alice, 0)
    with refused("InsufficientFunds"):
        thread.deposit(alice, 10**9)


def test_tokens_must_be_ones_own_and_of_the_mint(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    with refused("WrongTokenOwner"):
        thread.deposit(alice, 1_000, owner_token=bob.token)
    other = world.create_token(alice.key, world.create_mint(), 10**9)
    with refused("WrongMint"):
        thread.deposit(alice, 1_000, owner_token=other)


def test_a_pause_stops_it(world: World, thread: Thread, alice: Wallet) -> None:
    world.pause(1, START + 100)
    with refused("Paused"):
        thread.deposit(alice, 1_000)


def test_donations_change_no_price(world: World, thread: Thread, alice: Wallet) -> None:
    world.donate(thread.vault, 10**6)
    assert thread.deposit(alice, 1_000).event("Deposited")["shares_minted"] == 1_000
