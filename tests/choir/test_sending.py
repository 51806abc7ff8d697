"""The sending path against every fault a node can have. Time and chance are injected."""

import asyncio

import pytest
from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from choir import program_errors, sending
from choir.errors import (
    BlockhashExpired,
    InvalidInput,
    NodeBehind,
    OutcomeUnknown,
    RateLimited,
    RpcError,
    RpcUnreachable,
    SystemError,
    TransactionFailed,
    WalletError,
)
from choir.ids import PROGRAM_ID
from choir.sending import PriorityFee, Sender, SendPolicy
from choir.testing import FakeRpc, FakeTransaction, ManualClock
from choir.wallet import KeypairSigner, sign_message

WALLET = KeypairSigner(Keypair.from_seed(bytes(32)))
LANDS_WITH_ERROR = {"InstructionError": [0, {"Custom": 6000}]}


def an_instruction(size=8, program=PROGRAM_ID):
    return Instruction(program, bytes(size), [AccountMeta(WALLET.pubkey, True, True)])


class Bench:
    """A sender over a fake node whose slots pass as the sender waits."""

    def __init__(self, *, slots_per_second=2.5, policy=None, **fake):
        self.rpc = FakeRpc(**fake)
        self._owed = 0.0
        self.rate = slots_per_second
        self.clock = ManualClock(on_sleep=self._pass)
        self.sender = Sender(self.rpc, clock=self.clock, policy=policy)

    def _pass(self, seconds):
        self._owed += seconds * self.rate
        self.rpc.advance(int(self._owed))
        self._owed -= int(self._owed)

    async def send(self):
        return await self.sender.send([an_instruction()], signers=[WALLET])

    def effects(self):
        return [t for t in self.rpc.landed.values() if t.err is None]


async def test_success_is_returned_with_its_slot():
    bench = Bench()
    receipt = await bench.send()
    assert receipt.slot == bench.rpc.landed[str(receipt.signature)].slot
    assert len(bench.effects()) == 1


async def test_it_waits_for_the_commitment_it_was_asked_for():
    bench = Bench(lag=10, policy=SendPolicy(commitment="finalized"))
    receipt = await bench.send()
    assert bench.rpc.slot - receipt.slot >= 41


async def test_simulation_sets_the_limit_and_recent_fees_the_price():
    bench = Bench()
    bench.rpc.simulation["unitsConsumed"] = 10_000
    bench.rpc.fees = [0, 10, 20, 1_000]
    prepared = await bench.sender.prepare([an_instruction()], payer=WALLET.pubkey)
    assert (prepared.units, prepared.unit_price) == (12_000, 1_000)
    limit, price, _ = prepared.message.instructions
    keys = prepared.message.account_keys
    assert keys[limit.program_id_index] == COMPUTE_BUDGET
    assert limit.data == b"\x02" + (12_000).to_bytes(4, "little")
    assert price.data == b"\x03" + (1_000).to_bytes(8, "little")


@pytest.mark.parametrize(
    ("recent", "bid"), [([], 5), ([1, 2, 3, 4], 5), ([9, 6, 7, 8], 9), ([10**9], 100)]
)
def test_the_bid_is_a_percentile_between_floor_and_ceiling(recent, bid):
    assert PriorityFee(percentile=75, floor=5, ceiling=100).of(recent) == bid


async def test_no_price_instruction_when_nobody_pays():
    bench = Bench()
    prepared = await bench.sender.prepare([an_instruction()], payer=WALLET.pubkey)
    assert len(prepared.message.instructions) == 2


async def test_a_node_without_fee_history_costs_nothing_but_the_floor():
    bench = Bench()
    bench.rpc._getRecentPrioritizationFees = None
    prepared = await bench.sender.prepare([an_instruction()], payer=WALLET.pubkey)
    assert prepared.unit_price == 0


