"""Connections to write with: opened with a name, checked, and holding a lease.

A lease is a session lock on the connection that writes, so that losing the connection is losing
the lease: whoever cannot write cannot believe it may.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg

from choir_indexer.store.errors import DatabaseUnreachable, NotMigrated, unreachable
from choir_indexer.store.migrations import HEAD

__all__ = ["check_revision", "connect", "revision", "take_lease"]

NAME: Final = f"choir-indexer {os.getpid()}@{socket.gethostname()}"


async def connect(url: str) -> asyncpg.Connection[Any]:
    """A connection that PostgreSQL lists under this process's name. Raises DatabaseUnreachable."""
    try:
        return await asyncpg.connect(
            url, timeout=10, command_timeout=None, server_settings={"application_name": NAME}
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise DatabaseUnreachable(unreachable(url, str(error))) from None


async def take_lease(
    connection: asyncpg.Connection[Any],
    key: int,
    waiting: Callable[[], Awaitable[None]] | None,
) -> None:
    """Hold the advisory lock `key` for as long as the connection lives; `waiting` is called once
    when another connection has it."""
    if await connection.fetchval("SELECT pg_try_advisory_lock($1)", key):
        return
    if waiting is not None:
        await waiting()
    await connection.execute("SELECT pg_advisory_lock($1)", key)


async def revision(connection: asyncpg.Connection[Any]) -> str | None:
    """The revision of schema ``chain``, None where there is none."""
    if await connection.fetchval("SELECT to_regclass('chain.alembic_version')") is None:
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM chain.alembic_version")
    return found


async def check_revision(connection: asyncpg.Connection[Any]) -> None:
    """Raises NotMigrated unless schema ``chain`` is at its newest revision."""
    found = await revision(connection)
    if found is None:
        raise NotMigrated("schema chain is missing; run: choir-indexer migrate")
    if found != HEAD:
        raise NotMigrated(
            f"schema chain is at revision {found}, this program needs {HEAD};"
            " run: choir-indexer migrate (or a newer program)"
        )
