"""``Idempotency-Key``: the effect and the memory of it are one transaction.

A key belongs to its caller. It is reserved in a short transaction of its own; then the effect
runs, and its transaction turns the reservation into the remembered answer. So a crash leaves no
half effect, and no key that is stuck for longer than the reservation's lease. The same request
again gets the same ``data``; another request under the same key is 422; one that comes while the
first is being worked on is 409.

An effect asks other services before it first uses its session: a session takes a connection
from the pool, and locks in the database, with its first statement only.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, TypeVar

import orjson
import sqlalchemy as sa
from fastapi import Header, Request
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from choir_api.auth.principal import Principal
from choir_api.db import WriteSession
from choir_api.deps import Deps
from choir_api.errors import InFlight, Unprocessable
from choir_api.middleware import add_headers
from choir_api.tables import idempotency_keys

log = logging.getLogger(__name__)

T = TypeVar("T", bound=BaseModel)
IN_FLIGHT = 0  # `status` of a key that is reserved
PURGED_AT_ONCE = 100

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="a name of your choice for this request: sent again with the same body "
        "within a day, it has no second effect and gets the same answer",
    ),
]


async def once(
    request: Request,
    deps: Deps,
    principal: Principal,
    key: str | None,
    body: BaseModel,
    kind: type[T],
    effect: Callable[[WriteSession], Awaitable[T]],
) -> T:
    """Run `effect` in one transaction, at most once for each key of the caller.

    Args:
        request: its route is part of what the key stands for.
        key: the header's value; None runs the effect without remembering it.
        body: what was asked for.
        kind: the effect's answer, to read a remembered one back.
        effect: works in the given transaction, after it has asked whom else it needs; what it
            raises undoes everything, the key too.

    Raises:
        InFlight: the key is being worked on.
        Unprocessable: the key was used for another request.
    """
    if key is None:
        async with deps.database.write() as session:
            return await effect(session)
    await purge(deps)
    claim = _Claim(deps, principal.caller, key, _fingerprint(request, body))
    known = await claim.take()
    if known is not None:
        add_headers(request, {"Idempotency-Replayed": "true"})
        return kind.model_validate_json(known)
    try:
        async with deps.database.write() as session:
            answer = await effect(session)
            await claim.keep(session, answer.model_dump_json().encode())
    except BaseException:
        # the effect is undone, so its key is free again; the lease frees it if this fails too
        await asyncio.shield(claim.give_back())
        raise
    return answer


async def purge(deps: Deps) -> None:
    """Forget some keys whose time is over, waiting for nobody."""
    table = idempotency_keys
    expired = (
        sa.select(table.c.owner, table.c.key)
        .where(table.c.expires_at <= deps.now())
        .limit(PURGED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    async with deps.database.write() as session:
        await session.execute(
            sa.delete(table).where(sa.tuple_(table.c.owner, table.c.key).in_(expired))
        )


class _Claim:
    """One request's hold on its key."""

    def __init__(self, deps: Deps, owner: str, key: str, fingerprint: bytes) -> None:
        self._deps = deps
        self._fingerprint = fingerprint
        self._reservation = deps.entropy.token(16)
        self._named = {"owner": owner, "key": key}
        self._row = (idempotency_keys.c.owner == owner, idempotency_keys.c.key == key)
        self._mine = (*self._row, idempotency_keys.c.reservation == self._reservation)

    async def take(self) -> bytes | None:
        """Reserve the key: None, or the answer that it stands for already.

        Raises:
            InFlight, Unprocessable: as `once` says.
        """
        now = self._deps.now()
        values = {
            "fingerprint": self._fingerprint,
            "status": IN_FLIGHT,
            "body": None,
            "reservation": self._reservation,
            "created_at": now,
            "expires_at": now + timedelta(seconds=self._deps.settings.idempotency_lease_s),
        }
        reserve = (
            insert(idempotency_keys)
            .values(**self._named, **values)
            .on_conflict_do_update(
                index_elements=[idempotency_keys.c.owner, idempotency_keys.c.key],
                set_=values,
                where=idempotency_keys.c.expires_at <= now,
            )
            .returning(idempotency_keys.c.reservation)
        )
        async with self._deps.database.write() as session:
            if (await session.execute(reserve)).one_or_none() is not None:
                return None
            known = (
                await session.execute(sa.select(idempotency_keys).where(*self._row))
            ).one_or_none()
        if known is not None and known.fingerprint != self._fingerprint:
            raise Unprocessable("this Idempotency-Key was used for another request; take a new one")
        if known is None or known.body is None:
            raise InFlight("a request with this Idempotency-Key has not ended; ask again shortly")
        answer: bytes = known.body
        return answer

    async def keep(self, session: WriteSession, body: bytes) -> None:
        """Remember the answer in the effect's transaction.

        Raises:
            InFlight: the lease ran out and the key is another request's now.
        """
        now = self._deps.now()
        ttl = timedelta(seconds=self._deps.settings.idempotency_ttl_s)
        kept = await session.execute(
            sa.update(idempotency_keys)
            .where(*self._mine)
            .values(status=200, body=body, reservation=None, expires_at=now + ttl)
            .returning(idempotency_keys.c.key)
        )
        if kept.one_or_none() is None:
            raise InFlight("this took too long and its Idempotency-Key was given away; ask again")

    async def give_back(self) -> None:
        """Free the key, if it is still this request's."""
        try:
            async with self._deps.database.write() as session:
                await session.execute(sa.delete(idempotency_keys).where(*self._mine))
        except (SQLAlchemyError, OSError) as error:
            log.warning("an Idempotency-Key stays reserved: %s", type(error).__name__)


def _fingerprint(request: Request, body: BaseModel) -> bytes:
    what = [
        request.method,
        request.scope["path"],
        request.url.query,
        body.model_dump(mode="json"),
    ]
    return hashlib.sha256(orjson.dumps(what, option=orjson.OPT_SORT_KEYS)).digest()
