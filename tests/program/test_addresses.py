"""Program-derived addresses as the program hashes them, against those of solders."""

from __future__ import annotations

import hashlib

import pytest
from solders.pubkey import Pubkey
from tests.program.expect import refused
from tests.program.harness import PROGRAM_ID, Refused, Thread, World, pda, sha256

THREADS = 400


def hashed(*seeds: bytes) -> Pubkey:
    """The hash that is an address if no wallet could be at it."""
    preimage = b"".join(seeds) + bytes(PROGRAM_ID) + b"ProgramDerivedAddress"
    return Pubkey.from_bytes(hashlib.sha256(preimage).digest())


def bumps(*seeds: bytes) -> tuple[int, list[int]]:
    """The canonical bump, and every other one at which an address could be signed for."""
    canonical = Pubkey.find_program_address(list(seeds), PROGRAM_ID)[1]
    others = []
    for bump in range(canonical):
        if not hashed(*seeds, bytes([bump])).is_on_curve():
            others.append(bump)
    return canonical, others


def test_every_bump_is_the_canonical_one(world: World) -> None:
    """Of addresses with two and three seeds, thousands of hashes; the deepest search is long."""
    alice = world.wallet()
    deepest = 255
    for number in range(THREADS):
        thread = Thread(world, f"address {number}")
        thread.create(alice)
        state, held = thread.state, thread.held(alice)
        for seeds, bump in (
            ([b"thread", sha256(thread.thread_id)], state["bump"]),
            ([b"vault", bytes(thread.key)], state["vault_bump"]),
            ([b"position", bytes(thread.key), bytes(alice.key)], held["bump"]),
        ):
            assert bump == Pubkey.find_program_address(seeds, PROGRAM_ID)[1]
            deepest = min(deepest, bump)
    assert deepest <= 248


def test_of_four_seeds_too(world: World, thread: Thread) -> None:
    bob = world.wallet()
    for number in range(40):
        spec = thread.submit(bob, f"content {number}")
        seeds = [b"spec", bytes(thread.key), bytes(bob.key), spec.content_hash]
        assert spec.state["bump"] == Pubkey.find_program_address(seeds, PROGRAM_ID)[1]
        escrow = Pubkey.find_program_address([b"escrow", bytes(spec.key)], PROGRAM_ID)
        assert (spec.escrow, spec.state["escrow_bump"]) == escrow


@pytest.mark.parametrize("which", ["thread", "vault", "position"])
def test_no_other_bump_is_taken(world: World, which: str) -> None:
    """One that could be signed for would make a second thread of an id."""
    alice = world.wallet()
    thread = Thread(world, "twice")
    seeds = {
        "thread": [b"thread", sha256("twice")],
        "vault": [b"vault", bytes(thread.key)],
        "position": [b"position", bytes(thread.key), bytes(alice.key)],
    }[which]
    _, others = bumps(*seeds)
    assert len(others) > 50
    for bump in others[-3:] + others[:1]:
        other = Pubkey.create_program_address([*seeds, bytes([bump])], PROGRAM_ID)
        with refused(f"Wrong{which.title()}"):
            thread.create(alice, **{which: other})


def test_nor_a_hash_that_a_wallet_could_be_at(world: World) -> None:
    """The address of a skipped bump lies on the curve, where nothing can be signed for."""
    alice = world.wallet()
    for number in range(100):
        thread_id = f"skipped {number}"
        seeds = [b"thread", sha256(thread_id)]
        if Pubkey.find_program_address(seeds, PROGRAM_ID)[1] == 255:
            continue
        wallet = hashed(*seeds, b"\xff")
        assert wallet.is_on_curve()
        others = {
            "vault": pda(b"vault", wallet),
            "position": pda(b"position", wallet, alice.key),
        }
        with pytest.raises(Refused, match="Could not create program address"):
            Thread(world, thread_id).create(alice, thread=wallet, **others)
        return
    raise AssertionError("no such id")
