"""The façade without `async`, from threads, inside a running loop, and after its end."""

import asyncio
import inspect
import threading

import pytest

from choir import program_errors as refused
from choir.accounts import PrivacyLevel
from choir.client import ChoirClient
from choir.errors import NotFound
from choir.ids import content_hash
from choir.sync import SyncChoir
from choir.testing import FakeRpc


async def test_a_script_runs_the_story(world):
    alice, bob = await world.person(), await world.person()

    def script():
        url = world.localnet.rpc_url
        with SyncChoir(url, alice.signer) as mine, SyncChoir(url, bob.signer) as theirs:
            receipt = mine.create_thread("t", deposit=10_000, privacy=PrivacyLevel.PREMIUM)
            theirs.submit_spec("t", content_hash("x"), stake=1_000)
            mine.approve("t", bob.wallet, content_hash("x"))
            assert mine.thread("t").co_authors == (alice.wallet, bob.wallet)
            assert mine.events(receipt.signature)[0].deposit == 10_000
            assert mine.wallet == alice.wallet
            unsigned = mine.unsigned(bob.wallet).post_message("t", content_hash("y"))
            assert unsigned.units > 0
            stranger = mine.unsigned(world.authority.pubkey)
            with pytest.raises(refused.StakeBelowMinimum):
                stranger.submit_spec("t", content_hash("z"), stake=1)
            with pytest.raises(NotFound):
                mine.thread("nowhere")

    await asyncio.to_thread(script)


async def test_it_works_where_a_loop_already_runs():
    with SyncChoir("", rpc=FakeRpc()) as choir:
        assert choir.find_thread("t") is None


def test_it_serves_several_threads_and_ends_its_own():
    before = threading.active_count()
    choir = SyncChoir("", rpc=FakeRpc())
    with choir:
        answers = []
        workers = [
            threading.Thread(target=lambda: answers.append(choir.find_thread("t")))
            for _ in range(8)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert answers == [None] * 8
    assert threading.active_count() == before
    choir.close()
    with pytest.raises(RuntimeError, match="closed"):
        choir.find_thread("t")


def test_every_public_method_of_the_client_is_there():
    with SyncChoir("", rpc=FakeRpc()) as choir:
        for name, _ in inspect.getmembers(ChoirClient, inspect.isfunction):
            if not name.startswith("_"):
                assert callable(getattr(choir, name)), name
        assert "create_thread" in dir(choir)
