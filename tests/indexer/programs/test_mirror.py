"""Another program's mirror over a chain in memory: the same honesty, rows by the IDL alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from tests.indexer.borsh import encode
from tests.indexer.conftest import Bench
from tests.indexer.story import Script, Teller, scripts
from tests.indexer.synthetic import PAYER, Faults, SyntheticChain, SyntheticSource, key
from tests.indexer.test_mirror import RandomFaults, _settle, _stop

from choir.idl import load_idl
from choir.idl_decoder import IdlDecoder
from choir.ids import PROGRAM_ID
from choir.testing import ManualClock
from choir_indexer.decode import decode_transaction, decode_update, plain
from choir_indexer.mirror import Mirror
from choir_indexer.model import AccountUpdate
from choir_indexer.programs.config import ProgramConfig
from choir_indexer.programs.decoding import LOG_CUT, ProgramDecoding
from choir_indexer.programs.redecode import redecode_if_changed
from choir_indexer.programs.writer import ProgramWriter, forget
from choir_indexer.store import WrongChain
from choir_indexer.transactions import from_json

IDL = load_idl()
some = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def a_config(*kept: str, idl: Any = IDL) -> ProgramConfig:
    """Choir's program as if it were anybody's."""
    marks = {each["name"]: bytes(each["discriminator"]).hex() for each in idl["accounts"]}
    names = tuple(sorted(f"{name}:{marks[name]}" for name in kept)) or None
    return ProgramConfig(PROGRAM_ID, IdlDecoder(idl, accounts=kept or None), names)


CONFIG = a_config()


def a_mirror(
    bench: Bench,
    source: SyntheticSource,
    config: ProgramConfig = CONFIG,
    *,
    rebuild: Callable[[], Awaitable[None]] | None = None,
) -> Mirror:
    async def open_writer() -> ProgramWriter:
        writer = await ProgramWriter.open(bench.url, config)
        await redecode_if_changed(writer, config)
        return writer

    return Mirror(
        source, open_writer, program=config.program, decoding=ProgramDecoding(config),
        clock=ManualClock(), jitter=lambda: 0.5, rebuild=rebuild,
    )  # fmt: skip


async def follow(
    bench: Bench, source: SyntheticSource, config: ProgramConfig = CONFIG, **more: Any
) -> None:
    """Until the mirror has everything there is now."""
    source.idle.clear()
    following = asyncio.create_task(a_mirror(bench, source, config, **more).run())
    await _settle(following, source)
    await _stop(following)


async def rows(bench: Bench) -> dict[str, Any]:
    """What is in the program's tables."""
    connection = await bench.connect()
    found: dict[str, Any] = {}
    listed = await connection.fetch("SELECT * FROM chain.program_accounts")
    found["accounts"] = {
        r["pubkey"]: (r["kind"], r["data"], r["value"] and json.loads(r["value"]))
        for r in listed
        if r["closed_slot"] is None
    }
    found["closed"] = {r["pubkey"] for r in listed if r["closed_slot"] is not None}
    found["reasons"] = {r["pubkey"]: r["reason"] for r in listed if r["reason"] is not None}
    listed = await connection.fetch(
        "SELECT * FROM chain.program_events ORDER BY slot, position, ordinal"
    )
    found["events"] = [
        (r["signature"], r["ordinal"], r["kind"], r["payload"] and json.loads(r["payload"]))
        for r in listed
    ]
    found["dead"] = [r["reason"] for r in listed if r["reason"] is not None]
    listed = await connection.fetch(
        "SELECT signature FROM chain.program_transactions ORDER BY slot, position"
    )
    found["transactions"] = [r[0] for r in listed]
    found["slot"] = await connection.fetchval("SELECT slot FROM chain.program_watermarks")
    await connection.close()
    return found


