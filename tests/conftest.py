"""What every room's tests share: one PostgreSQL server a worker, one fresh database a test."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings

from choir.stack.postgres import EmbeddedPostgres

_numbers = itertools.count(1)

# The same examples on every machine, however busy it is. To look for new ones:
# scripts/test ROOM --hypothesis-profile=search
settings.register_profile(
    "search", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("choir", settings.get_profile("search"), derandomize=True, database=None)
settings.load_profile("choir")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """A running server; loopback, free port, nothing kept."""
    settings = {"max_connections": "200"}
    with (
        _reachable() as directory,
        EmbeddedPostgres(directory, durable=False, settings=settings) as server,
    ):
        yield server


@pytest.fixture
def reachable_dir() -> Iterator[Path]:
    """A folder for a server of one's own.

    Not pytest's: root's PostgreSQL runs as another user, and every start of pytest closes its
    folders to others.
    """
    with _reachable() as directory:
        yield directory


@contextmanager
def _reachable() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="choir-test-") as directory:
        yield Path(directory) / "state"


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