async def test_a_simulated_failure_is_typed_and_nothing_is_sent():
    bench = Bench()
    bench.rpc.simulation = {
        "err": {"InstructionError": [2, {"Custom": program_errors.StakeBelowMinimum.CODE}]},
        "logs": [],
    }
    with pytest.raises(program_errors.StakeBelowMinimum) as caught:
        await bench.sender.send([an_instruction(), an_instruction()], signers=[WALLET])
    assert caught.value.simulated
    assert caught.value.instruction == 2
    assert bench.rpc.sent == []


async def test_an_error_on_the_chain_is_never_taken_for_success():
    bench = Bench()
    logs = [f"Program {PROGRAM_ID} failed: custom program error: 0x1770"]
    bench.rpc.fates.append(FakeTransaction(0, LANDS_WITH_ERROR, logs))
    with pytest.raises(program_errors.ArithmeticOverflow) as caught:
        await bench.send()
    assert caught.value.logs == tuple(logs)
    assert not caught.value.simulated
    assert caught.value.signature == str(bench.rpc.sent_signatures()[0])


async def test_dropped_sends_are_repeated_with_the_same_signature():
    bench = Bench()
    bench.rpc.fates.extend(["drop"] * 5)
    await bench.send()
    assert len(bench.rpc.sent) == 6
    assert len(bench.rpc.sent_signatures()) == 1


async def test_a_lost_answer_to_the_send_does_not_send_twice():
    bench = Bench()
    bench.rpc.lose_answer("sendTransaction")
    await bench.send()
    assert len(bench.effects()) == 1
    assert len(bench.rpc.sent_signatures()) == 1


async def test_it_signs_again_only_after_proven_expiry():
    bench = Bench()
    sends_until_expiry = 40
    bench.rpc.fates.extend(["drop"] * sends_until_expiry)
    heights = []
    original = bench.rpc._sendTransaction

    def watch(encoded, options):
        before = len(bench.rpc.sent_signatures())
        answer = original(encoded, options)
        if len(bench.rpc.sent_signatures()) > before:
            heights.append(bench.rpc.slot)
        return answer

    bench.rpc._sendTransaction = watch
    await bench.send()
    assert len(bench.effects()) == 1
    first, second = heights
    assert second > first + 150


async def test_expiry_is_told_when_signings_are_used_up():
    bench = Bench(policy=SendPolicy(signings=2))
    bench.rpc.fates.extend(["drop"] * 1_000)
    with pytest.raises(BlockhashExpired):
        await bench.send()
    assert len(bench.rpc.sent_signatures()) == 2
    assert bench.effects() == []


async def test_a_transaction_that_landed_before_expiry_is_found_in_the_history():
    """The recent statuses are lost, the blockhash is dead, and yet it ran: no second signature."""
    bench = Bench()
    shallow = bench.rpc._getSignatureStatuses

    def forgetful(signatures, options):
        if options["searchTransactionHistory"]:
            return shallow(signatures, options)
        return {"context": {"slot": bench.rpc.slot}, "value": [None] * len(signatures)}

    bench.rpc._getSignatureStatuses = forgetful
    receipt = await bench.send()
    assert bench.rpc.sent_signatures() == [receipt.signature]
    assert len(bench.effects()) == 1


async def test_absence_on_a_node_that_is_behind_proves_nothing():
    bench = Bench()
    bench.rpc.fates.extend(["drop"] * 1_000)
    lagging = bench.rpc._getSignatureStatuses

    def behind(signatures, options):
        answer = lagging(signatures, options)
        return {"context": {"slot": 900}, "value": answer["value"]}

    bench.rpc._getSignatureStatuses = behind
    with pytest.raises(OutcomeUnknown, match="not yet"):
        await bench.send()
    assert len(bench.rpc.sent_signatures()) == 1


