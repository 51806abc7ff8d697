"""The main story through REST: open, submit, approve, read, divest; all on the real program."""

from __future__ import annotations

from tests.api.world import MIN_BALANCE, MIN_STAKE, World

from choir.ids import content_hash


async def test_from_a_wallets_signature_to_what_everybody_reads(world: World) -> None:
    alice, bob = await world.wallet(), await world.wallet()
    opened = await world.do(
        alice, "/thread/create", thread_id="story", deposit=MIN_BALANCE, initial_message="Hello."
    )
    assert opened["content_hash"] == content_hash("Hello.").hex()

    thread = await world.read("/thread/story")
    assert thread["co_authors"] == [alice.address]
    assert (thread["balance"], thread["message_count"]) == (str(MIN_BALANCE), 1)

    text = "A second voice, with a stake behind it."
    spec = await world.do(bob, "/message/submit", thread_id="story", content=text, stake=MIN_STAKE)
    assert spec["kind"] == "spec"
    [pending] = (await world.read("/thread/story/specs", status="pending"))["items"]
    assert (pending["author"], pending["content"]["text"]) == (bob.address, text)
    assert (pending["address"], pending["stake"]) == (spec["account"], str(MIN_STAKE))

    await world.do(
        alice,
        "/spec/approve",
        thread_id="story",
        author=bob.address,
        content_hash=spec["content_hash"],
        decision="approve",
    )
    thread = await world.read("/thread/story")
    assert thread["co_authors"] == [alice.address, bob.address]
    messages = (await world.read("/thread/story/messages"))["items"]
    assert [(m["index"], m["content"]["text"]) for m in messages] == [(1, text), (0, "Hello.")]

    [position] = (await world.read("/thread/story/positions", owner=alice.address))["items"]
    assert position["claimable"] == str(MIN_STAKE)
    await world.do(alice, "/token/claim", thread_id="story")
    [position] = (await world.read("/thread/story/positions", owner=alice.address))["items"]
    assert position["claimable"] == "0"

    posted = await world.do(bob, "/message/submit", thread_id="story", content="Thanks.")
    assert (posted["kind"], posted["message_index"]) == ("message", 2)

    await world.do(alice, "/token/deposit", thread_id="story", amount=MIN_BALANCE)
    refused = await world.post(alice, "/token/divest", thread_id="story", amount=MIN_BALANCE)
    assert refused.status_code == 409
    until = refused.json()["error"]["details"]["until_unix"]
    await world.rpc.request("localnet_setTime", [until])
    await world.do(alice, "/token/divest", thread_id="story", amount=MIN_BALANCE)
    thread = await world.read("/thread/story")
    assert thread["balance"] == str(MIN_BALANCE)


async def test_answers_say_how_far_the_mirror_had_seen(world: World) -> None:
    alice = await world.wallet()
    built = await world.post(alice, "/thread/create", thread_id="story", deposit=MIN_BALANCE)
    landed = (await world.send(alice, built.json()["data"])).json()["data"]
    before = await world.read(f"/transaction/{landed['signature']}")
    assert before["status"] in ("confirmed", "finalized")
    assert before["mirrored"] is False
    await world.mirror.catch_up()
    after = await world.read(f"/transaction/{landed['signature']}")
    assert after["mirrored"] is True
    answer = (await world.get("/thread/story")).json()
    assert answer["metadata"]["slot"] >= landed["slot"]
    assert answer["metadata"]["commitment"] == "confirmed"


async def test_a_thread_that_did_not_change_is_not_sent_again(world: World) -> None:
    alice = await world.wallet()
    await world.do(alice, "/thread/create", thread_id="story", deposit=MIN_BALANCE)
    first = await world.get("/thread/story")
    same = await world.http.get(
        "/v1/thread/story", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (same.status_code, same.content) == (304, b"")
    await world.do(alice, "/message/submit", thread_id="story", content="More.")
    changed = await world.http.get(
        "/v1/thread/story", headers={"If-None-Match": first.headers["etag"]}
    )
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]
