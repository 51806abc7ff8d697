"""Deploying through the real loader on the localnet, killed at every step and started again."""

import asyncio
import struct
from dataclasses import replace

import pytest
from solders.instruction import AccountMeta
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from tests.choir.chain import QUICK, SOL

from choir import loader
from choir.artifact import program_so
from choir.deploy import (
    AlreadyDeployed,
    BufferUnusable,
    Deployer,
    DeployError,
    NotAProgram,
    NotTheAuthority,
    ProgramFinal,
)
from choir.errors import (
    DecodeError,
    InvalidInput,
    NotFound,
    RpcUnreachable,
    TransactionFailed,
    WrongOwner,
)
from choir.fees import FixedUnits
from choir.ids import PROGRAM_ID
from choir.localnet import Localnet, Settings
from choir.rpc import Account, HttpRpc
from choir.sending import Sender
from choir.testing import SteppedClock
from choir.wallet import KeypairSigner

MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
# of a time when programs called what no longer exists
OLD_MEMO = Pubkey.from_string("Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo")


def tiny_program(answer=0, size=6_000):
    """The least ELF object that is a program: `r0 = answer; exit`, and bytes nobody reads."""
    text = struct.pack("<BBhi", 0xB7, 0, 0, answer) + struct.pack("<BBhi", 0x95, 0, 0, 0)
    names = b"\0.text\0.shstrtab\0"
    names_at = 64 + len(text)
    sections_at = -(-(names_at + len(names)) // 8) * 8
    header = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 3, 247, 1, 64, 0, sections_at, 0, 64, 56, 0, 64, 3, 2)
    sections = bytes(64)
    sections += struct.pack("<IIQQQQIIQQ", 1, 1, 6, 64, 64, len(text), 0, 0, 8, 0)
    sections += struct.pack("<IIQQQQIIQQ", 7, 3, 0, 0, names_at, len(names), 0, 0, 1, 0)
    made = (header + text + names).ljust(sections_at, b"\0") + sections
    return made + bytes(1 + i % 251 for i in range(size - len(made)))


def sorting(first):
    """A key for a program whose address sorts before, or after, that of its data account."""
    while True:
        program = KeypairSigner.generate()
        data = loader.program_data_address(program.pubkey)
        if (bytes(program.pubkey) < bytes(data)) == first:
            return program


class Yard:
    """A localnet, somebody who pays, and two programs small enough to deploy often."""

    def __init__(self, localnet, rpc, payer, small, large):
        self.localnet, self.rpc, self.payer = localnet, rpc, payer
        self.small, self.large = small, large

    def deployer(self, rpc=None, **options):
        return Deployer(Sender(rpc or self.rpc, policy=QUICK), payer=self.payer, **options)

    async def runs(self, program, text=b"hello"):
        """What a program logs for a text; whether a tiny one runs."""
        instruction = loader.Instruction(program, text, [])
        result = await Sender(self.rpc).simulate([instruction], payer=self.payer.pubkey)
        result.raise_for_error()
        return result.logs


@pytest.fixture
async def yard():
    settings = Settings(http_port=0, ws_port=0, production="transaction", finality_slots=3)
    async with Localnet(settings) as localnet, HttpRpc(localnet.rpc_url) as rpc:
        payer = KeypairSigner(Keypair())
        await rpc.request_airdrop(payer.pubkey, 1_000 * SOL)
        memo = (await rpc.get_account(MEMO)).value.data
        yield Yard(localnet, rpc, payer, tiny_program(), memo)


