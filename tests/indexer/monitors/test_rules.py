"""Each rule speaks of what it is for, on the rows of real histories, and of nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from tests.indexer.conftest import Bench
from tests.indexer.faults.history import History, Played
from tests.indexer.synthetic import SyntheticSource, key

from choir.testing import ManualClock
from choir_indexer.monitors import rules
from choir_indexer.monitors.facts import (
    Act,
    Pending,
    ThreadFacts,
    Vault,
    acts_since,
    pending_specs,
    thread_facts,
)
from choir_indexer.monitors.rules import Limits
from choir_indexer.retiring import DAY_S, Policy, Retirer

LIMITS = Limits()


async def _mirror(bench: Bench, history: History) -> None:
    chain = Played.of(history)
    while not chain.over:
        chain.step()
    await bench.clear()
    await bench.mirror(SyntheticSource(chain)).catch_up()


@asynccontextmanager
async def _connected(bench: Bench) -> AsyncIterator[Any]:
    connection = await bench.connect()
    try:
        yield connection
    finally:
        await connection.close()


async def _threads(bench: Bench) -> list[ThreadFacts]:
    async with _connected(bench) as connection:
        keys = [row[0] for row in await connection.fetch("SELECT pubkey FROM chain.threads")]
        facts, ahead = await thread_facts(connection, keys)
    assert not ahead
    return facts


def test_the_invariants_hold_over_every_honest_history(bench: Bench, honest: list[History]) -> None:
    async def play() -> None:
        moved = 0
        for history in honest:
            await _mirror(bench, history)
            for thread in await _threads(bench):
                assert [*rules.token_flow(thread), *rules.consistency(thread)] == []
                moved += len(thread.money)
        assert moved > len(honest)

    bench.run(play())


def test_old_events_that_are_gone_are_no_accident(bench: Bench, honest: list[History]) -> None:
    async def play() -> None:
        gone = 0
        for history in honest[:3]:
            await _mirror(bench, history)
            async with _connected(bench) as connection:
                times = [
                    row[0]
                    for row in await connection.fetch(
                        "SELECT DISTINCT block_time FROM chain.transactions"
                        " WHERE block_time IS NOT NULL ORDER BY 1"
                    )
                ]
            for when in (*times[:: max(len(times) // 8, 1)], times[-1] + 1):
                clock = ManualClock(when + DAY_S)
                retired = await Retirer(bench.url, Policy(1, 1, 0), clock=clock).retire()
                assert retired is not None
                gone += retired[0]
                for thread in await _threads(bench):
                    assert [*rules.token_flow(thread), *rules.consistency(thread)] == []
        assert gone > 30

    bench.run(play())


@pytest.mark.parametrize(
    ("accident", "rule", "said"),
    [
        ("UPDATE chain.threads SET balance = balance + 5", "token_flow", "the balance is"),
        (
            "UPDATE chain.threads SET total_claimable = total_claimable + 5",
            "token_flow",
            "claimable is",
        ),
        (
            "UPDATE chain.thread_events SET payload = jsonb_set(payload, '{amount}',"
            " to_jsonb((payload->>'amount')::numeric + 1)) WHERE kind = 'Deposited'",
            "token_flow",
            "the balance after Deposited is",
        ),
        (
            "DELETE FROM chain.thread_events WHERE kind IN ('Deposited', 'Divested')",
            "token_flow",
            "events make it",
        ),
        ("UPDATE chain.positions SET shares = shares + 1", "consistency", "total_shares is"),
        (
            "UPDATE chain.positions SET claimable = claimable + 1",
            "consistency",
            "total_claimable is",
        ),
        (
            "UPDATE chain.threads SET pending_specs = pending_specs + 1",
            "consistency",
            "pending_specs is",
        ),
        ("DELETE FROM chain.messages", "consistency", "message_count is"),
        (
            "UPDATE chain.messages SET content_hash = '\\x00'::bytea || substr(content_hash, 2)",
            "consistency",
            "the hash chain breaks at message",
        ),
        ("UPDATE chain.threads SET head = substr(head, 2) || '\\x00'", "consistency", "breaks at"),
    ],
)
def test_what_is_wrong_in_the_rows_is_found(
    bench: Bench, honest: list[History], accident: str, rule: str, said: str
) -> None:
    async def play() -> None:
        found = []
        for history in honest:
            await _mirror(bench, history)
            async with _connected(bench) as connection:
                await connection.execute(accident)
            for thread in await _threads(bench):
                found += [*rules.token_flow(thread), *rules.consistency(thread)]
            if found:
                break
        assert found
        assert {finding.rule for finding in found} >= {rule}
        assert any(said in finding.detail for finding in found if finding.rule == rule)
        assert all(finding.measure > finding.limit for finding in found)

    bench.run(play())


def test_a_thread_of_two_slots_at_once_is_not_judged(bench: Bench, honest: list[History]) -> None:
    async def play() -> None:
        await _mirror(bench, honest[0])
        async with _connected(bench) as connection:
            thread = await connection.fetchval("SELECT thread FROM chain.positions LIMIT 1")
            await connection.execute(
                "UPDATE chain.positions SET slot = (SELECT slot + 1 FROM chain.watermark)"
                " WHERE thread = $1",
                thread,
            )
            facts, ahead = await thread_facts(connection, [thread])
        assert (facts, ahead) == ([], {thread})

    bench.run(play())


def test_what_is_unusual_is_found_in_what_really_happened(
    bench: Bench, honest: list[History]
) -> None:
    """With limits so low that a quiet thread passes them, and every spec made to wait again."""
    low = Limits(drain_percent=1, floods=1, wallets=1, stall_s=1, near_s=2**40)

    async def play() -> None:
        found: set[str] = set()
        for history in honest:
            await _mirror(bench, history)
            async with _connected(bench) as connection:
                await connection.execute("UPDATE chain.specs SET status = 0, approvals = 0")
                acts = await acts_since(connection, 0)
                specs = await pending_specs(connection)
            now = max(act.at for act in acts)
            for finding in (
                *rules.drains(acts, low),
                *rules.spec_floods(acts, low),
                *rules.one_payer(acts, low),
                *rules.approval_stalls(specs, now + 1, low),
                *rules.near_expiry(specs, now, low),
            ):
                Pubkey.from_string(finding.subject)
                found.add(finding.rule)
        assert found == {"drain", "spec_flood", "one_payer", "approval_stall", "near_expiry"}

    bench.run(play())


def _act(kind: str, thread: int, actor: int, payer: int, **payload: int) -> Act:
    wallet = str(Pubkey(key(f"wallet{actor}")))
    return Act(key(f"thread{thread}"), kind, payload, 0, wallet, key(f"wallet{payer}"))


submissions = st.builds(
    lambda thread, wallet: _act("SpecSubmitted", thread, wallet, wallet),
    st.integers(0, 3), st.integers(0, 99),
)  # fmt: skip


@given(st.lists(submissions, max_size=60))
def test_a_flood_is_counted_by_thread(acts: list[Act]) -> None:
    counts = {act.thread: sum(other.thread == act.thread for other in acts) for act in acts}
    found = {finding.subject: finding.measure for finding in rules.spec_floods(acts, LIMITS)}
    assert found == {
        str(Pubkey.from_bytes(thread)): count
        for thread, count in counts.items()
        if count >= LIMITS.floods
    }


@given(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 2)), max_size=60))
def test_who_pays_for_many_is_found(pairs: list[tuple[int, int]]) -> None:
    """Paying for oneself, or often for the same few, is nothing."""
    acts = [_act("Deposited", 0, actor, payer) for actor, payer in pairs]
    found = {finding.subject: finding.measure for finding in rules.one_payer(acts, LIMITS)}
    for payer in range(3):
        others = {actor for actor, by in pairs if by == payer and actor != payer}
        name = str(Pubkey(key(f"wallet{payer}")))
        assert found.get(name, 0) == (len(others) if len(others) >= LIMITS.wallets else 0)


@given(st.integers(1, 1000), st.lists(st.integers(1, 100), max_size=6))
def test_a_drain_is_what_leaves_of_the_largest_stake(start: int, percents: list[int]) -> None:
    balance, acts, out = start, [], 0
    for percent in percents:
        amount = balance * percent // 200
        acts.append(
            _act("Divested", 0, 0, 0, amount=amount, balance_before=balance,
                 balance_after=balance - amount)
        )  # fmt: skip
        balance -= amount
        out += amount
    found = list(rules.drains(acts, LIMITS))
    assert bool(found) == (bool(acts) and 100 * out >= LIMITS.drain_percent * start)


@settings(max_examples=200)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.booleans())
def test_a_spec_that_waits_is_spoken_of_in_time(age: int, left: int, decided: bool) -> None:
    now = 2 * 10**6
    spec = Pending(key("spec"), key("thread"), now - age, now + left, decided)
    stalls = list(rules.approval_stalls([spec], now, LIMITS))
    assert bool(stalls) == (not decided and age >= LIMITS.stall_s)
    near = list(rules.near_expiry([spec], now, LIMITS))
    assert bool(near) == (left <= LIMITS.near_s)
    late = replace(spec, expires_at=now - 5)
    assert [f.detail for f in rules.near_expiry([late], now, LIMITS)] == [
        "expired 5 s ago, not settled"
    ]


@given(st.integers(0, 2**64), st.integers(0, 2**64), st.integers(0, 10))
def test_a_vault_may_hold_more_and_not_less(owed: int, held: int, short: int) -> None:
    found = list(rules.vaults(Vault(key("t"), owed, held), Limits(short_units=short)))
    assert bool(found) == (owed - held > short)
