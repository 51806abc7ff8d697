"""Thousands of seeded runs of the sending path through every fault a node can have.

Time stands still but for the sender's own waiting; what the chain holds in the end is compared
with what the sender said. `test_rpc` holds the fake node to the localnet, and the last test here
takes the same faults to the localnet itself.
"""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from choir.errors import (
    BlockhashExpired,
    ChoirError,
    NodeBehind,
    OutcomeUnknown,
    RateLimited,
    RpcError,
    RpcUnreachable,
    TransactionFailed,
)
from choir.ids import PROGRAM_ID
from choir.sending import Sender, SendPolicy
from choir.testing import FINALITY, Delayed, FakeRpc, FakeTransaction, ManualClock
from choir.wallet import KeypairSigner

WALLET = KeypairSigner(Keypair.from_seed(bytes(32)))
INSTRUCTION = Instruction(PROGRAM_ID, b"x", [AccountMeta(WALLET.pubkey, True, True)])
FAILS = {"InstructionError": [1, {"Custom": 6000}]}


def limited(seconds):
    return RateLimited("slow down", retry_after=seconds, code=429)


REFUSED = -32602  # never said of what was passed on
METHODS = (
    "sendTransaction",
    "getSignatureStatuses",
    "getEpochInfo",
    "getTransaction",
)
PREPARING = ("getLatestBlockhash", "simulateTransaction")


class Run:
    """A sender over a fake node; slots pass as it waits, and the chain forks as it is told."""

    def __init__(self, *, policy, lag, forks, rate):
        self.rpc = FakeRpc(lag=lag)
        self.clock = ManualClock(on_sleep=self.pass_time)
        self.sender = Sender(self.rpc, clock=self.clock, policy=policy)
        self.forks, self.rate = dict(forks), rate
        self.owed, self.deepest = 0.0, 0

    def pass_time(self, seconds):
        self.owed += seconds * self.rate
        whole, self.owed = int(self.owed), self.owed - int(self.owed)
        self.rpc.advance(whole)
        for at in [at for at in self.forks if self.rpc.slot >= 1_000 + at]:
            # what is final stays
            depth = min(self.forks.pop(at), self.rpc.lag + FINALITY - 1)
            self.deepest = max(self.deepest, depth)
            self.rpc.fork_back(depth)

    async def end(self):
        """What the sender said, and whether it was so at that moment."""
        try:
            said = await self.sender.send([INSTRUCTION], signers=[WALLET])
        except ChoirError as error:
            said = error
        return said, {s: (t.slot, t.err) for s, t in self.rpc.landed.items()}

    def settle(self):
        """Everything still under way arrives or dies."""
        self.rpc.advance(400)

    def effects(self):
        return [s for s, t in self.rpc.landed.items() if t.err is None]


def an_error(chance):
    return chance.choice(
        [
            RpcUnreachable("cut"),
            RpcUnreachable("cut"),
            NodeBehind("behind", code=-32005),
            limited(chance.choice([None, 0.0, 2.0, 40.0, 500.0])),
            RateLimited("busy", code=503),
            RpcError("internal", code=-32603),
            RpcError("odd", code=-32099),
            RpcError("refused", code=REFUSED),
        ]
    )


def a_fate(chance, drops):
    if chance.random() < drops:
        return "drop"
    kind = chance.random()
    if kind < 0.3:
        return "land"
    if kind < 0.8:
        err = FAILS if chance.random() < 0.2 else None
        return Delayed(chance.randrange(200), now=chance.random() < 0.5, err=err)
    return FakeTransaction(0, FAILS)


def a_run(seed):
    chance = random.Random(seed)
    at_expiry = chance.random() < 0.4  # arrivals and forks crowd around the last valid height
    run = Run(
        policy=SendPolicy(
            commitment=chance.choice(["processed", "confirmed", "confirmed", "finalized"]),
            patience=chance.choice([10, 60]),
            signings=chance.choice([1, 3]),
        ),
        lag=chance.randrange(20),
        rate=2.5 if at_expiry else chance.choice([0.3, 2.5, 2.5, 40]),
        # at so many slots after the start, so many slots are lost
        forks={
            chance.randrange(125, 190) if at_expiry else chance.randrange(200): chance.randint(
                1, FINALITY
            )
            for _ in range(chance.randrange(4))
        },
    )
    rpc, drops = run.rpc, 1.0 if at_expiry else chance.choice([0.2, 0.9, 1.0])
    rpc.preflights = chance.random() < 0.3
    rpc.fates.extend(a_fate(chance, drops) for _ in range(chance.randrange(120)))
    if at_expiry:
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(rpc.fates) + 1)
            rpc.fates.insert(at, Delayed(max(chance.randint(125, 165) - at * 5, 1)))
    if chance.random() < 0.5:
        often = chance.choice([0.1, 0.6])
        rpc.behind.extend(
            chance.choice([1, 5, 40, 200]) if chance.random() < often else 0 for _ in range(500)
        )
    for method in METHODS:
        often = chance.choice([0.0, 0.2, 0.8])
        for _ in range(chance.randrange(30)):
            if chance.random() < often:
                error = an_error(chance)
                rpc.fail(method, error, after=error.code != REFUSED and chance.random() < 0.5)
    if chance.random() < 0.1:
        rpc.fail(chance.choice(PREPARING), an_error(chance))
    return run