@pytest.mark.parametrize("first", [True, False])
async def test_a_program_is_deployed_runs_is_upgraded_and_closed(yard, first):
    # LiteSVM stores accounts in the order of their addresses
    program, told = sorting(first), []
    deployer = yard.deployer(progress=told.append)
    done = await deployer.deploy(program, yard.small)
    assert (done.program, done.changed) == (program.pubkey, True)
    assert done.sha256 == loader.code_sha256(yard.small)
    assert {(p.step, p.total) for p in told} == {("buffer", 1), ("write", 7), ("deploy", 1)}
    assert [p.done for p in told if p.step == "write"] == list(range(8))
    assert await yard.runs(program.pubkey)
    assert await deployer.buffers() == {}

    await yard.localnet.advance()
    before = (await yard.rpc.get_balance(yard.payer.pubkey)).value
    upgraded = await deployer.upgrade(program.pubkey, yard.large)
    assert upgraded.sha256 == loader.code_sha256(yard.large)
    assert upgraded.slot > done.slot
    assert any("Memo (len 5)" in line for line in await yard.runs(program.pubkey))
    assert (await deployer.verify(program.pubkey, yard.large)).matches
    against = await deployer.verify(program.pubkey, yard.small)
    assert (against.matches, against.authority) == (False, yard.payer.pubkey)
    assert against.on_chain != against.expected
    assert await deployer.buffers() == {}

    await yard.localnet.advance()
    await deployer.close(program.pubkey)
    after = (await yard.rpc.get_balance(yard.payer.pubkey)).value
    assert after > before  # the rent of its data came back
    with pytest.raises(AlreadyDeployed, match="can never be deployed again"):
        await deployer.deploy(program, yard.small)
    with pytest.raises(TransactionFailed, match="InvalidProgramForExecution"):
        await yard.runs(program.pubkey)
    assert (await yard.rpc.get_account(program.pubkey)).value.executable


@pytest.mark.parametrize("first", [True, False])
async def test_forks_and_restarts_run_the_code_that_is_there(tmp_path, first):
    """The virtual machine keeps programs loaded; what it runs is what the accounts say."""
    settings = Settings(
        http_port=0, ws_port=0, production="transaction", finality_slots=20, state_dir=tmp_path
    )
    program, payer = sorting(first), KeypairSigner(Keypair())
    asked = loader.Instruction(program.pubkey, b"", [])

    async def said(rpc):
        return (await Sender(rpc).simulate([asked], payer=payer.pubkey)).error

    async with Localnet(settings) as localnet, HttpRpc(localnet.rpc_url) as rpc:

        def deployer():  # its sender knows of no slot that a fork took back
            return Deployer(Sender(rpc, policy=QUICK), payer=payer)

        await rpc.request_airdrop(payer.pubkey, 20 * SOL)
        await deployer().deploy(program, tiny_program())
        await localnet.advance()
        slot = await rpc.get_slot(commitment="confirmed")
        await deployer().upgrade(program.pubkey, tiny_program(7))
        assert "error 7" in str(await said(rpc))
        gone = await rpc.get_slot(commitment="confirmed") - slot
        await rpc.request("localnet_fork", [gone])
        assert (await deployer().verify(program.pubkey, tiny_program())).matches
        assert await said(rpc) is None
        await deployer().close(program.pubkey)
        assert "InvalidProgramForExecution" in str(await said(rpc))
        await rpc.request("localnet_fork", [1])
        assert await said(rpc) is None
        await deployer().close(program.pubkey)
    async with Localnet(settings) as localnet, HttpRpc(localnet.rpc_url) as rpc:
        assert "InvalidProgramForExecution" in str(await said(rpc))
        assert (await rpc.get_account(program.pubkey)).value.executable


async def test_the_program_a_localnet_started_with_can_be_closed(world):
    deployer = Deployer(world.client(world.authority).sender, payer=world.authority)
    await deployer.close(PROGRAM_ID)
    with pytest.raises(NotFound):
        await deployer.verify(PROGRAM_ID, program_so().read_bytes())


async def test_a_close_that_is_refused_leaves_the_program_running(yard):
    program, stranger = sorting(False), KeypairSigner.generate()
    await yard.deployer().deploy(program, yard.small)
    await yard.rpc.request_airdrop(stranger.pubkey, SOL)
    await yard.localnet.advance()
    data = loader.program_data_address(program.pubkey)
    keys = [(data, True), (stranger.pubkey, True), (stranger.pubkey, False), (program.pubkey, True)]
    metas = [AccountMeta(key, key == stranger.pubkey, writable) for key, writable in keys]
    close = loader.Instruction(loader.LOADER, (5).to_bytes(4, "little"), metas)
    policy = replace(QUICK, units=FixedUnits(200_000))  # not simulated: it goes on the chain
    with pytest.raises(TransactionFailed, match="IncorrectAuthority"):
        await Sender(yard.rpc, policy=policy).send([close], signers=[stranger])
    assert await yard.runs(program.pubkey)


