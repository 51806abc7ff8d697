from __future__ import annotations

import pytest
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from tests.program.expect import refused
from tests.program.harness import DAY, Spec, Thread, Wallet, World, sha256


def _settled(world: World, thread: Thread, author: Wallet, way: str) -> Spec:
    """A spec settled one way; nothing has happened in the thread but its opening."""
    spec = thread.submit(author, f"{way} it")
    if way == "Expired":
        world.pass_time(7 * DAY)
        spec.expire()
    elif way == "Withdrawn":
        spec.withdraw()
    else:
        spec.decide_all("Approve" if way == "Approved" else "Deny")
    assert spec.state["status"] == way
    return spec


@pytest.mark.parametrize("way", ["Approved", "Denied", "Expired", "Withdrawn"])
def test_the_rent_goes_back_to_the_unit(any_world: World, way: str) -> None:
    world = any_world
    alice, bob = world.wallet(), world.wallet()
    thread = world.open(alice)
    before = world.lamports(bob.key)
    spec = _settled(world, thread, bob, way)
    done = spec.cleanup()
    event = done.event("SpecCleaned")
    assert (event["thread"], event["spec"], event["author"]) == (thread.key, spec.key, bob.key)
    assert (event["content_hash"], event["sequence"]) == (spec.content_hash, 0)
    assert event["swept"] == 0
    for account in (spec.key, spec.escrow):
        assert (world.data(account), world.lamports(account)) == (b"", 0)
    kept = 0
    if way == "Approved":  # its message and the author's position
        kept = world.lamports(thread.message(0)) + world.lamports(thread.position(bob))
    assert world.lamports(bob.key) == before - kept


def test_strays_go_to_the_treasury(any_world: World) -> None:
    world = any_world
    alice, bob = world.wallet(), world.wallet()
    thread = world.open(alice)
    spec = thread.submit(bob)
    spec.withdraw()
    world.donate(spec.escrow, 77)
    world.svm.airdrop(spec.key, 5_000)
    world.svm.airdrop(spec.escrow, 7_000)
    before = world.lamports(bob.key)
    held = world.lamports(spec.key) + world.lamports(spec.escrow)
    assert spec.cleanup().event("SpecCleaned")["swept"] == 77
    assert world.amount(world.treasury_vault) == 77
    assert world.lamports(bob.key) == before + held


def test_not_while_it_is_pending(thread: Thread, bob: Wallet) -> None:
    spec = thread.submit(bob)
    with refused("SpecPending"):
        spec.cleanup()


def test_the_rent_goes_to_nobody_else(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    spec, other = thread.submit(bob), thread.submit(bob, "another")
    spec.withdraw()
    for thief in (alice.key, spec.key, spec.escrow, Pubkey.default()):
        with refused("WrongRentPayer"):
            spec.cleanup(rent_payer=thief)
    with refused("WrongEscrow"):
        spec.cleanup(escrow=other.escrow)
    with refused("WrongTreasuryVault"):
        spec.cleanup(treasury_vault=alice.token)
    with refused("WrongMint"):
        spec.cleanup(stake_mint=world.create_mint())
    with refused("WrongTokenProgram"):
        spec.cleanup(token_program=world.mint)


def test_only_once_and_then_it_can_be_submitted_anew(
    thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    spec = thread.submit(bob, "again")
    spec.decide(alice, "Deny")
    spec.cleanup()
    with refused("AccountNotInitialized"):
        spec.cleanup()
    again = thread.submit(bob, "again", 7_000)
    assert (again.key, again.state["sequence"], again.state["stake"]) == (spec.key, 1, 7_000)


def test_closed_and_revived_in_one_transaction_it_gives_nothing(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    spec = thread.submit(bob)
    world.pass_time(7 * DAY)
    spec.expire()
    cleanup = world.instruction(
        "cleanup_spec",
        {"spec": spec.key, "escrow": spec.escrow, "rent_payer": bob.key},
    )
    expire = world.instruction(
        "expire_spec",
        {
            "thread": thread.key,
            "spec": spec.key,
            "escrow": spec.escrow,
            "author_token": bob.token,
        },
    )
    revive = transfer(TransferParams(from_pubkey=bob.key, to_pubkey=spec.key, lamports=10_000_000))
    before = world.lamports(bob.key) + world.lamports(spec.escrow) + world.lamports(spec.key)
    with refused("AccountOwnedByWrongProgram"):
        world.send(cleanup, revive, expire, signers=(bob.keypair,))
    with refused("AccountOwnedByWrongProgram"):
        world.send(cleanup, revive, cleanup, signers=(bob.keypair,))
    world.send(cleanup, revive, signers=(bob.keypair,))
    assert world.data(spec.key) == b""
    assert world.lamports(bob.key) + world.lamports(spec.key) == before
    # the address is usable all the same
    again = Spec(thread, bob, sha256("let me in"))
    thread.specs.clear()
    thread.submit(bob)
    assert again.state["sequence"] == 1


def test_nothing_stops_it(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    spec = thread.submit(bob)
    spec.withdraw()
    thread.close(alice)
    world.pause(127, world.now + 100)
    spec.cleanup()
