from __future__ import annotations

import struct

from tests.program.expect import refused
from tests.program.harness import START, Thread, Wallet, World, sha256


def test_messages_form_a_hash_chain(world: World, thread: Thread, alice: Wallet) -> None:
    head = sha256(b"choir:thread" + sha256("a thread"))
    for index, content in enumerate(("one", "two", "three")):
        world.pass_time(1)
        event = thread.post(alice, content).event("MessagePosted")
        assert (event["index"], event["previous_head"], event["author"]) == (index, head, alice.key)
        head = sha256(head + struct.pack("<Q", index) + bytes(alice.key) + sha256(content))
        message = world.read("Message", thread.message(index))
        assert (message["index"], message["author"], message["rent_payer"]) == (
            index,
            alice.key,
            alice.key,
        )
        assert message["content_hash"] == sha256(content)
        assert message["previous_head"] == event["previous_head"]
        assert (message["privacy"], message["thread"]) == ("Public", thread.key)
        assert message["created_at"] == START + index + 1
        assert event["head"] == head == thread.state["head"]
    assert thread.state["message_count"] == 3
    assert thread.state["updated_at"] == START + 3


def test_a_message_keeps_the_level_it_was_posted_under(
    world: World, thread: Thread, alice: Wallet
) -> None:
    thread.set_privacy(alice, "Premium")
    thread.post(alice)
    thread.set_privacy(alice, "Public")
    assert world.read("Message", thread.message(0))["privacy"] == "Premium"


def test_the_hourly_rate(world: World, thread: Thread, alice: Wallet) -> None:
    for content in "abc":
        thread.post(alice, content)
    with refused("MessageRateExceeded"):
        thread.post(alice, "d")
    world.pass_time(3_599)
    with refused("MessageRateExceeded"):
        thread.post(alice, "d")
    world.pass_time(1)
    thread.post(alice, "d")
    assert (thread.held(alice)["window_start"], thread.held(alice)["window_count"]) == (
        START + 3_600,
        1,
    )


def test_only_co_authors_may(thread: Thread, bob: Wallet, alice: Wallet) -> None:
    with refused("AccountNotInitialized"):
        thread.post(bob)
    thread.join(bob)
    thread.leave(bob)
    with refused("NotCoAuthor"):
        thread.post(bob)
    with refused("WrongPosition"):
        thread.post(bob, position=thread.position(alice))


def test_the_message_must_be_the_next(thread: Thread, alice: Wallet) -> None:
    with refused("WrongMessage"):
        thread.post(alice, message=thread.message(1))


def test_a_pause_stops_it(world: World, thread: Thread, alice: Wallet) -> None:
    world.pause(2, START + 100)
    with refused("Paused"):
        thread.post(alice)
    thread.deposit(alice, 1_000)


def test_lamports_sent_ahead_do_not_stop_it(world: World, thread: Thread, alice: Wallet) -> None:
    world.svm.airdrop(thread.message(0), 1_000_000)
    thread.post(alice)


def test_the_privacy_must_be_as_expected(thread: Thread, alice: Wallet) -> None:
    with refused("PrivacyMismatch"):
        thread.post(alice, privacy="ThreadOnly")
    thread.set_privacy(alice, "ThreadOnly")
    with refused("PrivacyMismatch"):
        thread.post(alice, privacy="Public")
    assert thread.post(alice).event("MessagePosted")["privacy"] == "ThreadOnly"
