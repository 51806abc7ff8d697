"""The API's side of the database: engine, sessions and the migrations of schema ``app``.

A read session and a write session are different types, so that a signature says what a
function may do. Both hold one transaction:

- :class:`ReadSession` — ``REPEATABLE READ READ ONLY``: every query of one answer sees the same
  state, the mirror's tables included;
- :class:`WriteSession` — commits when its block ends well, rolls back otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

SCHEMA = "app"
MIGRATIONS = Path(__file__).parent / "migrations"
# any constant will do, as long as nobody else in the database uses it
MIGRATION_LOCK = 0x63686F69725F6170

metadata = sa.MetaData(
    schema=SCHEMA,
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    },
)


class DatabaseUnreachable(RuntimeError):
    """No PostgreSQL answers at the URL; the message names the host, never the password."""


class ReadSession(AsyncSession):
    """One read-only transaction on one snapshot."""


class WriteSession(AsyncSession):
    """One transaction that may change schema ``app``."""


class Database:
    """The connection pool and its two kinds of sessions.

    Args:
        url: ``postgresql://`` URL.
        pool_size: connections kept open at most, per process.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self._engine = create_async_engine(
            with_driver(url, "asyncpg"),
            pool_size=pool_size,
            max_overflow=5,
            pool_pre_ping=True,
            hide_parameters=True,  # an error goes to the log; the texts that it is about do not
        )
        sa.event.listen(self._engine.sync_engine, "handle_error", _without_rows)
        snapshots = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._read = async_sessionmaker(snapshots, class_=ReadSession, expire_on_commit=False)
        self._write = async_sessionmaker(self._engine, class_=WriteSession, expire_on_commit=False)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A snapshot for the length of the block."""
        async with self._read() as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """A transaction for the length of the block; an exception undoes all of it."""
        async with self._write() as session, session.begin():
            yield session

    async def ping(self) -> None:
        """Raise a driver error unless the database answers."""
        async with self._engine.connect() as connection:
            await connection.execute(sa.text("SELECT 1"))

    async def close(self) -> None:
        """Close every pooled connection."""
        await self._engine.dispose()


def _without_rows(context: ExceptionContext) -> None:
    """Take PostgreSQL's DETAIL out of an error: it quotes rows, and errors go to the log."""
    for error in (context.sqlalchemy_exception, context.original_exception):
        if error is not None and error.args and isinstance(error.args[0], str):
            error.args = (error.args[0].partition("\nDETAIL:")[0], *error.args[1:])
    cause = context.original_exception.__cause__
    if getattr(cause, "detail", None) is not None:
        cause.detail = None  # type: ignore[union-attr]  # asyncpg sets what the server sent


def with_driver(url: str, driver: str) -> str:
    """The same URL with SQLAlchemy's name of the driver: ``postgresql+<driver>://…``."""
    _, separator, rest = url.partition("://")
    if not separator:
        raise ValueError("a database URL looks like postgresql://user:password@host:port/name")
    return f"postgresql+{driver}://{rest}"


def migrate(url: str) -> None:
    """Bring schema ``app`` to its newest migration: one transaction, one process at a time.

    Args:
        url: ``postgresql://`` URL.

    Raises:
        DatabaseUnreachable: nothing answers there, or it refuses us.
    """
    from alembic import command  # here: a running API does not need it
    from alembic.config import Config

    engine = sa.create_engine(with_driver(url, "psycopg"), poolclass=sa.NullPool)
    try:
        with engine.begin() as connection:
            lock = sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK))
            connection.execute(lock)
            connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "heads")
    except OperationalError as error:
        raise DatabaseUnreachable(_unreachable(url, error)) from None
    finally:
        engine.dispose()


def _unreachable(url: str, error: OperationalError) -> str:
    place = sa.make_url(url)
    where = f"{place.host}:{place.port or 5432}/{place.database}"
    reason = str(error.orig).strip().splitlines()[0] if error.orig else "no answer"
    return f"no usable PostgreSQL at {where} ({reason}); start it, or correct CHOIR_DATABASE_URL"
