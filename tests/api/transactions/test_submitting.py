"""Taking signed transactions: what is hopeless ends at once, what is the same is one effort."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from solders.hash import Hash
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from tests.api.support import Wallet, error_code
from tests.api.world import MIN_BALANCE, World, signed

from choir_api.errors import RateLimited, Unavailable
from choir_api.settings import Settings
from choir_api.transactions.admission import Admission


async def _built(world: World, wallet: Wallet) -> dict[str, Any]:
    answer = await world.post(wallet, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
    built: dict[str, Any] = answer.json()["data"]
    return built


async def _sent(world: World, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is handed to the node from here on."""
    sent: list[bytes] = []
    send = world.rpc.send_transaction

    async def noting(transaction: bytes, **options: Any) -> Signature:
        sent.append(transaction)
        return await send(transaction, **options)

    monkeypatch.setattr(world.rpc, "send_transaction", noting)
    return sent


async def test_an_invented_blockhash_is_refused_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await world.wallet()
    built = await _built(world, alice)
    sent = await _sent(world, monkeypatch)
    message = VersionedTransaction.from_bytes(base64.b64decode(built["transaction"])).message
    assert isinstance(message, MessageV0)
    invented = MessageV0(
        message.header, message.account_keys, Hash.new_unique(), message.instructions, []
    )
    unsigned = VersionedTransaction.populate(invented, [Signature.default()])
    text = signed(alice, base64.b64encode(bytes(unsigned)).decode())
    answer = await world.post(alice, "/transaction", transaction=text)
    assert (answer.status_code, error_code(answer)) == (409, "blockhash_expired")
    assert sent == []


async def test_what_fails_when_tried_is_not_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await world.wallet(), await world.wallet()
    late = await _built(world, alice)
    await world.do(bob, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
    sent = await _sent(world, monkeypatch)
    answer = await world.send(alice, late)
    assert answer.status_code == 409, answer.text
    assert error_code(answer) != "blockhash_expired"
    assert sent == []


async def test_the_same_at_once_is_one_effort_and_again_is_harmless(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await world.wallet()
    built = await _built(world, alice)
    sent = await _sent(world, monkeypatch)
    answers = await asyncio.gather(*(world.send(alice, built) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["data"]["slot"] for answer in answers}) == 1
    assert len(sent) == 1
    assert (await world.send(alice, built)).json()["data"] == answers[0].json()["data"]


@pytest.mark.parametrize(
    ("of_wallet", "in_all", "refusal"), [(1, 9, RateLimited), (9, 1, Unavailable)]
)
async def test_only_so_many_at_once(of_wallet: int, in_all: int, refusal: Any) -> None:
    admission = Admission(of_wallet=of_wallet, in_all=in_all)
    wallet, go = Pubkey.new_unique(), asyncio.Event()

    async def effort() -> str:
        await go.wait()
        return "landed"

    first = asyncio.create_task(admission.one(Signature.new_unique(), wallet, effort))
    await asyncio.sleep(0)
    with pytest.raises(refusal) as caught:
        await admission.one(Signature.new_unique(), wallet, effort)
    assert int(caught.value.headers["Retry-After"]) > 0
    go.set()
    assert await first == "landed"
    assert await admission.one(Signature.new_unique(), wallet, effort) == "landed"


async def test_an_effort_outlives_who_asked_for_it() -> None:
    admission = Admission(of_wallet=1, in_all=1)
    signature, wallet, go = Signature.new_unique(), Pubkey.new_unique(), asyncio.Event()

    async def effort() -> str:
        await go.wait()
        return "landed"

    gone = asyncio.create_task(admission.one(signature, wallet, effort))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    again = asyncio.create_task(admission.one(signature, wallet, effort))
    await asyncio.sleep(0)
    go.set()
    assert await again == "landed"


class TestLookUps:
    """They cost the node a search each."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"lookups_per_hour": 2})

    async def test_are_counted(self, world: World) -> None:
        path = f"/transaction/{Signature.new_unique()}"
        codes = [(await world.get(path)).status_code for _ in range(3)]
        assert codes == [200, 200, 429]