def expected(chain: SyntheticChain, through: int | None = None) -> dict[str, Any]:
    """The same by the decoder and the chain."""
    through = chain.slot if through is None else through
    accounts = {}
    for pubkey in chain.states:
        data = chain.at(pubkey, through)
        if data is not None and pubkey != PAYER:
            kind = CONFIG.decoder.account_kind(data)
            value = None if kind is None else CONFIG.decoder.account(data).value
            accounts[pubkey] = (kind, data, value)
    ran = [r for r in chain.transactions if r.ref.slot <= through]
    events = [
        (r.ref.signature, ordinal, *CONFIG.decoder.event(data))
        for r in ran
        for ordinal, data in enumerate(r.events)
    ]
    return {
        "accounts": accounts,
        "events": events,
        "transactions": [r.ref.signature for r in ran],
        "slot": through,
    }


async def compare(bench: Bench, chain: SyntheticChain) -> dict[str, Any]:
    there, wanted = await rows(bench), expected(chain)
    for name, what in wanted.items():
        assert there[name] == what, name
    return there


@some
@given(scripts, scripts, st.lists(st.integers(0, 4), max_size=40))
def test_under_any_faults_the_rows_end_as_the_chain_is(
    bench: Bench, before: Script, after: Script, plan: list[int]
) -> None:
    chain = SyntheticChain()
    teller = Teller(chain)
    teller.tell(before)

    async def honest() -> None:
        there = await rows(bench)
        if there["slot"] is not None:
            wanted = expected(chain, int(there["slot"]))
            assert there["events"] == wanted["events"]
            assert there["transactions"] == wanted["transactions"]

    async def play() -> None:
        await bench.clear()
        source = SyntheticSource(chain, RandomFaults(list(plan)), at_frontier=honest)
        following = asyncio.create_task(a_mirror(bench, source).run())
        await _settle(following, source)
        for slot in after:
            teller.slot(slot)
            await _settle(following, source)
        source.faults = Faults()
        chain.close_slot()
        await _settle(following, source)
        await compare(bench, chain)
        await _stop(following)

    bench.run(play())


def test_the_rows_say_what_the_typed_ones_do(bench: Bench) -> None:
    chain = SyntheticChain()
    teller = Teller(chain)
    teller.tell([[[("open", 0, 0), ("post", 0, 0)], [("stake", 0, 1)]], [[("privacy", 0, 0)]]])

    async def play() -> None:
        await follow(bench, SyntheticSource(chain))
        there = await compare(bench, chain)
        for pubkey, (_, data, value) in there["accounts"].items():
            typed = decode_update(AccountUpdate(pubkey, 1, 0, data, 1, bytes(PROGRAM_ID)))
            assert typed.kind is not None
            if "balance" in value:
                assert value["balance"] in typed.columns
        typed_events = [
            (e.kind, e.payload)
            for r in chain.transactions
            for e in decode_transaction(from_json(r.ref, r.json())).events
        ]
        assert [e[2] for e in there["events"]] == [kind for kind, _ in typed_events]
        for (*_, value), (_, payload) in zip(there["events"], typed_events, strict=True):
            same = {k: v for k, v in payload.items() if not isinstance(v, str) or v == value[k]}
            assert same == {k: value[k] for k in same}
            assert set(value) == set(payload)

    bench.run(play())
    assert plain(Pubkey.default()) == str(Pubkey.default())


def test_closed_accounts_become_tombstones_that_nothing_revives(bench: Bench) -> None:
    chain = SyntheticChain()
    position = key("position00")

    async def play() -> None:
        chain.close_slot(({position: encode("Position", shares=1)}, []))
        await follow(bench, SyntheticSource(chain))
        chain.close_slot(({position: None}, []))
        await follow(bench, SyntheticSource(chain))
        assert (await compare(bench, chain))["closed"] == {position}
        writer = await ProgramWriter.open(bench.url, CONFIG)
        late = AccountUpdate(position, 1, 7, encode("Position", shares=9), 1, bytes(PROGRAM_ID))
        decoding = ProgramDecoding(CONFIG)
        from choir_indexer.delta import Delta

        await writer.apply_snapshot(Delta.of(accounts=[decoding.account(late)]))
        await writer.close()
        assert (await compare(bench, chain))["closed"] == {position}

    bench.run(play())