@pytest.mark.parametrize("reaches_back", [True, False])
async def test_long_after_expiry_absence_counts_only_with_history(reaches_back):
    bench = Bench(history=reaches_back)
    bench.rpc.first_available_slot = 0 if reaches_back else bench.rpc.slot + 400
    prepared = await bench.sender.prepare([an_instruction()], payer=WALLET.pubkey)
    signed = await sign_message(prepared.message, [WALLET])
    bench.rpc.advance(500)
    bench.rpc.fates.extend(["drop"] * 10)
    with pytest.raises(BlockhashExpired if reaches_back else OutcomeUnknown):
        await bench.sender.submit(
            signed,
            last_valid_block_height=prepared.last_valid_block_height,
            min_context_slot=prepared.min_context_slot,
        )


async def test_a_confirmed_transaction_that_is_forked_away_is_sent_again():
    bench = Bench(lag=20)
    bench.rpc.fork_back(0)
    passed = bench._pass
    state = {"forked": False}

    def fork_once(seconds):
        passed(seconds)
        if bench.rpc.landed and not state["forked"]:
            state["forked"] = True
            bench.rpc.fork_back(3)

    bench.clock.on_sleep = fork_once
    receipt = await bench.send()
    assert state["forked"]
    assert str(receipt.signature) in bench.rpc.landed
    assert len(bench.rpc.sent_signatures()) == 1


async def test_retry_after_is_honoured():
    bench = Bench()
    bench.rpc.fail("sendTransaction", RateLimited("slow down", retry_after=7.0))
    await bench.send()
    assert 7.0 in bench.clock.slept


async def test_a_node_that_stays_silent_ends_in_outcome_unknown_with_the_signature():
    bench = Bench(policy=SendPolicy(patience=30))
    bench.rpc.fail("getSignatureStatuses", *[RpcUnreachable("gone") for _ in range(500)])
    with pytest.raises(OutcomeUnknown) as caught:
        await bench.send()
    assert caught.value.signature == str(bench.rpc.sent_signatures()[0])
    assert len(bench.rpc.sent_signatures()) == 1


async def test_a_node_that_answers_nonsense_later_does_not_end_the_watch():
    bench = Bench()
    bench.rpc.fail("getSignatureStatuses", RpcError("internal error", code=-32603))
    await bench.send()
    assert len(bench.effects()) == 1


async def test_an_outright_refusal_of_the_first_send_is_raised():
    bench = Bench()
    bench.rpc.fail("sendTransaction", RpcError("invalid params", code=-32602))
    with pytest.raises(RpcError, match="invalid params"):
        await bench.send()


async def test_a_refusal_after_a_send_that_may_have_arrived_is_not_the_end():
    bench = Bench()
    bench.rpc.lose_answer("sendTransaction")
    bench.rpc.fail("sendTransaction", RpcError("already there", code=-32602))
    bench.rpc.lag = 10
    await bench.send()
    assert len(bench.effects()) == 1


async def test_a_wrong_signature_is_told_before_a_node_drops_it_in_silence():
    bench = Bench()
    prepared = await bench.sender.prepare([an_instruction()], payer=WALLET.pubkey)
    with pytest.raises(WalletError, match=f"signature of {WALLET.pubkey} is missing or wrong"):
        await bench.sender.submit(prepared.transaction, last_valid_block_height=2_000)
    assert bench.rpc.calls["sendTransaction"] == 0


async def test_a_missing_signer_and_no_signer_are_refused_before_sending():
    bench = Bench()
    other = AccountMeta(Pubkey.new_unique(), True, False)
    instruction = Instruction(PROGRAM_ID, b"", [other])
    with pytest.raises(WalletError, match="needs the signature"):
        await bench.sender.send([instruction], signers=[WALLET])
    with pytest.raises(InvalidInput):
        await bench.sender.send([an_instruction()], signers=[])
    assert bench.rpc.sent == []


async def test_a_transaction_that_is_too_large_is_refused():
    bench = Bench()
    with pytest.raises(InvalidInput, match="1232"):
        await bench.sender.send([an_instruction(1_300)], signers=[WALLET])


