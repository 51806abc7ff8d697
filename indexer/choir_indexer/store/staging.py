"""Temporary tables of the one writer's connection, which accounts are merged from.

Each is made when it is first needed: a mirror that only follows history needs none for days, and
making all of them takes longer than connecting.
"""

from __future__ import annotations

from typing import Any, Final

import asyncpg

from choir_indexer.delta import Delta
from choir_indexer.store.copying import TYPES, Copier
from choir_indexer.store.merge import ACCOUNT_COLUMNS, KINDS, TYPED_COLUMNS

__all__ = ["STAGED_LIMIT", "Staging"]

STAGED_LIMIT = 100_000  # accounts staged before their tables are cut
ACCOUNTS: Final = "accounts"
MAKE: Final = {
    ACCOUNTS: """CREATE TEMP TABLE IF NOT EXISTS stage_accounts (pubkey bytea PRIMARY KEY,
        slot numeric(20), write_version numeric(20), kind text, owner bytea, lamports numeric(20),
        data bytea, certain boolean)""",
    **{kind: f"CREATE TEMP TABLE IF NOT EXISTS stage_{kind} (LIKE chain.{kind})" for kind in KINDS},
}


class Staging:
    """Of one connection. Whoever fills them empties them first: PostgreSQL's own `ON COMMIT DELETE
    ROWS` cuts the files of all of them at every commit, which takes longer than the commit."""

    def __init__(self, connection: asyncpg.Connection[Any], copier: Copier) -> None:
        self._connection = connection
        self._copier = copier
        self._made: set[str] = set()
        self._lasting: set[str] = set()  # those that no transaction can take back
        self.staged = 0
        """How many accounts were since the tables were cut."""

    async def make(self, delta: Delta) -> None:
        """What these accounts need. Tables that are made in a transaction may go with it, so it is
        better done before."""
        kinds = {row.kind for row in delta.accounts.values() if row.kind is not None}
        self._made |= {ACCOUNTS, *kinds}
        uncertain = sorted(self._made - self._lasting)
        if not uncertain:
            return
        await self._connection.execute(";".join(MAKE[name] for name in uncertain))
        for name in uncertain:
            more = {"certain": "bool"} if name == ACCOUNTS else {}
            self._copier.know(f"stage_{name}", TYPES[name] | more)
        if not self._connection.is_in_transaction():
            self._lasting |= self._made

    async def fill(self, delta: Delta) -> None:
        """With these accounts alone."""
        typed: dict[str, list[tuple[Any, ...]]] = {}
        staged = []
        for row in delta.accounts.values():
            update = row.update
            staged.append(
                (
                    update.pubkey,
                    update.slot,
                    update.write_version,
                    row.kind,
                    update.owner if update.data is not None else None,
                    update.lamports if update.data is not None else 0,
                    update.data,
                    update.certain,
                )
            )
            if row.kind is not None:
                typed.setdefault(row.kind, []).append(
                    (update.pubkey, update.slot, update.write_version, *row.columns)
                )
        await self.empty(len(staged))
        await self._copier.copy("stage_accounts", ACCOUNT_COLUMNS, staged)
        for kind, rows in typed.items():
            await self._copier.copy(f"stage_{kind}", TYPED_COLUMNS[kind], rows)

    async def empty(self, expected: int = 0) -> None:
        """Before `expected` accounts are staged. What deleted rows take is given back at times."""
        tables = [f"stage_{name}" for name in sorted(self._made)]
        self.staged += expected
        if self.staged > STAGED_LIMIT:
            self.staged = expected
            await self._connection.execute(f"TRUNCATE {', '.join(tables)}")
        else:
            await self._connection.execute("; ".join(f"DELETE FROM {each}" for each in tables))  # noqa: S608 - names of ours
