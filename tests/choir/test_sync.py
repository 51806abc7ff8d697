"""The façade without `async`, from threads, inside a running loop, and after its end."""

import asyncio
import inspect
import threading

import pytest
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from tests.choir.test_deploy import tiny_program

from choir import program_errors as refused
from choir.accounts import PrivacyLevel, Thread
from choir.client import ChoirClient
from choir.errors import NotFound
from choir.ids import content_hash, thread_pda
from choir.lookup_tables import worth_a_table
from choir.sync import SyncChoir
from choir.testing import FakeRpc
from choir.wallet import KeypairSigner


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


async def test_the_machinery_is_there_without_async_too(world):
    alice = await world.person()
    await world.localnet.advance(40)
    code = tiny_program()
    await world.rpc.request_airdrop(alice.wallet, 10**11)

    def script():
        with SyncChoir(world.localnet.rpc_url, alice.signer) as choir:
            (create,) = choir.collect().create_thread("t", deposit=10_000)
            assert choir.simulate(create).succeeded
            assert choir.send_batch([create]).atomic
            nonce = choir.nonces.create(payer=alice.signer)
            use = choir.nonces.use(nonce)
            pays = [
                transfer(TransferParams(from_pubkey=alice.wallet, to_pubkey=key, lamports=10**6))
                for key in (Pubkey.new_unique() for _ in range(3))
            ]
            receipt = choir.send(*pays, nonce=use)
            assert choir.sender.rpc.get_transaction(receipt.signature)["slot"] == receipt.slot
            table = choir.lookup_tables.create(worth_a_table(pays, payer=alice.wallet))
            choir.send(*pays, tables=[choir.lookup_tables.load(table)])
            program = KeypairSigner.generate()
            deployer = choir.deployer(concurrency=2)
            assert deployer.deploy(program, code).changed
            assert deployer.verify(program.pubkey, code).matches

    await asyncio.to_thread(script)


async def test_subscriptions_are_ordinary_iterators(world):
    alice = await world.person()
    await alice.create_thread("t", deposit=10_000)

    def script():
        with SyncChoir(world.localnet.rpc_url, alice.signer) as choir:
            pubsub = choir.pubsub(world.localnet.ws_url)
            with pubsub.account(thread_pda("t")) as updates:
                first = next(updates)
                choir.deposit("t", 5)
                second = next(updates)
            assert Thread.decode(first.account.data).balance == 10_000
            assert Thread.decode(second.account.data).balance == 10_005
            assert list(updates) == []

    await asyncio.to_thread(script)