async def test_the_unsigned_transaction_is_the_one_that_would_be_sent():
    bench = Bench()
    prepared = await bench.sender.prepare([an_instruction()], payer=WALLET.pubkey)
    signed = await sign_message(prepared.message, [WALLET])
    receipt = await bench.sender.submit(
        signed, last_valid_block_height=prepared.last_valid_block_height
    )
    assert receipt.signature == signed.signatures[0]


async def test_want_of_lamports_is_said_in_words():
    bench = Bench()
    bench.rpc.simulation = {
        "err": {"InstructionError": [2, {"Custom": 1}]},
        "logs": [
            f"Program {PROGRAM_ID} invoke [1]",
            "Program 11111111111111111111111111111111 invoke [2]",
            "Program 11111111111111111111111111111111 failed: custom program error: 0x1",
            f"Program {PROGRAM_ID} failed: custom program error: 0x1",
        ],
    }
    with pytest.raises(SystemError, match="does not hold enough SOL"):
        await bench.send()


async def test_what_was_sent_before_a_cancellation_is_remembered():
    bench = Bench()
    bench.rpc.fates.extend(["drop"] * 100)
    waiting = asyncio.Event()
    passed = bench._pass

    async def pause(seconds):
        passed(seconds)
        waiting.set()
        await asyncio.Event().wait()

    bench.clock.on_sleep = pause
    sending = asyncio.create_task(bench.send())
    await waiting.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert bench.sender.unsettled == set(bench.rpc.sent_signatures())


async def test_only_so_many_unsettled_ones_are_remembered(monkeypatch):
    monkeypatch.setattr(sending, "UNSETTLED_KEPT", 2)
    bench = Bench()
    bench.rpc.fates.extend(["drop"] * 100)
    for _ in range(4):
        bench.rpc.advance()
        waiting = asyncio.Event()

        async def pause(*_, waiting=waiting):
            waiting.set()
            await asyncio.Event().wait()

        bench.clock.on_sleep = pause
        task = asyncio.create_task(bench.send())
        await waiting.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert bench.sender.unsettled == set(bench.rpc.sent_signatures()[-2:])


async def test_what_is_settled_is_not_remembered():
    bench = Bench()
    await bench.send()
    bench.rpc.fates.append(FakeTransaction(0, LANDS_WITH_ERROR))
    bench.rpc.advance()
    with pytest.raises(TransactionFailed):
        await bench.send()
    assert bench.sender.unsettled == set()


def refusal(code, err=None):
    return RpcError("refused", code=code, data=None if err is None else {"err": err, "logs": []})


async def test_a_blockhash_the_node_does_not_know_yet_is_not_the_end():
    bench = Bench()
    bench.rpc.fail("sendTransaction", refusal(-32002, "BlockhashNotFound"))
    await bench.send()
    assert len(bench.effects()) == 1


async def test_a_preflight_that_finds_it_processed_is_not_a_failure():
    bench = Bench(lag=3)
    bench.rpc.preflights = True
    bench.rpc.lose_answer("sendTransaction")
    await bench.send()
    assert len(bench.effects()) == 1


async def test_a_refused_preflight_is_typed_with_its_logs():
    bench = Bench()
    bench.rpc.preflights = True
    logs = [f"Program {PROGRAM_ID} failed: custom program error: 0x1770"]
    bench.rpc.fates.append(FakeTransaction(0, LANDS_WITH_ERROR, logs))
    with pytest.raises(program_errors.ArithmeticOverflow) as caught:
        await bench.send()
    assert caught.value.simulated
    assert caught.value.logs == tuple(logs)


@pytest.mark.parametrize("code", [-32603, -32000, -32099, None])
async def test_an_answer_that_does_not_say_whether_it_was_passed_on_is_followed_up(code):
    bench = Bench()
    bench.rpc.fail("sendTransaction", RpcError("odd", code=code), after=True)
    await bench.send()
    assert len(bench.effects()) == 1
    assert len(bench.rpc.sent_signatures()) == 1


