"""How far the mirror is, what it holds, and what an operator should know of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from solders.pubkey import Pubkey
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from choir.errors import RpcError
from choir.rpc import HttpRpc
from choir_indexer.settings import Settings
from choir_indexer.store import DatabaseUnreachable, NotMigrated, operations, read
from choir_indexer.store.errors import unreachable
from choir_indexer.store.writer import LEASE

__all__ = ["status"]


async def status(settings: Settings) -> dict[str, Any]:
    """For JSON; what is a list or another dict is a part of its own.

    Raises:
        DatabaseUnreachable: no PostgreSQL at the URL.
        NotMigrated: schema ``chain`` is not there, or older than this.
    """
    chain_slot: int | None = None
    trouble: str | None = None
    try:
        async with HttpRpc(settings.rpc_url) as rpc:
            chain_slot = await rpc.get_slot(commitment=settings.walked)
    except RpcError as error:
        trouble = str(error)
    _, _, rest = settings.database_url.partition("://")
    engine = create_async_engine(f"postgresql+asyncpg://{rest}", poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            mark = await read.watermark(connection)
            counts = await read.counts(connection)
            gaps = await operations.gaps(connection)
            rollbacks = await operations.rollbacks(connection)
            compared = await operations.last_reconciliation(connection)
            oldest = await operations.oldest_kept(connection)
            alerts = await operations.alerts(connection)
            programs = await read.program_watermarks(connection)
            holder = await operations.holder(connection, LEASE)
    except ProgrammingError:
        raise NotMigrated("schema chain is missing or older; run: choir-indexer migrate") from None
    except OSError as error:
        raise DatabaseUnreachable(unreachable(settings.database_url, str(error))) from None
    finally:
        await engine.dispose()
    behind = None
    if mark is not None and chain_slot is not None:
        behind = max(chain_slot - mark.slot, 0)
    return {
        "watermark": mark.slot if mark else None,
        "finalized": mark.finalized_slot if mark else None,
        "history_slot": mark.history_slot if mark else None,
        "events_whole": mark.events_whole if mark else None,
        "commitment": mark.commitment if mark else settings.commitment,
        "chain_slot": chain_slot,
        "lag_slots": behind,
        "node_trouble": trouble,
        "genesis_hash": mark.genesis_hash if mark else None,
        "program_id": mark.program_id if mark else settings.program_id,
        "lease": asdict(holder) if holder else None,
        "gaps": [asdict(gap) for gap in gaps],
        "rollbacks": rollbacks,
        "reconciled": compared,
        "kept": {
            "events_days": settings.indexer_keep_events_days,
            "transactions_days": settings.indexer_keep_transactions_days,
            "oldest_event": oldest["event"],
            "oldest_transaction": oldest["transaction"],
            "retired_slot": mark.retired_slot if mark else None,
            "retired_events_slot": mark.retired_events_slot if mark else None,
        },
        "alerts": [asdict(alert) for alert in alerts],
        "programs": [
            {
                "program": str(Pubkey(each.program)),
                "watermark": each.slot,
                "lag_slots": None if chain_slot is None else max(chain_slot - each.slot, 0),
                "history_slot": each.history_slot,
                "accounts": each.accounts,
                "events": each.events,
                "not_understood": each.not_understood,
                "gap": each.gap,
            }
            for each in programs
        ],
        "rows": asdict(counts),
    }
