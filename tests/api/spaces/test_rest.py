"""``/v1/spaces`` over REST: what is kept, what is refused, and how."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.api.spaces.support import Process, put, shift, wallet
from tests.api.support import Wallet

from choir.spaces.engine import turns


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document, having checked its form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert (body["status"], body["code"]) == (status, code), body
    assert body["type"]
    assert body["title"]
    return body


def exact(snapshot: dict[str, Any]) -> list[int]:
    return list(turns.from_base64(snapshot["state"]["turns"]))


async def _delta(
    api: Process, who: Wallet, space: dict[str, Any], *ops: Any, at: int, key: str = "", **more: Any
) -> httpx.Response:
    return await api.http.post(
        f"/v1/spaces/{space['id']}/deltas",
        json={"fromVersion": at, "ops": list(ops), **more},
        headers=who.headers | ({"Idempotency-Key": key} if key else {}),
    )


async def test_create_and_read(api: Process, alice: Wallet, space: dict[str, Any]) -> None:
    assert space["ownerOrg"] == alice.address
    assert (space["epoch"], space["version"], space["members"]) == (0, 0, 1)
    assert space["status"] == "active"
    assert space["config"]["entropy"]["lambda"] == 0.02
    assert space["createdAt"] == "2027-01-15T08:00:00Z"
    url = f"/v1/spaces/{space['id']}"
    assert (await api.http.get(url, headers=alice.headers)).json() == space
    snapshot = (await api.http.get(f"{url}/snapshot", headers=alice.headers)).json()
    assert snapshot["state"]["phases"] == pytest.approx([0.0, 1.0, 2.0])
    assert exact(snapshot) == [turns.to_turns(x) for x in (0.0, 1.0, 2.0)]


async def test_the_specifications_example(api: Process, alice: Wallet) -> None:
    body = {
        "name": "demo-room",
        "basis": {"primes": [2, 3, 5, 7, 11, 13], "cutoff": 1024},
        "phases": {"golden": True, "silver": True},
        "operators": {"resonanceTarget": 0.85},
        "entropy": {"lambda": 0.03, "collapseThreshold": 0.96},
    }
    answer = await api.http.post("/v1/spaces", json=body, headers=alice.headers)
    assert answer.status_code == 201
    config = answer.json()["config"]
    assert config["operators"]["resonanceTarget"] == 0.85
    assert config["operators"]["mixer"]["gamma0"] == 0.2
    assert config["policy"]["publishHz"] == 30


async def test_creation_with_a_key_happens_once(api: Process, alice: Wallet) -> None:
    headers = alice.headers | {"Idempotency-Key": "room-1"}
    first = await api.http.post("/v1/spaces", json={"name": "a"}, headers=headers)
    again = await api.http.post("/v1/spaces", json={"name": "a"}, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    changed = await api.http.post("/v1/spaces", json={"name": "b"}, headers=headers)
    problem(changed, 422, "idempotency_reuse")
    listed = (await api.http.get("/v1/spaces", headers=alice.headers)).json()
    assert [each["name"] for each in (s["config"] for s in listed["items"])] == ["a"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"basis": {"primes": [2, 4]}}, "4 is not prime"),
        ({"basis": {"primes": [3, 3]}}, "3 comes twice"),
        ({"basis": {"primes": []}}, "body.basis.primes"),
        ({"basis": {"primes": [1]}}, "body.basis.primes.0"),
        ({"phases": {"custom": [1.0]}}, "1 phases for a basis of 8 primes"),
        ({"phases": {"custom": [1e7]}}, "body.phases.custom.0"),
        ({"phases": {"custom": [1.0], "seed": 1}}, "custom phases or a seed"),
        ({"operators": {"mixer": {"beta": 0}}}, "body.operators.mixer.beta"),
        ({"policy": {"publishHz": 1000}}, "body.policy.publishHz"),
        ({"name": "a\u0000b"}, "body.name"),
        ({"nmae": "x"}, "body.nmae"),
    ],
)
async def test_a_bad_configuration_says_what_and_where(
    api: Process, alice: Wallet, body: dict[str, Any], where: str
) -> None:
    answer = await api.http.post("/v1/spaces", json=body, headers=alice.headers)
    assert where in problem(answer, 400, "validation")["detail"]


async def test_nobody_without_credentials(api: Process, space: dict[str, Any]) -> None:
    for method, path in (
        ("GET", ""),
        ("POST", ""),
        ("GET", f"/{space['id']}"),
        ("GET", f"/{space['id']}/telemetry"),
    ):
        answer = await api.http.request(
            method, f"/v1/spaces{path}", json={} if method == "POST" else None
        )
        problem(answer, 401, "unauthenticated")


async def test_an_api_key_with_the_scope_opens_spaces(api: Process, alice: Wallet) -> None:
    for scopes, status in ((["spaces"], 200), (["read"], 403)):
        made = await api.http.post(
            "/v1/api-keys", json={"name": "k", "scopes": scopes}, headers=alice.headers
        )
        key = made.json()["data"]["secret"]
        answer = await api.http.get("/v1/spaces", headers={"X-Api-Key": key})
        assert answer.status_code == status


async def test_what_is_not_yours_is_not_there(
    api: Process, bob: Wallet, space: dict[str, Any]
) -> None:
    url = f"/v1/spaces/{space['id']}"
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/snapshot", None),
        ("GET", "/members", None),
        ("GET", "/telemetry", None),
        ("PATCH", "", {}),
        ("POST", "/basis", {"primes": [2]}),
        ("POST", "/sessions", {}),
        ("POST", "/deltas", {"fromVersion": 0, "ops": [shift(0, 1.0)]}),
    ):
        answer = await api.http.request(method, url + path, json=body, headers=bob.headers)
        problem(answer, 404, "unknown_space")
    unknown = await api.http.get("/v1/spaces/sp_none", headers=bob.headers)
    problem(unknown, 404, "unknown_space")


async def test_pages(api: Process, alice: Wallet, clock: Any) -> None:
    for name in "abcde":
        await api.http.post("/v1/spaces", json={"name": name}, headers=alice.headers)
        clock.advance(0.001)
    names, cursor = [], None
    for _ in range(3):
        query = {"page_size": 2} | ({"cursor": cursor} if cursor else {})
        page = (await api.http.get("/v1/spaces", params=query, headers=alice.headers)).json()
        names += [each["config"]["name"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert (names, cursor) == (list("edcba"), None)
    bad = await api.http.get("/v1/spaces", params={"cursor": "x"}, headers=alice.headers)
    problem(bad, 400, "bad_cursor")


# deltas


async def test_a_shift_and_a_set(api: Process, alice: Wallet, space: dict[str, Any]) -> None:
    answer = await _delta(api, alice, space, shift(0, 0.0123), put(1, 3.0), at=0)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["spaceId"], body["epoch"], body["version"]) == (space["id"], 0, 1)
    assert exact(body)[:2] == [turns.to_turns(0.0123), turns.to_turns(3.0)]


async def test_a_late_set_conflicts_and_a_late_shift_merges(
    api: Process, alice: Wallet, writer: Wallet, space: dict[str, Any]
) -> None:
    assert (await _delta(api, alice, space, put(1, 3.0), at=0)).status_code == 200
    late = await _delta(api, writer, space, put(1, 4.0), at=0)
    body = problem(late, 409, "path_changed")
    assert (body["meta"]["expected"], body["meta"]["actual"]) == (0, 1)
    assert body["meta"]["paths"] == ["/state/phases/1"]
    merged = await _delta(api, writer, space, shift(1, 1.0), put(2, 1.0), at=0)
    assert merged.json()["version"] == 2
    assert merged.json()["state"]["phases"] == pytest.approx([0.0, 4.0, 1.0])


async def test_conflicts_are_found_behind_a_snapshot_and_a_restart(
    api: Process, other: Process, alice: Wallet, space: dict[str, Any], monkeypatch: Any
) -> None:
    """What changed is found in the rows when the memory does not reach back."""
    monkeypatch.setattr("choir_api.spaces.store.SNAPSHOT_EVERY", 2)
    for version in range(5):
        index = 1 if version == 1 else 0
        assert (await _delta(api, alice, space, put(index, 1.5), at=version)).status_code == 200
    problem(await _delta(other, alice, space, put(1, 0.5), at=1), 409, "path_changed")
    fine = await _delta(other, alice, space, put(1, 0.5), at=2)
    assert fine.json()["version"] == 6


async def test_counters_and_repeats(api: Process, alice: Wallet, space: dict[str, Any]) -> None:
    made = await api.session(alice, space["id"])
    mine = {"sessionId": made["sessionId"]}
    first = await _delta(api, alice, space, shift(0, 0.5), at=0, counter=1, **mine)
    again = await _delta(api, alice, space, shift(0, 0.5), at=0, counter=1, **mine)
    assert (again.status_code, again.json()) == (200, first.json())
    gap = await _delta(api, alice, space, shift(0, 0.5), at=1, counter=3, **mine)
    body = problem(gap, 409, "counter_gap")
    assert (body["meta"]["expected"], body["meta"]["actual"]) == (2, 3)
    reused = await _delta(api, alice, space, shift(0, 0.7), at=0, counter=1, **mine)
    problem(reused, 409, "counter_reused")
    second = await _delta(api, alice, space, shift(0, 0.5), at=1, counter=2, **mine)
    assert second.json()["version"] == 2
    once_more = await _delta(api, alice, space, shift(0, 0.5), at=0, counter=1, **mine)
    assert once_more.json() == first.json()  # as the first did, though the space moved on


async def test_a_delta_with_a_key_happens_once(
    api: Process, alice: Wallet, space: dict[str, Any]
) -> None:
    first = await _delta(api, alice, space, shift(0, 0.5), at=0, key="k1")
    await _delta(api, alice, space, shift(0, 0.5), at=0)
    again = await _delta(api, alice, space, shift(0, 0.5), at=0, key="k1")
    assert again.json() == first.json()
    problem(
        await _delta(api, alice, space, shift(0, 0.6), at=0, key="k1"), 422, "idempotency_reuse"
    )
    now = (await api.http.get(f"/v1/spaces/{space['id']}", headers=alice.headers)).json()
    assert now["version"] == 2


@pytest.mark.parametrize(
    ("delta", "code", "message"),
    [
        ({"ops": [shift(9, 1.0)]}, "invalid_op", "there are 3 phases"),
        ({"ops": [{"op": "set_phase", "path": "/state/phases/0", "value": "x"}]}, "invalid_op", ""),
        (
            {"ops": [{"op": "set_operator", "path": "/state/operators/beta", "value": 1}]},
            "invalid_op",
            "does not know",
        ),
        (
            {"ops": [{"op": "set_entropy", "path": "/state/entropy/lambda", "value": -1}]},
            "invalid_op",
            "/state/entropy/lambda",
        ),
        ({"ops": []}, "validation", "body.ops"),
        ({"ops": [{"op": "turn", "path": "/", "value": 1}]}, "validation", "body.ops.0.op"),
        ({"ops": [shift(0, 1.0)], "fromVersion": -1}, "validation", "body.fromVersion"),
        ({"ops": [shift(0, 1.0)], "toVersion": 0}, "validation", "toVersion must be greater"),
    ],
)
async def test_a_bad_delta_changes_nothing(
    api: Process, alice: Wallet, space: dict[str, Any], delta: Any, code: str, message: str
) -> None:
    answer = await api.http.post(
        f"/v1/spaces/{space['id']}/deltas",
        json={"fromVersion": 0, **delta},
        headers=alice.headers,
    )
    assert message in problem(answer, 400, code)["detail"]
    now = await api.http.get(f"/v1/spaces/{space['id']}", headers=alice.headers)
    assert now.json()["version"] == 0


async def test_a_delta_is_all_or_nothing(
    api: Process, alice: Wallet, space: dict[str, Any]
) -> None:
    answer = await _delta(api, alice, space, shift(0, 1.0), shift(7, 1.0), at=0)
    problem(answer, 400, "invalid_op")
    snapshot = await api.http.get(f"/v1/spaces/{space['id']}/snapshot", headers=alice.headers)
    assert exact(snapshot.json())[0] == 0


async def test_a_version_that_is_not_yet_conflicts(
    api: Process, alice: Wallet, space: dict[str, Any]
) -> None:
    body = problem(await _delta(api, alice, space, shift(0, 1.0), at=5), 409, "ahead")
    assert (body["meta"]["expected"], body["meta"]["actual"]) == (5, 0)


async def test_earlier_versions_can_be_read(
    api: Process, alice: Wallet, space: dict[str, Any], monkeypatch: Any
) -> None:
    monkeypatch.setattr("choir_api.spaces.store.SNAPSHOT_EVERY", 3)
    seen = []
    for version in range(8):
        seen.append((await _delta(api, alice, space, shift(0, 0.1), at=version)).json())
    url = f"/v1/spaces/{space['id']}/snapshot"
    for then in seen:
        again = await api.http.get(url, params={"version": then["version"]}, headers=alice.headers)
        assert again.json() == then
    future = await api.http.get(url, params={"version": 9}, headers=alice.headers)
    assert "at version 8" in problem(future, 400, "validation")["detail"]


# changing the rest


async def test_patch_changes_only_what_it_names(
    api: Process, alice: Wallet, space: dict[str, Any]
) -> None:
    url = f"/v1/spaces/{space['id']}"
    body = {
        "operators": {"mixer": {"beta": 0.5}},
        "phases": {"custom": [3.0, 2.0, 1.0]},
        "policy": {"historySeconds": 60},
    }
    answer = await api.http.patch(url, json=body, headers=alice.headers)
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert changed["version"] == 1
    assert changed["config"]["operators"]["mixer"]["beta"] == 0.5
    assert changed["config"]["operators"]["mixer"]["gamma0"] == 0.2
    assert changed["config"]["policy"] == {**space["config"]["policy"], "historySeconds": 60}
    snapshot = (await api.http.get(f"{url}/snapshot", headers=alice.headers)).json()
    assert snapshot["state"]["phases"] == pytest.approx([3.0, 2.0, 1.0])
    assert snapshot["state"]["operators"] == changed["config"]["operators"]


async def test_patch_is_idempotent_by_key(
    api: Process, alice: Wallet, space: dict[str, Any]
) -> None:
    url, headers = f"/v1/spaces/{space['id']}", alice.headers | {"Idempotency-Key": "p"}
    for _ in range(2):
        answer = await api.http.patch(url, json={"entropy": {"lambda": 0.5}}, headers=headers)
        assert answer.json()["version"] == 1
    other = await api.http.patch(url, json={"entropy": {"lambda": 0.6}}, headers=headers)
    problem(other, 422, "idempotency_reuse")


async def test_custom_phases_of_another_size_are_refused(
    api: Process, alice: Wallet, space: dict[str, Any]
) -> None:
    answer = await api.http.patch(
        f"/v1/spaces/{space['id']}", json={"phases": {"custom": [1.0]}}, headers=alice.headers
    )
    assert "1 phases for a basis of 3" in problem(answer, 400, "validation")["detail"]


async def test_a_new_basis_is_a_new_epoch(
    api: Process, alice: Wallet, space: dict[str, Any]
) -> None:
    await _delta(api, alice, space, shift(0, 1.0), at=0)
    url = f"/v1/spaces/{space['id']}"
    answer = await api.http.post(
        f"{url}/basis", json={"primes": [11, 7], "order": "learned"}, headers=alice.headers
    )
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert (changed["epoch"], changed["version"]) == (1, 2)
    assert changed["config"]["basis"]["primes"] == [11, 7]
    assert changed["config"]["phases"]["custom"] is None  # they were of the old basis
    problem(await _delta(api, alice, space, shift(0, 1.0), at=1), 409, "epoch_changed")
    fine = await _delta(api, alice, space, shift(1, 1.0), at=2, epoch=1)
    assert len(fine.json()["state"]["phases"]) == 2
    old = await api.http.get(f"{url}/snapshot", params={"version": 1}, headers=alice.headers)
    assert (old.json()["epoch"], len(old.json()["state"]["phases"])) == (0, 3)


@pytest.mark.parametrize("status", ["locked", "archived"])
async def test_a_space_that_is_not_active_takes_no_deltas(
    api: Process, alice: Wallet, space: dict[str, Any], status: str
) -> None:
    url = f"/v1/spaces/{space['id']}"
    answer = await api.http.patch(url, json={"status": status}, headers=alice.headers)
    assert answer.json()["status"] == status
    problem(await _delta(api, alice, space, shift(0, 1.0), at=0), 409, f"space_{status}")
    problem(
        await api.http.patch(url, json={"entropy": {"lambda": 1}}, headers=alice.headers),
        409,
        f"space_{status}",
    )
    await api.http.patch(url, json={"status": "active"}, headers=alice.headers)
    assert (await _delta(api, alice, space, shift(0, 1.0), at=0)).status_code == 200


# members


async def test_roles_decide(
    api: Process, alice: Wallet, writer: Wallet, space: dict[str, Any]
) -> None:
    url = f"/v1/spaces/{space['id']}"
    policy = {"op": "set_policy", "path": "/state/policy/allowGuest", "value": True}
    lam = {"op": "set_entropy", "path": "/state/entropy/lambda", "value": 0.5}
    assert (await _delta(api, writer, space, lam, at=0)).status_code == 200
    problem(await _delta(api, writer, space, policy, at=1), 403, "role_too_low")
    for method, path, body in (
        ("PATCH", "", {"policy": {"allowGuest": True}}),
        ("PATCH", "", {"phases": {}}),
        ("PATCH", "", {"status": "locked"}),
        ("POST", "/basis", {"primes": [2]}),
        ("PUT", f"/members/{alice.address}", {"role": "reader"}),
        ("POST", "/sessions", {"role": "admin"}),
    ):
        answer = await api.http.request(method, url + path, json=body, headers=writer.headers)
        problem(answer, 403, "role_too_low")
    await api.http.put(
        f"{url}/members/{writer.address}", json={"role": "reader"}, headers=alice.headers
    )
    problem(await _delta(api, writer, space, shift(0, 1.0), at=1), 403, "role_too_low")


async def test_members_come_and_go(
    api: Process, alice: Wallet, writer: Wallet, space: dict[str, Any]
) -> None:
    url = f"/v1/spaces/{space['id']}"
    listed = (await api.http.get(f"{url}/members", headers=writer.headers)).json()["items"]
    assert [(m["userId"], m["role"]) for m in listed] == [
        (alice.address, "owner"),
        (writer.address, "writer"),
    ]
    assert (await api.http.get(url, headers=alice.headers)).json()["members"] == 2
    gone = await api.http.delete(f"{url}/members/{writer.address}", headers=writer.headers)
    assert gone.status_code == 204
    problem(await api.http.get(url, headers=writer.headers), 404, "unknown_space")
    assert (await api.http.get(url, headers=alice.headers)).json()["members"] == 1
    again = await api.http.delete(f"{url}/members/{writer.address}", headers=alice.headers)
    problem(again, 404, "unknown_member")


async def test_the_last_owner_stays(
    api: Process, alice: Wallet, writer: Wallet, space: dict[str, Any]
) -> None:
    url = f"/v1/spaces/{space['id']}/members"
    me = f"{url}/{alice.address}"
    problem(await api.http.delete(me, headers=alice.headers), 409, "last_owner")
    down = await api.http.put(me, json={"role": "admin"}, headers=alice.headers)
    problem(down, 409, "last_owner")
    await api.http.put(f"{url}/{writer.address}", json={"role": "owner"}, headers=alice.headers)
    assert (await api.http.delete(me, headers=alice.headers)).status_code == 204


async def test_a_full_space_takes_nobody(api: Process, alice: Wallet, bob: Wallet) -> None:
    made = await api.http.post(
        "/v1/spaces",
        json={"policy": {"maxMembers": 1, "allowGuest": True}},
        headers=alice.headers,
    )
    url = f"/v1/spaces/{made.json()['id']}"
    answer = await api.http.put(
        f"{url}/members/{bob.address}", json={"role": "reader"}, headers=alice.headers
    )
    problem(answer, 409, "space_full")
    problem(await api.http.post(f"{url}/sessions", json={}, headers=bob.headers), 409, "space_full")


async def test_guests_read_where_they_may(api: Process, alice: Wallet, bob: Wallet) -> None:
    made = await api.http.post(
        "/v1/spaces", json={"policy": {"allowGuest": True}}, headers=alice.headers
    )
    space = made.json()
    url = f"/v1/spaces/{space['id']}"
    assert (await api.http.get(url, headers=bob.headers)).status_code == 200
    problem(await _delta(api, bob, space, shift(0, 1.0), at=0), 403, "role_too_low")
    session = await api.session(bob, space["id"])
    assert session["role"] == "reader"
    assert (await api.http.get(url, headers=bob.headers)).json()["members"] == 2


async def test_a_session_says_where_and_how_long(
    api: Process, alice: Wallet, space: dict[str, Any]
) -> None:
    body = {"role": "writer", "displayName": "seb"}
    headers = alice.headers | {"Idempotency-Key": "s"}
    url = f"/v1/spaces/{space['id']}/sessions"
    first = (await api.http.post(url, json=body, headers=headers)).json()
    assert first["spaceId"] == space["id"]
    assert first["websocketUrl"] == f"ws://realtime.test/spaces/{space['id']}"
    assert first["sseUrl"] == f"http://api.test/v1/spaces/{space['id']}/telemetry"
    assert (first["expiresIn"], first["role"]) == (3600, "writer")
    again = (await api.http.post(url, json=body, headers=headers)).json()
    assert again["sessionId"] == first["sessionId"]


async def test_a_stranger_signs_in_and_lists_nothing(api: Process, space: Any) -> None:
    stranger = await wallet(api.http)
    listed = await api.http.get("/v1/spaces", headers=stranger.headers)
    assert listed.json() == {"items": [], "next_cursor": None}
