"""Random histories of the program, as scripts that Hypothesis can shrink, and what the mirror
must hold after them."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import asyncpg
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from tests.indexer.borsh import encode
from tests.indexer.synthetic import PAYER, SyntheticChain, key

from choir.ids import PROGRAM_ID
from choir_indexer.decode import decode_transaction, decode_update
from choir_indexer.model import AccountUpdate
from choir_indexer.store.merge import KINDS
from choir_indexer.transactions import from_json

Step = tuple[str, int, int]
Script = list[list[list[Step]]]

STEPS = ("open", "post", "stake", "leave", "privacy", "garbage", "noise", "wallet")
steps = st.tuples(st.sampled_from(STEPS), st.integers(0, 2), st.integers(0, 1))
transactions = st.lists(steps, min_size=1, max_size=3)
scripts = st.lists(st.lists(transactions, max_size=3), min_size=1, max_size=8)


class Teller:
    """Runs scripts on a chain, remembering what the program would."""

    def __init__(self, chain: SyntheticChain) -> None:
        self.chain = chain
        self.privacy: dict[int, int] = defaultdict(int)
        self.count: dict[int, int] = defaultdict(int)
        self.turn = 0

    def tell(self, script: Script) -> None:
        for slot in script:
            self.slot(slot)

    def slot(self, slot: list[list[Step]]) -> None:
        self.chain.close_slot(*(self._run(transaction) for transaction in slot))

    def _run(self, transaction: list[Step]) -> tuple[dict[bytes, bytes | None], list[bytes]]:
        writes: dict[bytes, bytes | None] = {}
        events: list[bytes] = []
        for step, a, b in transaction:
            self.turn += 1
            thread, owner = key(f"thread{a}"), key(f"owner{b}")
            position = key(f"position{a}{b}")
            if step == "open":
                events.append(encode("ThreadCreated", thread=Pubkey(thread), thread_id=f"t{a}"))
            elif step == "post":
                index = self.count[a]
                self.count[a] += 1
                hashed = key(f"content{a}{index}")
                message = encode(
                    "Message", thread=Pubkey(thread), index=index, content_hash=hashed,
                    author=Pubkey(owner), privacy=self.privacy[a], slot=self.chain.slot + 1,
                )  # fmt: skip
                writes[key(f"message{a}{index}")] = message
                events.append(
                    encode("MessagePosted", thread=Pubkey(thread), index=index, content_hash=hashed)
                )
            elif step == "stake":
                writes[position] = encode(
                    "Position", thread=Pubkey(thread), owner=Pubkey(owner), shares=self.turn
                )
                events.append(encode("Deposited", thread=Pubkey(thread), amount=self.turn))
            elif step == "leave":
                writes[position] = None
                events.append(encode("Divested", thread=Pubkey(thread), amount=self.turn))
            elif step == "privacy":
                self.privacy[a] = (self.privacy[a] + 1) % 4
                events.append(encode("PrivacyChanged", thread=Pubkey(thread), to=self.privacy[a]))
            elif step == "garbage":
                writes[key(f"garbage{a}")] = bytes([255]) * (8 + self.turn)
            elif step == "noise":
                events.append(encode("Initialized", parameter_timelock=self.turn))
            if step not in ("garbage", "noise", "wallet"):
                writes[thread] = encode(
                    "Thread", thread_id=f"t{a}", privacy=self.privacy[a], balance=self.turn,
                    message_count=self.count[a], co_authors=[Pubkey(owner)],
                )  # fmt: skip
        return writes, events


def _values(columns: tuple[Any, ...]) -> tuple[Any, ...]:
    """Columns with JSON read: PostgreSQL writes it in its own way."""
    return tuple(
        json.loads(value) if isinstance(value, str) and value.startswith("{") else value
        for value in columns
    )


async def held(connection: asyncpg.Connection[Any], *, versions: bool = False) -> dict[str, Any]:
    """What the mirror says: live accounts, typed rows, events and transactions."""
    found: dict[str, Any] = {}
    rows = await connection.fetch(
        "SELECT pubkey, kind, data FROM chain.accounts WHERE data IS NOT NULL"
    )
    found["accounts"] = {r["pubkey"]: (r["kind"], r["data"]) for r in rows}
    for kind in KINDS:
        rows = await connection.fetch(f"SELECT * FROM chain.{kind}")
        skip = 1 if versions else 3
        found[kind] = {r["pubkey"]: _values(tuple(r.values())[skip:]) for r in rows}
    events: dict[bytes, list[Any]] = defaultdict(list)
    for r in await connection.fetch(
        "SELECT * FROM chain.thread_events ORDER BY thread, epoch, seq"
    ):
        events[r["thread"]].append(
            (r["seq"], int(r["slot"]), r["signature"], r["ordinal"], r["kind"], r["payload"])
        )
    found["events"] = {
        thread: [(*e[:5], json.loads(e[5])) for e in rows] for thread, rows in events.items()
    }
    rows = await connection.fetch(
        "SELECT signature FROM chain.transactions ORDER BY slot, position"
    )
    found["transactions"] = [r["signature"] for r in rows]
    return found


def expected(chain: SyntheticChain, through: int | None = None) -> dict[str, Any]:
    """What the mirror must say once it has everything up to a slot (the newest if None)."""
    through = chain.slot if through is None else through
    found: dict[str, Any] = {"accounts": {}, **{kind: {} for kind in KINDS}}
    for pubkey in chain.states:
        data = chain.at(pubkey, through)
        if data is None or pubkey == PAYER:
            continue
        row = decode_update(AccountUpdate(pubkey, through, 0, data, 1, bytes(PROGRAM_ID)))
        found["accounts"][pubkey] = (row.kind, data)
        if row.kind is not None:
            found[row.kind][pubkey] = _values(row.columns)
    events: dict[bytes, list[Any]] = defaultdict(list)
    ran = [r for r in chain.transactions if r.ref.slot <= through]
    for r in ran:
        for e in decode_transaction(from_json(r.ref, r.json())).events:
            seq = len(events[e.thread]) + 1
            events[e.thread].append((seq, e.slot, e.signature, e.ordinal, e.kind, e.payload))
    found["events"] = dict(events)
    found["transactions"] = [r.ref.signature for r in ran]
    return found


__all__ = ["Teller", "expected", "held", "scripts", "steps", "transactions"]