async def test_the_program_of_this_repository_deploys(yard):
    program, code = KeypairSigner.generate(), program_so().read_bytes()
    done = await yard.deployer(concurrency=32).deploy(program, code, capacity=len(code) + 4096)
    verified = await yard.deployer().verify(program.pubkey, code)
    assert verified.matches
    assert verified.capacity == len(code) + 4096
    assert done.sha256 == (await yard.deployer().verify(PROGRAM_ID, code)).on_chain


async def test_what_is_done_already_is_said_and_nothing_is_sent(yard):
    program = KeypairSigner.generate()
    first = await yard.deployer().deploy(program, yard.small)
    before = await yard.rpc.request("getTransactionCount")
    again = await yard.deployer().deploy(program, yard.small)
    upgraded = await yard.deployer().upgrade(program.pubkey, yard.small)
    assert again == upgraded
    assert (again.changed, again.slot, again.sha256) == (False, first.slot, first.sha256)
    assert await yard.rpc.request("getTransactionCount") == before
    with pytest.raises(AlreadyDeployed, match="upgrade it instead"):
        await yard.deployer().deploy(program, yard.large)


class Mortal(HttpRpc):
    """A node's client in a process that is killed at its n-th request: before or after it."""

    def __init__(self, url, life, *, after):
        super().__init__(url)
        self.life, self.after = life, after
        self.dead = asyncio.Event()

    async def request(self, method, params=()):
        self.life -= 1
        if self.life > 0:
            return await super().request(method, params)
        if self.life == 0 and self.after:
            await super().request(method, params)
        self.dead.set()
        return await asyncio.Event().wait()


async def lives(yard, life, work, *, after):
    """Start `work` over, killed at its `life`-th request, until it gets done; how many lives."""
    count = 0
    while True:
        count += 1
        assert count < 40, "no life got any further than the one before"
        async with Mortal(yard.localnet.rpc_url, life, after=after) as rpc:
            # few at once: a life must be long enough for one of them
            working = asyncio.create_task(work(yard.deployer(rpc, concurrency=2)))
            dying = asyncio.create_task(rpc.dead.wait())
            await asyncio.wait({working, dying}, return_when=asyncio.FIRST_COMPLETED)
            working.cancel()
            dying.cancel()
            outcome, _ = await asyncio.gather(working, dying, return_exceptions=True)
        if not isinstance(outcome, asyncio.CancelledError):
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome, count


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("life", [19, 23, 28])
async def test_a_deployment_killed_again_and_again_gets_done(yard, life, after):
    program = KeypairSigner.generate()
    done, count = await lives(yard, life, lambda d: d.deploy(program, yard.small), after=after)
    assert count > 1
    assert (await yard.deployer().verify(program.pubkey, yard.small)).matches
    assert done.program == program.pubkey
    assert await yard.runs(program.pubkey)
    assert await yard.deployer().buffers() == {}
    await yard.localnet.advance()
    grown = tiny_program(size=9_000)  # past the capacity: extended first
    _, count = await lives(yard, life, lambda d: d.upgrade(program.pubkey, grown), after=after)
    assert count > 1
    assert (await yard.deployer().verify(program.pubkey, grown)).matches
    assert await yard.deployer().buffers() == {}


async def requests_of(yard, work):
    """How many requests a piece of work takes when nothing goes wrong."""
    async with Mortal(yard.localnet.rpc_url, 10**6, after=False) as rpc:
        await work(yard.deployer(rpc, concurrency=1))
        return 10**6 - rpc.life


