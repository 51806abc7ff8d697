"""`ChoirApi` against the real application, and its waits against a server that will not."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction
from tests.api.world import MIN_BALANCE, MIN_STAKE, World

from choir.ids import PROGRAM_ID
from choir.sdk import ApiError, ApiRateLimited, ApiUnreachable, ChoirApi, UntrustedTransaction
from choir.sdk.models import Built
from choir.sdk.transport import RETRY_S
from choir.testing import ManualClock
from choir.wallet import KeypairSigner

Make = Callable[[], Awaitable[ChoirApi]]


async def test_a_thread_from_opening_to_reading(open_api: Make, world: World) -> None:
    alice, bob = await open_api(), await open_api()
    await alice.sign_in()
    await bob.sign_in()
    built = await alice.create_thread("room", deposit=MIN_BALANCE, initial_message="Hello.")
    landed = await alice.submit(built)
    assert (await alice.transaction(landed.signature)).status in ("confirmed", "finalized")
    await world.mirror.catch_up()
    await alice.mirrored(landed)
    spec = await bob.submit_message("room", "Let me in.", stake=MIN_STAKE)
    await bob.submit(spec)
    await world.mirror.catch_up()
    [pending] = (await alice.specs("room", status="pending")).items
    assert (pending.author, pending.stake) == (bob.wallet.pubkey, MIN_STAKE)
    decision = await alice.decide(
        "room", author=pending.author, content_hash=pending.content.content_hash, approve=True
    )
    await alice.submit(decision)
    await world.mirror.catch_up()
    thread = await bob.thread("room")
    assert thread.co_authors == (alice.wallet.pubkey, bob.wallet.pubkey)
    messages = (await bob.messages("room")).items
    assert [message.content.text for message in messages] == ["Let me in.", "Hello."]
    position = await alice.position("room", alice.wallet.pubkey)
    assert position is not None
    assert position.claimable == MIN_STAKE
    assert [each.thread_id for each in (await alice.threads()).items] == ["room"]


async def test_refusals_carry_their_code_and_details(open_api: Make, world: World) -> None:
    alice = await open_api()
    await alice.sign_in()
    with pytest.raises(ApiError) as caught:
        await alice.create_thread("room", deposit=1)
    assert (caught.value.status, caught.value.code) == (400, "deposit_below_minimum")
    assert caught.value.details["minimum"] == str(MIN_BALANCE)
    assert caught.value.request_id


async def test_an_expired_token_is_renewed_without_a_word(open_api: Make, world: World) -> None:
    alice = await open_api()
    first = await alice.sign_in()
    world.deps.clock.advance(world.deps.settings.access_ttl_s)  # type: ignore[attr-defined]
    assert await alice.make_api_key("script", ["read"])
    assert alice.tokens is not None
    assert alice.tokens.access_token != first.access_token


async def test_a_foreign_transaction_is_not_signed(open_api: Make) -> None:
    alice = await open_api()
    await alice.sign_in()
    built = await alice.create_thread("room", deposit=MIN_BALANCE)
    me = alice.wallet.pubkey
    thief = transfer(TransferParams(from_pubkey=me, to_pubkey=Keypair().pubkey(), lamports=1))
    message = MessageV0.try_compile(me, [thief], [], Hash.default())
    swapped = VersionedTransaction.populate(message, [Signature.default()])
    evil = replace(built, transaction=base64.b64encode(bytes(swapped)).decode())
    with pytest.raises(UntrustedTransaction, match="calls 1111"):
        await alice.submit(evil)


def _with(built: Built, *steps: Instruction) -> Built:
    """What was built, with these instructions before its own."""
    before = VersionedTransaction.from_bytes(base64.b64decode(built.transaction)).message
    keys = before.account_keys
    own = [
        Instruction(
            keys[step.program_id_index],
            bytes(step.data),
            [
                AccountMeta(keys[i], before.is_signer(i), before.is_maybe_writable(i))
                for i in bytes(step.accounts)
            ],
        )
        for step in before.instructions
        if keys[step.program_id_index] == PROGRAM_ID
    ]
    message = MessageV0.try_compile(keys[0], [*steps, *own], [], before.recent_blockhash)
    changed = VersionedTransaction.populate(message, [Signature.default()])
    return replace(built, transaction=base64.b64encode(bytes(changed)).decode())


async def test_another_instruction_than_asked_for_is_not_signed(open_api: Make) -> None:
    alice = await open_api()
    await alice.sign_in()
    built = await alice.create_thread("room", deposit=MIN_BALANCE)
    for asked in ((), ("claim",), ("create_thread", "post_message")):
        with pytest.raises(UntrustedTransaction, match="does create_thread"):
            await alice.submit(replace(built, asked=asked))
    await alice.submit(built)


async def test_a_bid_above_the_most_is_not_signed(open_api: Make) -> None:
    alice = await open_api()
    await alice.sign_in()
    built = await alice.create_thread("room", deposit=MIN_BALANCE)
    price = set_compute_unit_price(5_000_000)
    with pytest.raises(UntrustedTransaction, match="7000000 lamports"):
        await alice.submit(_with(built, price))  # without a limit, as many units as there are
    await alice.submit(_with(built, set_compute_unit_limit(1_000_000), price))


def _scripted(*answers: httpx.Response | Exception) -> tuple[ChoirApi, ManualClock, list[Any]]:
    clock, asked = ManualClock(), []
    left = list(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    api = ChoirApi(
        "http://api.test",
        wallet=KeypairSigner.generate(),
        clock=clock,
        transport=httpx.MockTransport(handle),
    )
    return api, clock, asked


def _refusal(status: int, code: str, **headers: str) -> httpx.Response:
    error = {"code": code, "message": code, "field": None, "details": {}}
    body = {"data": None, "error": error, "metadata": {"request_id": "r"}}
    return httpx.Response(status, json=body, headers=headers)


async def test_it_waits_1_5_and_30_seconds_and_then_fails() -> None:
    api, clock, asked = _scripted(_refusal(429, "rate_limited"))
    with pytest.raises(ApiRateLimited):
        await api.divest("room", 1)
    assert clock.slept == list(RETRY_S) == [1.0, 5.0, 30.0]
    # one effect at most: every attempt has the same key
    assert len({request.headers["idempotency-key"] for request in asked}) == 1
    await api.aclose()


async def test_it_waits_as_long_as_the_server_says_but_not_for_ever() -> None:
    api, clock, _ = _scripted(_refusal(503, "unavailable", **{"Retry-After": "3"}))
    with pytest.raises(ApiError):
        await api.threads()
    assert clock.slept == [3.0, 5.0, 30.0]
    await api.aclose()
    api, clock, _ = _scripted(_refusal(429, "rate_limited", **{"Retry-After": "3600"}))
    with pytest.raises(ApiRateLimited):
        await api.threads()
    assert clock.slept == []
    await api.aclose()


async def test_an_unknown_outcome_is_not_tried_again() -> None:
    api, clock, asked = _scripted(_refusal(503, "outcome_unknown"))
    with pytest.raises(ApiError):
        await api._ask("POST", "/v1/transaction", body={})
    assert (clock.slept, len(asked)) == ([], 1)
    await api.aclose()


async def test_a_server_that_is_not_there_is_named() -> None:
    api, clock, _ = _scripted(httpx.ConnectError("refused"))
    with pytest.raises(ApiUnreachable, match=r"api\.test"):
        await api.threads()
    assert clock.slept == list(RETRY_S)
    await api.aclose()
