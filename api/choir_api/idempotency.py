"""``Idempotency-Key``: the effect and the memory of it are one transaction.

A key belongs to its caller and is taken by a transaction-scoped advisory lock, so a crash
leaves neither a half effect nor a key that is stuck. The same request again gets the same
``data``; another request under the same key is 422; one that comes while the first is being
worked on is 409.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, TypeVar

import orjson
import sqlalchemy as sa
from fastapi import Header, Request
from pydantic import BaseModel

from choir_api.auth.principal import Principal
from choir_api.db import WriteSession
from choir_api.deps import Deps
from choir_api.errors import InFlight, Unprocessable
from choir_api.middleware import add_headers
from choir_api.tables import idempotency_keys

T = TypeVar("T", bound=BaseModel)

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
        effect: works in the given transaction; what it raises undoes everything, the key too.

    Raises:
        InFlight: the key is being worked on.
        Unprocessable: the key was used for another request.
    """
    if key is None:
        async with deps.database.write() as session:
            return await effect(session)
    fingerprint = _fingerprint(request, body)
    now = deps.now()
    owned = (
        idempotency_keys.c.owner == principal.caller,
        idempotency_keys.c.key == key,
    )
    async with deps.database.write() as session:
        lock = sa.func.pg_try_advisory_xact_lock(_lock_number(principal.caller, key))
        if not (await session.execute(sa.select(lock))).scalar_one():
            raise InFlight("a request with this Idempotency-Key has not ended; ask again shortly")
        await session.execute(
            sa.delete(idempotency_keys).where(idempotency_keys.c.expires_at <= now)
        )
        known = (await session.execute(sa.select(idempotency_keys).where(*owned))).one_or_none()
        if known is not None:
            if known.fingerprint != fingerprint:
                raise Unprocessable(
                    "this Idempotency-Key was used for another request; take a new one"
                )
            add_headers(request, {"Idempotency-Replayed": "true"})
            return kind.model_validate_json(known.body)
        answer = await effect(session)
        await session.execute(
            sa.insert(idempotency_keys).values(
                owner=principal.caller,
                key=key,
                fingerprint=fingerprint,
                status=200,
                body=answer.model_dump_json().encode(),
                created_at=now,
                expires_at=now + timedelta(seconds=deps.settings.idempotency_ttl_s),
            )
        )
        return answer


def _fingerprint(request: Request, body: BaseModel) -> bytes:
    what = [
        request.method,
        request.scope["path"],
        request.url.query,
        body.model_dump(mode="json"),
    ]
    return hashlib.sha256(orjson.dumps(what, option=orjson.OPT_SORT_KEYS)).digest()


def _lock_number(owner: str, key: str) -> int:
    """64 bits for PostgreSQL's lock; a collision only makes two callers wait for each other."""
    digest = hashlib.sha256(f"idempotency\0{owner}\0{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
