"""What a user can get wrong on the way to a transaction: a clear no, and nothing half done."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0, to_bytes_versioned
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction
from tests.api.support import Wallet, error_code
from tests.api.world import MIN_BALANCE, MIN_STAKE, PURSE, World, signed

from choir.ids import content_hash
from choir_api.tables import contents


async def _open(world: World, owner: Wallet, **more: Any) -> None:
    await world.do(owner, "/thread/create", thread_id="room", deposit=MIN_BALANCE, **more)


def _refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, error_code(answer)


def _details(answer: httpx.Response) -> Any:
    return answer.json()["error"]["details"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/message/submit", {"content": "x"}),
        ("/spec/approve", {"author": str(Keypair().pubkey()), "decision": "approve"}),
        ("/token/divest", {"amount": 1}),
        ("/token/deposit", {"amount": 1}),
        ("/token/claim", {}),
        ("/thread/privacy", {"privacy": "premium"}),
        ("/content", {"content": "x"}),
    ],
)
async def test_an_unknown_thread(world: World, path: str, body: dict[str, Any]) -> None:
    alice = await world.wallet()
    if path == "/spec/approve":
        body = {**body, "content_hash": "00" * 32}
    answer = await world.post(alice, path, thread_id="nowhere", **body)
    assert _refusal(answer) == (404, "unknown_thread")
    assert "nowhere" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["", "/messages", "/specs", "/positions"])
async def test_an_unknown_thread_cannot_be_read(http: httpx.AsyncClient, path: str) -> None:
    assert _refusal(await http.get(f"/v1/thread/nowhere{path}")) == (404, "unknown_thread")


async def test_a_thread_twice_and_a_deposit_too_small(world: World) -> None:
    alice = await world.wallet()
    small = await world.post(alice, "/thread/create", thread_id="room", deposit=MIN_BALANCE - 1)
    assert _refusal(small) == (400, "deposit_below_minimum")
    assert _details(small)["minimum"] == str(MIN_BALANCE)
    await _open(world, alice)
    again = await world.post(alice, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
    assert _refusal(again) == (409, "thread_already_exists")


@pytest.mark.parametrize("stake", [None, 0, MIN_STAKE - 1])
async def test_a_stake_below_the_minimum_names_it(world: World, stake: int | None) -> None:
    alice, bob = await world.wallet(), await world.wallet()
    await _open(world, alice)
    answer = await world.post(
        bob, "/message/submit", thread_id="room", content="Hear me.", stake=stake
    )
    assert _refusal(answer) == (400, "stake_below_minimum")
    assert answer.json()["error"]["field"] == "body.stake"
    assert _details(answer) == {"minimum": str(MIN_STAKE)}
    assert str(MIN_STAKE) in answer.json()["error"]["message"]
    async with world.deps.database.read() as session:  # nothing was kept
        assert (await session.execute(sa.select(contents))).all() == []


async def test_too_few_tokens_or_lamports(world: World) -> None:
    alice = await world.wallet()
    await _open(world, alice)
    poor, empty = await world.wallet(tokens=MIN_STAKE - 1), await world.wallet(tokens=0)
    for wallet, held in ((poor, MIN_STAKE - 1), (empty, 0)):
        answer = await world.post(
            wallet, "/message/submit", thread_id="room", content="x", stake=MIN_STAKE
        )
        assert _refusal(answer) == (409, "insufficient_balance")
        assert (_details(answer)["needed"], _details(answer)["held"]) == (
            str(MIN_STAKE),
            str(held),
        )
    broke = await world.wallet(lamports=0)
    answer = await world.post(
        broke, "/message/submit", thread_id="room", content="x", stake=MIN_STAKE
    )
    assert _refusal(answer) == (409, "insufficient_lamports")


async def test_content_whose_hash_does_not_match(world: World) -> None:
    alice = await world.wallet()
    await _open(world, alice)
    wrong = content_hash("something else").hex()
    for path in ("/message/submit", "/content"):
        answer = await world.post(alice, path, thread_id="room", content="this", content_hash=wrong)
        assert _refusal(answer) == (400, "content_hash_mismatch")
        assert _details(answer) == {"claimed": wrong, "computed": content_hash("this").hex()}


async def _submitted(world: World, author: Wallet) -> dict[str, Any]:
    return await world.do(
        author, "/message/submit", thread_id="room", content="Hear me.", stake=MIN_STAKE
    )


async def _decide(
    world: World, who: Wallet, spec: dict[str, Any], author: Wallet, **more: Any
) -> httpx.Response:
    return await world.post(
        who,
        "/spec/approve",
        thread_id="room",
        author=author.address,
        content_hash=spec["content_hash"],
        **{"decision": "approve", **more},
    )


async def test_a_decision_by_somebody_else_or_a_second_time(world: World) -> None:
    alice, bob, carol = await world.wallet(), await world.wallet(), await world.wallet()
    await _open(world, alice)
    spec = await _submitted(world, bob)
    assert _refusal(await _decide(world, carol, spec, bob)) == (403, "not_co_author")
    unknown = {"content_hash": "00" * 32}
    assert _refusal(await _decide(world, alice, unknown, bob)) == (404, "unknown_spec")
    stale = await _decide(world, alice, spec, bob, author_epoch=7)
    assert _refusal(stale) == (409, "stale_author_epoch")
    await world.do(
        alice,
        "/spec/approve",
        thread_id="room",
        author=bob.address,
        content_hash=spec["content_hash"],
        decision="approve",
    )
    settled = await _decide(world, alice, spec, bob)
    assert _refusal(settled) == (409, "spec_not_pending")
    assert _details(settled) == {"status": "approved"}
    # now there are two co-authors: the first decision leaves the spec open
    second = await _submitted(world, carol)
    await world.do(
        alice,
        "/spec/approve",
        thread_id="room",
        author=carol.address,
        content_hash=second["content_hash"],
        decision="deny",
    )
    assert _refusal(await _decide(world, alice, second, carol)) == (409, "already_decided")
    early = await world.post(
        carol,
        "/spec/expire",
        thread_id="room",
        author=carol.address,
        content_hash=second["content_hash"],
    )
    assert _refusal(early) == (409, "spec_window_open")


async def test_a_co_author_stakes_nothing_and_a_spec_comes_once(world: World) -> None:
    alice, bob = await world.wallet(), await world.wallet()
    await _open(world, alice)
    staked = await world.post(
        alice, "/message/submit", thread_id="room", content="x", stake=MIN_STAKE
    )
    assert _refusal(staked) == (400, "co_author_cannot_submit")
    await _submitted(world, bob)
    again = await world.post(
        bob, "/message/submit", thread_id="room", content="Hear me.", stake=MIN_STAKE
    )
    assert _refusal(again) == (409, "spec_already_exists")


async def test_divesting_early_says_until_when_and_too_much_how_much(world: World) -> None:
    alice, bob = await world.wallet(), await world.wallet()
    await _open(world, alice)
    early = await world.post(alice, "/token/divest", thread_id="room", amount=1)
    assert _refusal(early) == (409, "divest_cooldown")
    assert _details(early)["until"][11:19] in early.json()["error"]["message"]
    stranger = await world.post(bob, "/token/divest", thread_id="room", amount=1)
    assert _refusal(stranger) == (403, "no_position")
    await world.rpc.request("localnet_setTime", [_details(early)["until_unix"]])
    too_much = await world.post(alice, "/token/divest", thread_id="room", amount=1)
    assert _refusal(too_much) == (409, "balance_below_minimum")
    assert _details(too_much) == {"minimum": str(MIN_BALANCE), "free": "0"}
    nothing = await world.post(alice, "/token/divest", thread_id="room", amount=0)
    assert _refusal(nothing) == (400, "amount_zero")


async def test_an_expired_blockhash_says_what_to_do(world: World) -> None:
    alice = await world.wallet()
    built = await world.post(alice, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
    await world.localnet.advance(160)  # a blockhash lives for 150 blocks
    answer = await world.send(alice, built.json()["data"])
    assert _refusal(answer) == (409, "blockhash_expired")
    assert "ask for the transaction again" in answer.json()["error"]["message"]
    assert (await world.get("/thread/room")).status_code == 404


async def test_a_transaction_that_fails_on_the_chain_says_why(world: World) -> None:
    alice = await world.wallet()
    first = await world.post(alice, "/message/submit", thread_id="room", content="x")
    assert first.status_code == 404
    await _open(world, alice)
    one = (await world.post(alice, "/message/submit", thread_id="room", content="1")).json()
    two = (await world.post(alice, "/message/submit", thread_id="room", content="2")).json()
    assert (await world.send(alice, one["data"])).status_code == 200
    late = await world.send(alice, two["data"])  # built for the same place in the hash chain
    assert _refusal(late) == (409, "wrong_message")
    assert "build the transaction again" in late.json()["error"]["message"]


async def test_the_same_transaction_twice_is_harmless(world: World) -> None:
    alice = await world.wallet()
    built = (
        await world.post(alice, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
    ).json()["data"]
    first, second = await world.send(alice, built), await world.send(alice, built)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["data"] == second.json()["data"]
    held = await world.rpc.request(
        "getTokenAccountsByOwner",
        [
            alice.address,
            {"mint": str(world.localnet.chain.keys.stake_mint.pubkey())},
            {"encoding": "jsonParsed", "commitment": "confirmed"},
        ],
    )
    [account] = held["value"]
    amount = account["account"]["data"]["parsed"]["info"]["tokenAmount"]["amount"]
    assert int(amount) == PURSE - MIN_BALANCE


class TestForeignTransactions:
    """What POST /v1/transaction does not take."""

    async def _send(self, world: World, wallet: Wallet, raw: bytes) -> tuple[int, str]:
        text = base64.b64encode(raw).decode()
        return _refusal(await world.post(wallet, "/transaction", transaction=text))

    async def _built(self, world: World, wallet: Wallet) -> str:
        answer = await world.post(wallet, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
        transaction: str = answer.json()["data"]["transaction"]
        return transaction

    async def test_not_a_transaction(self, world: World) -> None:
        alice = await world.wallet()
        answer = await world.post(alice, "/transaction", transaction="not base64!")
        assert _refusal(answer) == (400, "invalid_transaction")
        for raw in (b"", b"\x00", bytes(300), b"\xff" * 1233):
            assert await self._send(world, alice, raw) == (400, "invalid_transaction")

    async def test_not_signed_or_signed_by_another_key(self, world: World) -> None:
        alice, mallory = await world.wallet(), await world.wallet()
        built = await self._built(world, alice)
        assert await self._send(world, alice, base64.b64decode(built)) == (400, "not_signed")
        forged = base64.b64decode(signed(mallory, built))
        assert await self._send(world, alice, forged) == (400, "wrong_signature")

    async def test_somebody_elses(self, world: World) -> None:
        alice, mallory = await world.wallet(), await world.wallet()
        theirs = base64.b64decode(signed(alice, await self._built(world, alice)))
        assert await self._send(world, mallory, theirs) == (403, "wrong_signer")

    async def test_another_programs(self, world: World) -> None:
        alice = await world.wallet()
        me = alice.keypair.pubkey()
        step = transfer(TransferParams(from_pubkey=me, to_pubkey=Keypair().pubkey(), lamports=1))
        message = MessageV0.try_compile(me, [step], [], Hash.default())
        signature = alice.keypair.sign_message(to_bytes_versioned(message))
        raw = bytes(VersionedTransaction.populate(message, [signature]))
        assert await self._send(world, alice, raw) == (400, "invalid_transaction")


async def test_without_an_identity_nothing_is_built(http: httpx.AsyncClient) -> None:
    for path in ("/thread/create", "/message/submit", "/spec/approve", "/token/divest"):
        answer = await http.post(f"/v1{path}", json={})
        assert _refusal(answer) == (401, "unauthenticated")
    assert _refusal(await http.post("/v1/transaction", json={})) == (401, "unauthenticated")


async def test_a_key_without_the_scope_builds_nothing(world: World) -> None:
    alice = await world.wallet()
    made = await world.post(alice, "/api-keys", name="reader", scopes=["read"])
    headers = {"X-Api-Key": made.json()["data"]["secret"]}
    body = {"thread_id": "room", "deposit": MIN_BALANCE}
    answer = await world.http.post("/v1/thread/create", json=body, headers=headers)
    assert _refusal(answer) == (403, "missing_scope")