async def test_what_ran_before_is_not_called_refused_when_it_is_submitted_again():
    bench = Bench()
    prepared = await bench.sender.prepare([an_instruction()], payer=WALLET.pubkey)
    signed = await sign_message(prepared.message, [WALLET])
    again = {"last_valid_block_height": prepared.last_valid_block_height}
    first = await bench.sender.submit(signed, **again)
    bench.rpc.fail("sendTransaction", refusal(-32002, {"InstructionError": [1, "Custom"]}))
    assert await bench.sender.submit(signed, **again) == first


async def test_an_unknown_outcome_is_settled_when_the_node_answers_again():
    bench = Bench(policy=SendPolicy(patience=5))
    bench.rpc.fail("getSignatureStatuses", *[RpcUnreachable("gone") for _ in range(50)])
    with pytest.raises(OutcomeUnknown, match=r"Sender\.settle") as caught:
        await bench.send()
    unknown = caught.value
    bench.rpc.unlose()
    sends = len(bench.rpc.sent)
    receipt = await bench.sender.settle(
        bench.rpc.sent_signatures()[0],
        last_valid_block_height=unknown.last_valid_block_height,
        min_context_slot=unknown.min_context_slot,
    )
    assert str(receipt.signature) == unknown.signature
    assert len(bench.rpc.sent) == sends
    assert bench.sender.unsettled == set()


async def test_settling_proves_that_it_never_ran_too():
    bench = Bench(policy=SendPolicy(patience=5))
    bench.rpc.fates.extend(["drop"] * 50)
    bench.rpc.fail("getSignatureStatuses", *[RpcUnreachable("gone") for _ in range(50)])
    with pytest.raises(OutcomeUnknown) as caught:
        await bench.send()
    bench.rpc.unlose()
    with pytest.raises(BlockhashExpired, match="never ran"):
        await bench.sender.settle(
            bench.rpc.sent_signatures()[0],
            last_valid_block_height=caught.value.last_valid_block_height,
            min_context_slot=caught.value.min_context_slot,
        )


async def test_a_chain_that_stands_still_ends_in_an_unknown_outcome():
    bench = Bench(slots_per_second=0, policy=SendPolicy(longest=30))
    bench.rpc.fates.extend(["drop"] * 50)
    with pytest.raises(OutcomeUnknown, match="within 30 s"):
        await bench.send()
    assert sum(bench.clock.slept) < 40


async def test_a_busy_node_is_waited_for_before_anything_is_signed_but_not_for_ever():
    bench = Bench()
    bench.rpc.fail("getLatestBlockhash", RateLimited("busy", retry_after=3.0))
    bench.rpc.fail("simulateTransaction", NodeBehind("behind"))
    await bench.send()
    assert 3.0 in bench.clock.slept
    bench.rpc.fail("simulateTransaction", *[RateLimited("busy", retry_after=9.0)] * 9)
    slept = len(bench.clock.slept)
    with pytest.raises(RateLimited):
        await bench.send()
    assert bench.clock.slept[slept:] == [9.0, 9.0]


async def test_a_node_that_asks_to_wait_for_a_day_is_asked_again_sooner():
    bench = Bench()
    bench.rpc.fail("getSignatureStatuses", RateLimited("no", retry_after=86_400.0))
    await bench.send()
    assert max(bench.clock.slept) == 30.0


async def test_a_simulation_must_have_seen_what_this_sender_did_before():
    bench = Bench()
    receipt = await bench.send()
    asked = []
    simulate = bench.rpc._simulateTransaction

    def watch(encoded, options):
        asked.append(options.get("minContextSlot"))
        return simulate(encoded, options)

    bench.rpc._simulateTransaction = watch
    bench.rpc.behind.extend([0, 20])  # the fees, then a node that has not seen it
    await bench.send()
    assert asked[0] == receipt.slot
    assert len(asked) > 1
