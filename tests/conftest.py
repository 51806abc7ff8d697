"""What every room's tests share: one PostgreSQL server a worker, one fresh database a test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from choir.stack.postgres import EmbeddedPostgres

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A running server; loopback, free port, nothing kept."""
    directory = tmp_path_factory.mktemp("postgres")
    # pytest's own folders are private, and root's server runs as another user
    for folder in (directory, *directory.parents):
        if folder == Path(folder.anchor) or folder.stat().st_mode & 0o001:
            continue
        folder.chmod(folder.stat().st_mode & 0o7777 | 0o001)
    with EmbeddedPostgres(directory, durable=False, settings={"max_connections": "200"}) as server:
        yield server


def _administer(server: EmbeddedPostgres, *statements: str) -> None:
    url = server.url("postgres").replace("postgresql://", "postgresql+psycopg://")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


@pytest.fixture
def empty_database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """URL (``postgresql://``) of a database without any schema of ours."""
    name = f"empty_{next(_numbers)}"
    _administer(postgres_server, f"CREATE DATABASE {name} TEMPLATE template0")
    yield postgres_server.url(name)
    _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def _migrated_template(postgres_server: EmbeddedPostgres) -> str:
    from choir_api.db import migrate as migrate_app
    from choir_indexer.store import migrate as migrate_chain

    _administer(postgres_server, "CREATE DATABASE migrated TEMPLATE template0")
    migrate_chain(postgres_server.url("migrated"))
    migrate_app(postgres_server.url("migrated"))
    return "migrated"


@pytest.fixture
def database_url(postgres_server: EmbeddedPostgres, _migrated_template: str) -> Iterator[str]:
    """URL (``postgresql://``) of a database with both schemas at their newest migration."""
    name = f"test_{next(_numbers)}"
    _administer(postgres_server, f"CREATE DATABASE {name} TEMPLATE {_migrated_template}")
    yield postgres_server.url(name)
    _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")
