"""Making schema ``chain``, and making it anew."""

from __future__ import annotations

from pathlib import Path

from choir_indexer.store.errors import DatabaseUnreachable, unreachable

__all__ = ["HEAD", "migrate", "rebuild"]

SCHEMA = "chain"
HEAD = "chain_0010"
"""The newest revision: a worker that finds it need not load Alembic, which takes a second."""
MIGRATIONS = Path(__file__).parent.parent / "migrations"
# any constant will do, as long as nobody else in the database uses it
MIGRATION_LOCK = 0x63686F69725F6D69


def migrate(url: str) -> None:
    """Bring schema ``chain`` to its newest migration: one transaction, one process at a time.

    Args:
        url: ``postgresql://`` URL.

    Raises:
        DatabaseUnreachable: nothing answers there, or it refuses us.
    """
    _upgrade(url, drop=False)


def rebuild(url: str) -> None:
    """Drop schema ``chain`` with everything in it and make it anew, empty, in one transaction.

    Nothing is lost that the chain does not hold: the mirror fills itself again. The caller
    holds the lease of :mod:`choir_indexer.store.writer`, so that no worker is writing.

    Args:
        url: ``postgresql://`` URL.

    Raises:
        DatabaseUnreachable: nothing answers there, or it refuses us.
    """
    _upgrade(url, drop=True)


def _upgrade(url: str, *, drop: bool) -> None:
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config
    from sqlalchemy.exc import OperationalError

    engine = sa.create_engine(_with_psycopg(url), poolclass=sa.NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            if drop:
                connection.execute(sa.text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
            connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "heads")
    except OperationalError as error:
        raise DatabaseUnreachable(unreachable(url, str(error.orig or error))) from None
    finally:
        engine.dispose()


def _with_psycopg(url: str) -> str:
    _, separator, rest = url.partition("://")
    if not separator:
        raise DatabaseUnreachable(
            "a database URL looks like postgresql://user:password@host:port/name;"
            " correct CHOIR_DATABASE_URL"
        )
    return f"postgresql+psycopg://{rest}"