def test_an_announcement_that_comes_late_brings_nothing_to_life(bench: Bench) -> None:
    chain = SyntheticChain()

    async def play() -> None:
        from choir_indexer.delta import Delta

        chain.close_slot(({key("brief"): encode("Position", shares=1)}, []))
        chain.close_slot(({key("brief"): None}, []))
        await follow(bench, SyntheticSource(chain))
        writer = await ProgramWriter.open(bench.url, CONFIG)
        data = encode("Position", shares=1)
        late = AccountUpdate(key("brief"), 1, 7, data, 1, bytes(PROGRAM_ID))
        await writer.apply_live(Delta.of(accounts=[ProgramDecoding(CONFIG).account(late)]))
        await writer.close()
        assert (await compare(bench, chain))["accounts"] == {}

    bench.run(play())


def test_what_is_not_understood_keeps_its_bytes_and_says_why(bench: Bench) -> None:
    chain = SyntheticChain()
    short = encode("Position", shares=1)[:20]
    chain.close_slot(
        (
            {key("odd"): b"\xff" * 9, key("short"): short},
            [b"no event of ours", encode("Deposited", amount=3)],
        )
    )

    async def play() -> None:
        await follow(bench, SyntheticSource(chain))
        there = await rows(bench)
        assert there["accounts"] == {
            key("odd"): (None, b"\xff" * 9, None),
            key("short"): (None, short, None),
        }
        assert there["reasons"][key("odd")].startswith("no account of the IDL begins with ffff")
        assert "Position." in there["reasons"][key("short")]
        assert [(o, k) for _, o, k, _ in there["events"]] == [(0, None), (1, "Deposited")]
        (reason,) = there["dead"]
        assert reason.startswith("no event of the IDL begins with")

    bench.run(play())


def test_events_in_the_log_are_events_too(bench: Bench) -> None:
    import base64

    deposited = encode("Deposited", amount=3)
    chain = SyntheticChain()
    chain.close_slot(({}, [encode("Divested", amount=4)]))
    (ran,) = chain.transactions
    plain_json = ran.json()
    plain_json["meta"]["logMessages"] = [
        f"Program {PROGRAM_ID} invoke [1]",
        f"Program data: {base64.b64encode(deposited).decode()}",
        f"Program data: {base64.b64encode(b'just data').decode()}",
        "Log truncated",
    ]
    row = ProgramDecoding(CONFIG).transaction(from_json(ran.ref, plain_json))
    assert [(e.ordinal, e.kind, e.data) for e in row.events] == [
        (0, "Divested", encode("Divested", amount=4)),
        (1, "Deposited", deposited),
        (2, "", b"just data"),
    ]
    (cut,) = row.dead
    assert (cut.ordinal, cut.reason) == (3, LOG_CUT)
    plain_json["meta"]["err"] = {"InstructionError": [0, "X"]}
    failed = ProgramDecoding(CONFIG).transaction(from_json(ran.ref, plain_json))
    assert (failed.events, failed.dead, failed.touched) == ((), (), frozenset())

    async def play() -> None:
        from choir_indexer.delta import Delta
        from choir_indexer.store.writer import Identity

        writer = await ProgramWriter.open(bench.url, CONFIG)
        await writer.begin(Identity("g", str(PROGRAM_ID), 1), after=0, commitment="confirmed")
        await writer.apply_history(Delta.of(transactions=[row]), after=0, through=1, finalized=None)
        await writer.close()
        there = await rows(bench)
        assert [k for _, _, k, _ in there["events"]] == ["Divested", "Deposited", None, None]
        assert there["dead"] == [LOG_CUT]

    bench.run(play())


# ---- kept kinds, and IDLs that change


def renamed(idl: Any) -> Any:
    """The IDL of a newer program: the same bytes, told otherwise."""
    newer = json.loads(json.dumps(idl))
    for definition in newer["types"]:
        if definition["name"].rsplit("::", 1)[-1] == "Position":
            for row in definition["type"]["fields"]:
                if row["name"] == "shares":
                    row["name"] = "units"
    newer["events"] = [e for e in newer["events"] if e["name"] != "Deposited"]
    return newer