async def judge(run):
    """What the sender said is held against what is on the chain when all has arrived or died."""
    said, then = await run.end()
    run.settle()
    back = {"processed": 0, "confirmed": run.rpc.lag, "finalized": run.rpc.lag + FINALITY}
    may_be_taken_back = run.deepest > back[run.sender.policy.commitment]
    sent = {str(s) for s in run.rpc.sent_signatures()}
    lost = {str(s) for s in run.sender.unsettled}

    assert len(run.effects()) <= 1
    if isinstance(said, OutcomeUnknown):
        assert lost == {said.signature}
        assert "Sender.settle" in str(said)
        assert said.last_valid_block_height is not None
        return said
    assert lost == set()
    if isinstance(said, BlockhashExpired | RpcError):
        # nothing it ever signed ran, or can: not even after a fork
        assert not run.rpc.landed
    elif isinstance(said, TransactionFailed) and said.simulated:
        assert not run.rpc.landed
    elif isinstance(said, TransactionFailed):
        assert said.signature in sent
        if not may_be_taken_back:
            assert then[said.signature][1] == FAILS
            assert run.effects() == []
    else:
        assert not isinstance(said, ChoirError)
        if not may_be_taken_back:
            assert then[str(said.signature)] == (said.slot, None)
            assert run.effects() == [str(said.signature)]
    return said


@pytest.mark.parametrize("block", range(8))
async def test_no_run_of_faults_gives_a_double_effect_a_false_success_or_a_false_failure(block):
    ends = Counter()
    for seed in range(block * 500, block * 500 + 500):
        try:
            ends[type(await judge(a_run(seed))).__name__] += 1
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
    # a property that never sees an end says nothing about it
    assert min(ends[e] for e in ("Receipt", "OutcomeUnknown", "BlockhashExpired")) > 10, ends
    assert ends["ArithmeticOverflow"] > 10, ends


@given(st.integers(min_value=4_000))
@settings(max_examples=200, deadline=None)
async def test_nor_does_any_other_run(seed):
    await judge(a_run(seed))


# ---- the same on the localnet, whose own faults are drawn by chance

SEND_FAULTS = [
    {"kind": "drop"},
    {"kind": "drop", "before": True},
    {"kind": "loseSend"},
    {"kind": "delaySend", "slots": 3},
    {"kind": "duplicateSend", "slots": 5},
    {"kind": "status", "status": 429, "retryAfter": 0.5},
    {"kind": "status", "status": 503},
    {"kind": "expire"},
    {"kind": "expire", "before": True},
    {"kind": "fork", "slots": 1},
    {"kind": "fork", "slots": 2, "reland": True},
]
ASK_FAULTS = [
    {"kind": "behind", "slots": 2},
    {"kind": "status", "status": 503},
    {"kind": "drop"},
    {"kind": "fork", "slots": 1},
    {"kind": "fork", "slots": 2, "reland": True},
    {"kind": "advance", "slots": 10},
    {"kind": "expire"},
]


class Passing(ManualClock):
    """Slots of the localnet pass while the sender waits."""

    def __init__(self, localnet):
        super().__init__(on_sleep=lambda _: localnet.advance(2))


@pytest.mark.parametrize("block", range(3))
async def test_the_localnets_faults_never_pay_twice_or_tell_a_lie(world, block):
    ends = Counter()
    payer = await world.person(tokens=0, lamports=1_000 * 10**9)
    await world.localnet.advance(5)
    for seed in range(block * 40, block * 40 + 40):
        chance = random.Random(seed)
        for faults, method in (
            (SEND_FAULTS, "sendTransaction"),
            (ASK_FAULTS, "getSignatureStatuses"),
            (ASK_FAULTS, "getEpochInfo"),
        ):
            for _ in range(chance.randrange(3)):
                fault = {
                    **chance.choice(faults),
                    "count": chance.randint(1, 6),
                    "skip": chance.randrange(3),
                    "methods": [method],
                }
                await world.rpc.request("localnet_injectFault", [fault])
        sender = Sender(
            world.rpc,
            clock=Passing(world.localnet),
            policy=SendPolicy(commitment="finalized", patience=20, longest=200),
        )
        to, before = Pubkey.new_unique(), sender.clock.monotonic()
        pay = transfer(TransferParams(from_pubkey=payer.wallet, to_pubkey=to, lamports=1_000_000))
        try:
            said = await sender.send([pay], signers=[payer.signer])
        except ChoirError as error:
            said = error
        assert sender.clock.monotonic() >= before
        await world.rpc.request("localnet_clearFaults")
        await world.localnet.advance(200)  # whatever is under way arrives or dies
        paid = (await world.rpc.get_balance(to)).value
        ends[type(said).__name__] += 1
        if not isinstance(said, ChoirError):
            assert paid == 1_000_000, f"seed {seed}"
        elif isinstance(said, OutcomeUnknown):
            assert paid in (0, 1_000_000), f"seed {seed}"
        else:
            assert paid == 0, f"seed {seed}: {said!r}"
    assert ends["Receipt"] > 20, ends
