"""The obvious indexer: anchorpy decodes, an ORM session adds row by row, and commits a batch."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

import orjson
import sqlalchemy as sa
from anchorpy import Idl
from anchorpy.coder.coder import Coder
from based58 import b58decode
from solders.pubkey import Pubkey
from solders.signature import Signature
from sqlalchemy.orm import Session, registry
from tests.bench.indexing.history import EVENT, History
from tests.bench.indexing.pipeline import BATCH

from choir.idl import load_idl, to_legacy
from choir.ids import PROGRAM_ID
from choir.rpc import account_from_json
from choir_indexer.store import schema

KINDS = {
    "Thread": schema.threads,
    "Position": schema.positions,
    "Spec": schema.specs,
    "Message": schema.messages,
}
# a variant's place in its enum
VARIANTS = {
    variant["name"]: place
    for each in load_idl()["types"]
    if each["type"]["kind"] == "enum"
    for place, variant in enumerate(each["type"]["variants"])
}


def _mapped() -> dict[str, type]:
    mapper = registry()
    made = {}
    for table in schema.metadata.sorted_tables:
        kind = type(table.name.title(), (), {})
        # an outbox row's number is the server's; the rest of the keys are the chain's
        mapper.map_imperatively(kind, table)
        made[table.name] = kind
    return made


def _column(value: Any) -> Any:
    """A value of anchorpy's as a column holds it."""
    if isinstance(value, Pubkey):
        return bytes(value)
    if isinstance(value, list):
        if value and isinstance(value[0], int):
            return bytes(value)
        return [_column(each) for each in value]
    return VARIANTS[type(value).__name__] if type(value).__module__ == "sumtypes" else value


def _json(value: Any) -> Any:
    """A value of anchorpy's as JSON."""
    if isinstance(value, Pubkey):
        return str(value)
    if isinstance(value, list):
        return [_json(each) for each in value]
    return type(value).__name__ if type(value).__module__ == "sumtypes" else value


class Obvious:
    """The same rows of the same tables from the same bytes, without anything clever."""

    def __init__(self, url: str) -> None:
        self._coder = Coder(Idl.from_json(orjson.dumps(to_legacy(load_idl())).decode()))
        engine_url = url.replace("postgresql://", "postgresql+psycopg://")
        self._engine = sa.create_engine(engine_url)
        self._model = _mapped()
        self._seq: dict[bytes, int] = defaultdict(int)
        self.rows = 0

    def run(self, history: History, transactions: int) -> float:
        """Seconds for the oldest `transactions` and the accounts that they touch, in batches."""
        oldest = [name for _, name in reversed(history.listed[-transactions:])]
        start = time.perf_counter()
        with Session(self._engine) as session:
            for begin in range(0, len(oldest), BATCH):
                touched: set[str] = set()
                for position, name in enumerate(oldest[begin : begin + BATCH]):
                    touched |= self._transaction(session, history.transactions[name], position)
                for name in touched & history.accounts.keys():
                    self._account(session, name, history.accounts[name], history.tip)
                session.commit()
        return time.perf_counter() - start

    def close(self) -> None:
        self._engine.dispose()

    def _add(self, session: Session, table: str, **values: Any) -> None:
        row = self._model[table]()
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)
        self.rows += 1

    def _transaction(self, session: Session, answer: bytes, position: int) -> set[str]:
        found = orjson.loads(answer)["result"]
        message, meta = found["transaction"]["message"], found["meta"]
        signature = bytes(Signature.from_string(found["transaction"]["signatures"][0]))
        keys = message["accountKeys"]
        self._add(
            session, "transactions", signature=signature, slot=found["slot"], position=position,
            fee_payer=bytes(Pubkey.from_string(keys[0])), fee=meta["fee"], error=meta["err"],
            block_time=found["blockTime"],
        )  # fmt: skip
        ordinal = 0
        for group in meta["innerInstructions"]:
            for call in group["instructions"]:
                if keys[call["programIdIndex"]] != str(PROGRAM_ID):
                    continue
                data = b58decode(call["data"].encode())
                if data[:8] == EVENT:
                    self._event(session, data[8:], found["slot"], signature, ordinal)
                    ordinal += 1
        return set(keys)

    def _event(
        self, session: Session, data: bytes, slot: int, signature: bytes, ordinal: int
    ) -> None:
        name = self._coder.events.discriminators[data[:8]]
        event = self._coder.events.layouts[name].parse(data[8:])
        values = {key: _json(value) for key, value in vars(event).items()}
        thread = bytes(getattr(event, "thread", PROGRAM_ID))
        self._seq[thread] += 1
        self._add(
            session, "thread_events", thread=thread, epoch=1, seq=self._seq[thread], slot=slot,
            signature=signature, ordinal=ordinal, kind=name, payload=values,
            at=getattr(event, "timestamp", None),
        )  # fmt: skip

    def _account(self, session: Session, name: str, answer: bytes, slot: int) -> None:
        account = account_from_json(orjson.loads(answer))
        pubkey = bytes(Pubkey.from_string(name))
        version = {"pubkey": pubkey, "slot": slot, "write_version": 1}
        decoded = self._coder.accounts.decode(account.data)
        table = KINDS.get(type(decoded).__name__)
        row = self._model["accounts"]()
        for key, value in version.items():
            setattr(row, key, value)
        row.kind, row.owner = type(decoded).__name__, bytes(account.owner)
        row.lamports, row.data = account.lamports, account.data
        session.merge(row)
        self.rows += 1
        if table is None:
            return
        values = {key: _column(value) for key, value in vars(decoded).items()}
        row = self._model[table.name]()
        for column in table.columns.keys():  # noqa: SIM118 - columns are no dict
            if column in version:
                setattr(row, column, version[column])
            else:
                setattr(row, column, values.get("slot" if column == "posted_slot" else column, 0))
        session.merge(row)
        self.rows += 1
