"""When an IDL has changed: what is kept as bytes is decoded again, before anything new is written.

The rows say by what they were decoded (`fingerprint`). Nothing is asked of the chain, unless kinds
are wanted that were not kept before: then the program's mirror begins anew.
"""

from __future__ import annotations

from typing import Any, Final

import asyncpg
import structlog

from choir_indexer.programs import sql
from choir_indexer.programs.config import ProgramConfig
from choir_indexer.programs.decoding import UNKNOWN, ProgramDecoding, as_json
from choir_indexer.programs.writer import ProgramWriter

__all__ = ["redecode_if_changed"]

PART: Final = 50  # rows in memory at once; an account may have ten megabytes

_ACCOUNTS: Final = """
    SELECT pubkey, data FROM chain.program_accounts
    WHERE program = $1 AND data IS NOT NULL ORDER BY pubkey
"""
_ACCOUNT: Final = """
    UPDATE chain.program_accounts SET kind = $3, value = $4, reason = $5
    WHERE program = $1 AND pubkey = $2
"""
# As if it had never been there: whoever is not kept has no row.
_DROP: Final = "DELETE FROM chain.program_accounts WHERE program = $1 AND pubkey = ANY($2::bytea[])"
_EVENTS: Final = """
    SELECT signature, ordinal, data, kind IS NULL AND reason IS NULL
    FROM chain.program_events WHERE program = $1 AND data IS NOT NULL
"""
_EVENT: Final = """
    UPDATE chain.program_events SET kind = $4, payload = $5, reason = $6
    WHERE program = $1 AND signature = $2 AND ordinal = $3
"""
_DONE: Final = """
    UPDATE chain.program_watermarks SET fingerprint = $2, kept = $3 WHERE program = $1
"""


async def redecode_if_changed(writer: ProgramWriter, config: ProgramConfig) -> bool:
    """Bring the program's rows to its IDL as it is now; whether there was anything to do.

    All or nothing, in one transaction. The caller holds the program's lease.
    """
    run, program = writer.connection, bytes(config.program)
    row = await run.fetchrow(
        "SELECT fingerprint, kept FROM chain.program_watermarks WHERE program = $1", program
    )
    if row is None or row[0] == config.fingerprint:
        return False
    log = structlog.get_logger("choir_indexer.programs").bind(program=str(config.program))
    before = None if row[1] is None else set(row[1])
    if before is not None and (config.kept is None or set(config.kept) - before):
        log.warning("kinds are wanted that were not kept; the program's mirror begins anew")
        async with run.transaction():
            for statement in sql.FORGET:
                await run.execute(statement, program)
        return True
    decoding = ProgramDecoding(config)
    kept = None if config.kept is None else list(config.kept)
    async with run.transaction():
        accounts = await _accounts(run, program, decoding)
        events = await _events(run, program, decoding)
        await run.execute(_DONE, program, config.fingerprint, kept)
    log.info("the IDL has changed; decoded again", accounts=accounts, events=events)
    return True


async def _accounts(run: asyncpg.Connection[Any], program: bytes, decoding: ProgramDecoding) -> int:
    cursor, count = await run.cursor(_ACCOUNTS, program), 0
    while rows := await cursor.fetch(PART):
        gone = [pubkey for pubkey, data in rows if not decoding.keeps(data)]
        changed = [
            (program, pubkey, *decoding.of_account(data))
            for pubkey, data in rows
            if decoding.keeps(data)
        ]
        await run.executemany(_ACCOUNT, changed)
        await run.execute(_DROP, program, gone)
        count += len(rows)
    return count


async def _events(run: asyncpg.Connection[Any], program: bytes, decoding: ProgramDecoding) -> int:
    cursor, count = await run.cursor(_EVENTS, program), 0
    while rows := await cursor.fetch(PART):
        changed = []
        for signature, ordinal, data, unknown in rows:
            kind, value, reason = decoding.of_event(data, logged=unknown)
            known = kind is not None and kind != UNKNOWN
            changed.append(
                (
                    program, signature, ordinal, kind if known else None,
                    as_json(value) if known else None, reason,
                )
            )  # fmt: skip
        await run.executemany(_EVENT, changed)
        count += len(rows)
    return count
