"""Schema ``app``: migrations, and what its tables refuse."""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError, IntegrityError

from choir_api import tables
from choir_api.db import (
    MIGRATIONS,
    SCHEMA,
    Database,
    DatabaseUnreachable,
    metadata,
    migrate,
    with_driver,
)


def test_migrating_is_safe_at_once_and_again(empty_database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [empty_database_url] * 4))
    migrate(empty_database_url)


def test_the_tables_are_what_the_migrations_made(database_url: str) -> None:
    ours = {table.name for table in vars(tables).values() if isinstance(table, sa.Table)}
    assert ours >= {"sessions", "contents"}

    def is_ours(thing: Any, name: str | None, kind: str, *_: Any) -> bool:
        table = thing if kind == "table" else thing.table
        return table.name in ours and kind in ("table", "column", "index")

    engine = sa.create_engine(with_driver(database_url, "psycopg"), poolclass=sa.NullPool)
    with engine.connect() as connection:
        options = {
            "include_schemas": True,
            "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
            "include_object": is_ours,
        }
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_the_migrations_are_one_line() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


def test_no_server_at_the_url_is_said_without_the_password() -> None:
    with pytest.raises(DatabaseUnreachable) as caught:
        migrate("postgresql://choir:hunter2@127.0.0.1:1/choir")
    assert "127.0.0.1:1/choir" in str(caught.value)
    assert "CHOIR_DATABASE_URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_a_read_session_cannot_write(database: Database) -> None:
    async with database.read() as session:
        with pytest.raises(DBAPIError, match="read-only"):
            await session.execute(sa.delete(tables.nonces))


async def test_a_write_session_undoes_everything_on_an_exception(database: Database) -> None:
    async def half() -> None:
        async with database.write() as session:
            await session.execute(
                sa.insert(tables.wallets).values(wallet=b"w" * 32, created_at=sa.func.now())
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await half()
    async with database.read() as session:
        assert (await session.execute(sa.select(tables.wallets))).all() == []


@pytest.mark.parametrize(
    ("text", "ciphertext"), [("other", None), (None, b"other"), ("text", b"text"), (None, None)]
)
async def test_a_content_that_is_not_its_hash_cannot_be_stored(
    database: Database, text: str | None, ciphertext: bytes | None
) -> None:
    from choir.ids import content_hash

    row = {
        "thread": b"t" * 32,
        "content_hash": content_hash("text"),
        "thread_id": "thread",
        "author": b"a" * 32,
        "text": text,
        "ciphertext": ciphertext,
        "created_at": sa.func.now(),
    }
    with pytest.raises(IntegrityError):
        async with database.write() as session:
            await session.execute(sa.insert(tables.contents).values(**row))


async def test_an_error_of_the_database_never_quotes_what_was_sent(database: Database) -> None:
    row = {
        "thread": b"t" * 32,
        "content_hash": b"h" * 32,
        "thread_id": "thread",
        "author": b"a" * 32,
        "text": " ".join(["the treasure lies", "under the third palm"]),
        "created_at": sa.func.now(),
    }
    with pytest.raises(DBAPIError) as caught:
        async with database.write() as session:
            await session.execute(sa.insert(tables.contents).values(**row))
    said = "".join(traceback.format_exception(caught.value))
    assert "violates check constraint" in said
    assert "under the third palm" not in said
