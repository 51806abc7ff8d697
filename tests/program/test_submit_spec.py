from __future__ import annotations

from tests.program.expect import refused
from tests.program.harness import DAY, START, Spec, Thread, Wallet, World, sha256


def test_the_stake_goes_into_escrow(any_world: World) -> None:
    alice, bob = any_world.wallet(), any_world.wallet()
    thread = any_world.open(alice)
    spec = thread.submit(bob, "let me in", 6_000)
    state = spec.state
    assert (state["status"], state["stake"], state["author"]) == ("Pending", 6_000, bob.key)
    assert (state["content_hash"], state["thread"]) == (sha256("let me in"), thread.key)
    assert (state["approvals"], state["denials"], state["author_epoch"]) == (0, 0, 0)
    assert (state["submitted_at"], state["expires_at"]) == (START, START + 7 * DAY)
    assert (state["resolved_at"], state["rent_payer"]) == (0, bob.key)
    assert any_world.amount(spec.escrow) == 6_000
    assert (state["sequence"], state["privacy"]) == (0, "Public")
    assert any_world.data(thread.position(bob)) == b""
    assert (thread.state["pending_specs"], thread.state["spec_count"]) == (1, 1)
    assert spec.submitted is not None
    event = spec.submitted.event("SpecSubmitted")
    assert (event["sequence"], event["privacy"]) == (0, "Public")
    assert (event["spec"], event["stake"], event["expires_at"]) == (
        spec.key,
        6_000,
        START + 7 * DAY,
    )


def test_the_author_pays_the_rent_of_an_approval_ahead(
    world: World, thread: Thread, bob: Wallet, alice: Wallet
) -> None:
    spec = thread.submit(bob)
    rent = world.svm.minimum_balance_for_rent_exemption
    held = world.lamports(spec.key)
    before = world.lamports(alice.key)
    thread.post(alice)
    message_rent = world.lamports(thread.message(0))
    position_rent = rent(len(world.data(thread.position(alice))))
    assert held == rent(len(world.data(spec.key))) + message_rent + position_rent
    assert world.lamports(alice.key) == before - message_rent


def test_submissions_are_counted(thread: Thread, bob: Wallet) -> None:
    assert [thread.submit(bob, text).state["sequence"] for text in ("one", "two")] == [0, 1]
    assert (thread.state["pending_specs"], thread.state["spec_count"]) == (2, 2)


def test_the_privacy_must_be_as_expected(thread: Thread, alice: Wallet, bob: Wallet) -> None:
    with refused("PrivacyMismatch"):
        thread.submit(bob, privacy="Encrypted")
    thread.set_privacy(alice, "Encrypted")
    with refused("PrivacyMismatch"):
        thread.submit(bob, privacy="Public")
    assert thread.submit(bob).state["privacy"] == "Encrypted"


def test_the_same_content_twice_is_refused(thread: Thread, bob: Wallet, carol: Wallet) -> None:
    thread.submit(bob, "mine")
    with refused("SpecAlreadyExists"):
        thread.submit(bob, "mine")
    thread.submit(carol, "mine")  # nobody can squat another's content


def test_co_authors_post_directly(thread: Thread, alice: Wallet) -> None:
    with refused("CoAuthorCannotSubmit"):
        thread.submit(alice)


def test_the_stake_is_checked(thread: Thread, world: World, bob: Wallet) -> None:
    with refused("StakeBelowMinimum"):
        thread.submit(bob, stake=999)
    with refused("InsufficientFunds"):
        thread.submit(bob, stake=10**9 + 1)
    thread.submit(bob, stake=1_000)


def test_tokens_must_be_ones_own_and_of_the_mint(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    with refused("WrongTokenOwner"):
        thread.submit(bob, author_token=alice.token)
    with refused("WrongMint"):
        thread.submit(bob, author_token=world.create_token(bob.key, world.create_mint(), 10**9))


def test_addresses_go_by_author_and_content(thread: Thread, bob: Wallet, carol: Wallet) -> None:
    other = Spec(thread, carol, sha256("let me in"))
    with refused("WrongSpec"):
        thread.submit(bob, spec=other.key)
    with refused("WrongEscrow"):
        thread.submit(bob, escrow=other.escrow)


def test_a_full_thread_has_no_seat(world: World, thread: Thread, bob: Wallet) -> None:
    thread.join(*(world.wallet() for _ in range(15)))
    assert len(thread.state["co_authors"]) == 16
    with refused("ThreadFull"):
        thread.submit(bob)


def test_a_pause_stops_it(world: World, thread: Thread, bob: Wallet) -> None:
    world.pause(4, START + 100)
    with refused("Paused"):
        thread.submit(bob)


def test_lamports_sent_ahead_do_not_stop_it(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    spec = Spec(thread, bob, sha256("let me in"))
    for address in (spec.key, spec.escrow, thread.position(bob)):
        world.svm.airdrop(address, 1_000_000)
    thread.submit(bob).decide(alice, "Approve")
