"""Floors under privacy levels, so that a change counts from the moment it is acknowledged.

Reads know a thread's level from the mirror, which follows the chain at a distance. Whoever
submits a change of level through this API is answered only when a *floor* stands in the
database: until the mirror is complete to the floor's slot, the thread counts as being of at
least that level. The stricter of the two always wins, so that a loosened level counts when
the mirror has it, and a tightened one at once.

A change by a co-author holds from before it is sent, up to a slot by which it has landed or
never will; landing moves that slot to the one it landed at, before the answer. A floor belongs
to one chain: another one's slots say nothing about it.

What is sent to the chain around this API has no floor; the mirror alone tells of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Protocol, TypeVar

import sqlalchemy as sa
from solders.transaction import VersionedTransaction
from sqlalchemy.dialects.postgresql import insert

from choir.idl import load_idl
from choir.ids import PROGRAM_ID
from choir.privacy import Level
from choir_api.chain.failures import translated
from choir_api.db import ReadSession, WriteSession
from choir_api.deps import Deps
from choir_api.errors import ApiError, Unavailable
from choir_api.tables import privacy_floors
from choir_indexer.store import schema as chain

# A transaction lives for 150 blocks; many more slots than blocks go by only on an ailing chain,
# and what lands after that has not been acknowledged.
LIFE_SLOTS = 1000
# what a refusal with one of these was about may yet run, or has
_MAY_RUN = frozenset({"already_processed", "blockhash_expired"})


class HasSlot(Protocol):
    """What a transaction that ran is answered with."""

    @property
    def slot(self) -> int:
        """Where it ran."""
        ...


T = TypeVar("T", bound=HasSlot)


@dataclass(frozen=True, slots=True)
class Change:
    """A transaction's wish to set a thread's level."""

    author: bytes
    thread: bytes
    level: Level


def changes_of(transaction: VersionedTransaction) -> list[Change]:
    """The changes of level in a transaction, as its instructions ask for them."""
    keys = transaction.message.account_keys
    found = []
    for step in transaction.message.instructions:
        if keys[step.program_id_index] != PROGRAM_ID:
            continue
        data, accounts = bytes(step.data), bytes(step.accounts)
        if data[:8] != _SET_PRIVACY or len(data) < 9 or len(accounts) < len(_ACCOUNTS):
            continue
        if data[8] not in set(Level):  # the program refuses it
            continue
        author, thread = (keys[accounts[_ACCOUNTS.index(name)]] for name in ("author", "thread"))
        found.append(Change(bytes(author), bytes(thread), Level(data[8])))
    return found


async def held(
    deps: Deps, transaction: VersionedTransaction, send: Callable[[], Awaitable[T]]
) -> T:
    """What `send` answers, with floors under the levels that the transaction sets.

    Raises:
        Unavailable: the node cannot be asked.
        ApiError: as `send` raises it.
    """
    changes = changes_of(transaction)
    if not changes:
        return await send()
    signature = bytes(transaction.signatures[0])
    rpc = deps.sender.rpc
    with translated():
        genesis = str(await rpc.get_genesis_hash())
        until = await rpc.get_slot(commitment=deps.settings.commitment) + LIFE_SLOTS
    async with deps.database.write() as session:
        # of others the program will not take it, and they must not hide a thread by trying
        by_authors = await _of_co_authors(session, changes)
        await _lay(session, by_authors, signature, genesis, until, landed=False)
    try:
        landed = await send()
    except Unavailable:
        raise  # nobody knows whether it runs
    except ApiError as refusal:
        if refusal.code not in _MAY_RUN:
            async with deps.database.write() as session:
                await _lift(session, signature, until)
        raise
    async with deps.database.write() as session:
        await _lay(session, changes, signature, genesis, landed.slot, landed=True)
    return landed


async def floors(
    session: ReadSession | WriteSession, threads: Collection[bytes]
) -> dict[bytes, Level]:
    """The floors under these threads in this snapshot; most have none."""
    f = privacy_floors.c
    mirrored = sa.select(chain.watermark.c.slot).scalar_subquery()
    genesis = sa.select(chain.meta.c.genesis_hash).scalar_subquery()
    query = (
        sa.select(f.thread, sa.func.max(f.level))
        .where(
            f.thread.in_(list(threads)),
            f.slot > sa.func.coalesce(mirrored, -1),
            f.genesis_hash == sa.func.coalesce(genesis, f.genesis_hash),
        )
        .group_by(f.thread)
    )
    return {thread: Level(level) for thread, level in (await session.execute(query)).all()}


async def _of_co_authors(session: WriteSession, changes: list[Change]) -> list[Change]:
    t = chain.threads.c
    query = sa.select(t.pubkey, t.co_authors).where(
        t.pubkey.in_([change.thread for change in changes])
    )
    authors = {row.pubkey: set(row.co_authors) for row in await session.execute(query)}
    return [change for change in changes if change.author in authors.get(change.thread, ())]


async def _lay(
    session: WriteSession,
    changes: list[Change],
    signature: bytes,
    genesis: str,
    slot: int,
    *,
    landed: bool,
) -> None:
    f = privacy_floors.c
    strictest: dict[bytes, Level] = {}
    for change in changes:
        strictest[change.thread] = max(change.level, strictest.get(change.thread, Level.PUBLIC))
    for thread, level in sorted(strictest.items()):
        # until it is final the mirror may have to take the change back, and needs the floor again
        final = sa.select(chain.watermark.c.finalized_slot).scalar_subquery()
        await session.execute(
            sa.delete(privacy_floors).where(
                f.thread == thread, f.genesis_hash == genesis, f.slot <= final
            )
        )
        row = {
            "thread": thread, "signature": signature, "genesis_hash": genesis,
            "level": int(level), "slot": slot,
        }  # fmt: skip
        statement = insert(privacy_floors).values(row)
        key = ["thread", "signature"]
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=key, set_={"slot": slot, "genesis_hash": genesis}
            )
            if landed
            else statement.on_conflict_do_nothing(index_elements=key)
        )


async def _lift(session: WriteSession, signature: bytes, slot: int) -> None:
    """Take back what was laid before sending; the slot tells it from what has landed."""
    f = privacy_floors.c
    await session.execute(sa.delete(privacy_floors).where(f.signature == signature, f.slot == slot))


_INSTRUCTION = next(each for each in load_idl()["instructions"] if each["name"] == "set_privacy")
_SET_PRIVACY = bytes(_INSTRUCTION["discriminator"])
_ACCOUNTS = [each["name"] for each in _INSTRUCTION["accounts"]]