async def test_a_kill_at_each_request_of_the_first_and_last_steps_loses_nothing(yard):
    total = await requests_of(yard, lambda d: d.deploy(KeypairSigner.generate(), yard.small))
    kills = [*range(1, 12), *range(total - 14, total + 1)]
    for life in kills:
        program = KeypairSigner.generate()
        async with Mortal(yard.localnet.rpc_url, life, after=life % 2 == 0) as rpc:
            working = asyncio.create_task(
                yard.deployer(rpc, concurrency=1).deploy(program, yard.small)
            )
            dying = asyncio.create_task(rpc.dead.wait())
            await asyncio.wait({working, dying}, return_when=asyncio.FIRST_COMPLETED)
            working.cancel()
            dying.cancel()
            await asyncio.gather(working, dying, return_exceptions=True)
        await yard.deployer().deploy(program, yard.small)
        assert (await yard.deployer().verify(program.pubkey, yard.small)).matches
    assert await yard.deployer().buffers() == {}


async def test_only_what_differs_is_written_again(yard):
    program, told = KeypairSigner.generate(), []
    first = yard.deployer()
    buffer = await first._filled_buffer(program.pubkey, yard.small)
    spoiled = loader.write(buffer, yard.payer.pubkey, 2_000, b"\0" * 500)
    await Sender(yard.rpc, policy=QUICK).send([spoiled], signers=[yard.payer])
    await yard.deployer(progress=told.append).deploy(program, yard.small)
    assert {p.total for p in told if p.step == "write"} == {1}
    assert await yard.runs(program.pubkey)


class Counting(HttpRpc):
    """Counts the sends under way; loses some answers."""

    def __init__(self, url, lose=0):
        super().__init__(url)
        self.now = self.most = self.sends = 0
        self.lose = lose

    async def send_transaction(self, transaction, **options):
        self.now, self.sends = self.now + 1, self.sends + 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0)
            signature = await super().send_transaction(transaction, **options)
            if self.lose and self.sends % self.lose == 0:
                raise RpcUnreachable("the answer was lost")
            return signature
        finally:
            self.now -= 1


async def test_writes_are_parallel_and_bounded(yard):
    async with Counting(yard.localnet.rpc_url) as rpc:
        await yard.deployer(rpc, concurrency=5).deploy(KeypairSigner.generate(), yard.small)
        assert 1 < rpc.most <= 5
    with pytest.raises(InvalidInput, match="at least one"):
        yard.deployer(concurrency=0)


async def test_lost_answers_and_lost_writes_do_no_harm(yard):
    for fault in (
        {"kind": "loseSend", "count": 4, "chance": 0.5},
        {"kind": "duplicateSend", "count": 5, "chance": 0.5, "slots": 2},
        {"kind": "status", "status": 429, "count": 5, "chance": 0.2},
    ):
        fault = {**fault, "methods": ["sendTransaction"]}
        await yard.rpc.request("localnet_injectFault", [fault])
    program = KeypairSigner.generate()
    async with Counting(yard.localnet.rpc_url, lose=3) as rpc:
        await yard.deployer(rpc).deploy(program, yard.small)
    assert (await yard.deployer().verify(program.pubkey, yard.small)).matches


async def test_lamports_sent_ahead_to_the_addresses_are_no_obstacle(yard):
    program = KeypairSigner.generate()
    buffer, _ = loader.buffer_address(yard.payer.pubkey, program.pubkey, yard.small)
    pays = [
        transfer(TransferParams(from_pubkey=yard.payer.pubkey, to_pubkey=key, lamports=2 * SOL))
        for key in (program.pubkey, buffer)
    ]
    await Sender(yard.rpc, policy=QUICK).send(pays, signers=[yard.payer])
    await yard.deployer().deploy(program, yard.small)
    assert await yard.runs(program.pubkey)


