"""Schema ``chain``: made once, agreed with the code, made anew on demand."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from choir_indexer.store import DatabaseUnreachable, merge, migrate, rebuild
from choir_indexer.store.migrations import HEAD, MIGRATIONS
from choir_indexer.store.schema import SCHEMA, metadata


def _engine(url: str) -> sa.Engine:
    return sa.create_engine(
        url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool
    )


def test_migrations_make_the_tables_that_the_code_knows(empty_database_url: str) -> None:
    migrate(empty_database_url)
    migrate(empty_database_url)  # a second run has nothing to do
    inspector = sa.inspect(_engine(empty_database_url))
    made = set(inspector.get_table_names(SCHEMA)) - {"alembic_version"}
    assert made == {table.name for table in metadata.sorted_tables}
    for table in metadata.sorted_tables:
        columns = {c["name"]: c for c in inspector.get_columns(table.name, SCHEMA)}
        assert set(columns) == set(table.columns.keys()), table.name
        for column in table.columns:
            there = columns[column.name]
            assert there["nullable"] == column.nullable, f"{table.name}.{column.name}"
            dialect = sa.dialects.postgresql.dialect()  # type: ignore[no-untyped-call]
            ours = column.type.compile(dialect)
            assert there["type"].compile(dialect) == ours, f"{table.name}.{column.name}"
        keys = inspector.get_pk_constraint(table.name, SCHEMA)["constrained_columns"]
        assert keys == [c.name for c in table.primary_key.columns], table.name


def test_what_is_written_out_by_hand_agrees_with_the_schema() -> None:
    for kind in merge.KINDS:
        assert merge.TYPED_COLUMNS[kind] == tuple(metadata.tables[f"chain.{kind}"].columns.keys())
    transactions = tuple(metadata.tables["chain.transactions"].columns.keys())
    assert transactions == merge.TRANSACTION_COLUMNS
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_rebuild_empties_the_mirror_and_nothing_else(empty_database_url: str) -> None:
    migrate(empty_database_url)
    engine = _engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE public.other AS SELECT 1 AS one"))
        connection.execute(
            sa.text("INSERT INTO chain.meta (genesis_hash, program_id, epoch) VALUES ('g','p',1)")
        )
    rebuild(empty_database_url)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM chain.meta")) == 0
        assert connection.scalar(sa.text("SELECT one FROM public.other")) == 1


def test_no_server_is_said_plainly_and_without_the_password() -> None:
    with pytest.raises(DatabaseUnreachable) as caught:
        migrate("postgresql://choir:secret@127.0.0.1:1/choir")
    message = str(caught.value)
    assert "127.0.0.1:1/choir" in message
    assert "CHOIR_DATABASE_URL" in message
    assert "secret" not in message
    with pytest.raises(DatabaseUnreachable, match="postgresql://"):
        migrate("nonsense")