def test_only_the_kept_kinds_have_rows(bench: Bench) -> None:
    chain = SyntheticChain()
    changing = key("changing")

    async def play() -> None:
        config = a_config("Position")
        thread = encode("Thread", thread_id="t")
        chain.close_slot(({key("t"): thread, changing: encode("Position", shares=1)}, []))
        await follow(bench, SyntheticSource(chain), config)
        assert set((await rows(bench))["accounts"]) == {changing}
        chain.close_slot(({changing: thread, key("odd"): b"odd"}, []))
        await follow(bench, SyntheticSource(chain), config)
        there = await rows(bench)
        assert there["accounts"] == {}
        assert there["closed"] == {changing}

    bench.run(play())


def test_when_the_idl_changes_what_is_kept_is_decoded_again(bench: Bench) -> None:
    chain = SyntheticChain()
    chain.close_slot(
        (
            {key("p"): encode("Position", shares=5), key("odd"): b"\xff" * 9},
            [encode("Deposited", amount=3), encode("Divested", amount=4)],
        )
    )

    async def play() -> None:
        source = SyntheticSource(chain)
        await follow(bench, source)
        first = await compare(bench, chain)
        newer = a_config(idl=renamed(IDL))
        asked = chain.fetches
        await follow(bench, source, newer)
        there = await rows(bench)
        assert chain.fetches == asked  # nothing was asked of the chain
        assert there["accounts"][key("p")][2]["units"] == 5
        assert [k for *_, k, _ in there["events"]] == [None, "Divested"]
        assert len(there["dead"]) == 1
        await follow(bench, source)
        assert await rows(bench) == first

    bench.run(play())


def test_kinds_that_are_kept_no_more_go_and_new_ones_begin_the_mirror_anew(bench: Bench) -> None:
    chain = SyntheticChain()
    chain.close_slot(
        ({key("p"): encode("Position", shares=5), key("t"): encode("Thread", thread_id="t")}, [])
    )

    async def play() -> None:
        source = SyntheticSource(chain)
        await follow(bench, source, a_config("Position", "Thread"))
        assert set((await rows(bench))["accounts"]) == {key("p"), key("t")}
        asked = chain.fetches
        await follow(bench, source, a_config("Position"))
        assert set((await rows(bench))["accounts"]) == {key("p")}
        assert chain.fetches == asked
        await follow(bench, source, a_config("Position", "Thread"))
        assert set((await rows(bench))["accounts"]) == {key("p"), key("t")}
        assert chain.fetches > asked

    bench.run(play())


# ---- whose rows they are


def test_programs_do_not_touch_each_other_nor_choirs_rows(bench: Bench) -> None:
    chain = SyntheticChain()
    teller = Teller(chain)
    teller.tell([[[("open", 0, 0), ("stake", 0, 0)]]])
    other = ProgramConfig(Pubkey(key("other")), CONFIG.decoder, None)

    async def play() -> None:
        await follow(bench, SyntheticSource(chain))
        first = await rows(bench)
        empty = SyntheticSource(SyntheticChain(slot=9))
        await follow(bench, empty, other)
        connection = await bench.connect()
        assert await connection.fetchval("SELECT count(*) FROM chain.program_watermarks") == 2
        assert await connection.fetchval("SELECT count(*) FROM chain.meta") == 0
        await connection.execute(
            "DELETE FROM chain.program_watermarks WHERE program = $1", key("other")
        )
        await connection.close()
        assert await rows(bench) == first
        await forget(bench.url, PROGRAM_ID)
        assert (await rows(bench))["accounts"] == {}

    bench.run(play())


def test_another_chain_stops_it_or_makes_it_anew(bench: Bench) -> None:
    chain, other = SyntheticChain(), SyntheticChain(genesis="other")
    chain.close_slot(({key("p"): encode("Position", shares=5)}, [encode("Divested", amount=1)]))
    other.close_slot(({key("q"): encode("Position", shares=6)}, []))

    async def anew() -> None:
        await forget(bench.url, PROGRAM_ID)

    async def play() -> None:
        await follow(bench, SyntheticSource(chain))
        with pytest.raises(WrongChain, match="genesis"):
            await a_mirror(bench, SyntheticSource(other)).run()
        await follow(bench, SyntheticSource(other), rebuild=anew)
        there = await compare(bench, other)
        assert set(there["accounts"]) == {key("q")}

    bench.run(play())
