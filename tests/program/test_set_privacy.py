from __future__ import annotations

import itertools

from tests.program.expect import refused
from tests.program.harness import Thread, Wallet, World


def test_it_tells_the_transition(world: World, thread: Thread, alice: Wallet) -> None:
    levels = ["Public", "Premium", "ThreadOnly", "Encrypted", "Public"]
    for old, new in itertools.pairwise(levels):
        world.pass_time(1)
        event = thread.set_privacy(alice, new).event("PrivacyChanged")
        assert (event["by"], event["from"], event["to"]) == (alice.key, old, new)
        assert thread.state["privacy"] == new
        assert thread.state["updated_at"] == world.now == thread.held(alice)["last_action_at"]


def test_the_same_level_is_refused(thread: Thread, alice: Wallet) -> None:
    with refused("PrivacyUnchanged"):
        thread.set_privacy(alice, "Public")


def test_only_co_authors_may(thread: Thread, alice: Wallet, bob: Wallet) -> None:
    with refused("AccountNotInitialized"):
        thread.set_privacy(bob, "Premium")
    thread.join(bob)
    thread.leave(bob)
    with refused("NotCoAuthor"):
        thread.set_privacy(bob, "Premium")
    with refused("WrongPosition"):
        thread.set_privacy(bob, "Premium", position=thread.position(alice))


def test_a_pause_stops_it(world: World, thread: Thread, alice: Wallet) -> None:
    world.pause(32, world.now + 10)
    with refused("Paused"):
        thread.set_privacy(alice, "Premium")