async def test_authority_is_checked_handed_over_and_given_up(yard):
    other, program = KeypairSigner.generate(), KeypairSigner.generate()
    await yard.deployer(authority=other).deploy(program, yard.small)
    with pytest.raises(NotTheAuthority, match=f"is {other.pubkey}") as caught:
        await yard.deployer().upgrade(program.pubkey, yard.large)
    assert caught.value.authority == other.pubkey
    await yard.deployer(authority=other).set_authority(program.pubkey, yard.payer.pubkey)
    await yard.deployer().set_authority(program.pubkey, yard.payer.pubkey)  # so already
    await yard.localnet.advance()
    await yard.deployer().upgrade(program.pubkey, yard.large)
    await yard.deployer().set_authority(program.pubkey, None)
    for change in ("upgrade", "close"):
        arguments = (yard.small,) if change == "upgrade" else ()
        with pytest.raises(ProgramFinal, match="nobody can change it"):
            await getattr(yard.deployer(), change)(program.pubkey, *arguments)


async def test_what_cannot_be_is_said_before_anything_is_sent(yard):
    deployer, program = yard.deployer(), KeypairSigner.generate()
    with pytest.raises(InvalidInput, match="ELF"):
        await deployer.deploy(program, b"#!/bin/sh")
    with pytest.raises(NotFound, match="there is nothing"):
        await deployer.upgrade(program.pubkey, yard.small)
    with pytest.raises(NotFound, match="owns the account"):
        await deployer.verify(yard.payer.pubkey, yard.small)
    mint = KeypairSigner(yard.localnet.chain.keys.stake_mint)
    with pytest.raises(AlreadyDeployed, match="is in use"):
        await deployer.deploy(mint, yard.small)
    before = await deployer.buffers()
    assert before == {}


async def test_a_program_is_ready_in_the_slot_after(yard):
    clock = SteppedClock()
    done = await yard.deployer().deploy(KeypairSigner.generate(), yard.small)
    waiting = Deployer(Sender(yard.rpc, policy=QUICK, clock=clock), payer=yard.payer)
    ready = asyncio.create_task(waiting.ready(done.program))
    while not clock._sleepers:  # noqa: ASYNC110 - until it waits
        await asyncio.sleep(0)
    await yard.localnet.advance()
    clock.advance(1)
    assert await ready == done.slot + 1


async def test_code_the_chain_cannot_run_is_said_in_the_verifiers_words(yard):
    old = (await yard.rpc.get_account(OLD_MEMO)).value.data
    with pytest.raises(NotAProgram, match="Unresolved symbol") as caught:
        await yard.deployer().deploy(KeypairSigner.generate(), old)
    assert caught.value.said.startswith("Unresolved symbol")
    (buffer,) = await yard.deployer().buffers()
    await yard.deployer().close_buffer(buffer)


async def test_an_unfinished_buffer_is_found_and_given_up(yard):
    deployer, program = yard.deployer(), KeypairSigner.generate()
    buffer = await deployer._filled_buffer(program.pubkey, yard.small)
    ((found, lamports),) = (await deployer.buffers()).items()
    assert found == buffer
    before = (await yard.rpc.get_balance(yard.payer.pubkey)).value
    await deployer.close_buffer(buffer)
    after = (await yard.rpc.get_balance(yard.payer.pubkey)).value
    assert after == before + lamports - 5_000
    assert await deployer.buffers() == {}
    other = KeypairSigner.generate()
    again = await deployer._filled_buffer(program.pubkey, yard.small)
    change = loader.set_authority(again, yard.payer.pubkey, other.pubkey)
    await Sender(yard.rpc, policy=QUICK).send([change], signers=[yard.payer])
    with pytest.raises(BufferUnusable, match=str(other.pubkey)):
        await deployer.deploy(program, yard.small)
    assert issubclass(BufferUnusable, DeployError)


@pytest.mark.parametrize(
    "read", [loader.read_buffer, loader.read_program, loader.read_program_data]
)
def test_what_is_no_account_of_the_loader_is_said(read):
    with pytest.raises(WrongOwner):
        read(Account(1, Pubkey.default(), bytes(100)))
    with pytest.raises(DecodeError):
        read(Account(1, loader.LOADER, b"\7" + bytes(100)))
    with pytest.raises(DecodeError):
        read(Account(1, loader.LOADER, b"\1\0\0\0"))
