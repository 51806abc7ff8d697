"""Checks of the database, the indexer and the API."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from choir._urls import MASK, place_of, scrubbed
from choir.stack.doctor.findings import Finding, Problem, fail, ok, skip, warn

__all__ = ["Mirror", "check_api", "check_database", "check_indexer", "check_mirror"]

DATABASE, INDEXER, API = "database", "indexer", "API"
OLDEST_SERVER = 15
LAG_SLOTS = 150
"""A minute of slots."""
SCHEMAS = {"chain": "choir_indexer", "app": "choir_api"}
"""Which package's migrations make each schema."""
_MIGRATE = {"chain": "choir-indexer migrate", "app": "choir-api (it migrates at its start)"}
_REVISION = re.compile(r'^(down_)?revision\b[^=]*= "(\w+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mirror:
    """What a database says of the chain it mirrors; None where it has nothing yet."""

    genesis: str | None = None
    slot: int | None = None


async def check_database(url: str) -> tuple[Finding, Mirror | None]:
    """Whether the PostgreSQL server lets us in, is new enough, and has our schemas as we do."""
    try:
        import asyncpg
    except ImportError:
        advice = "pip install 'choir[indexer]'"
        return warn(DATABASE, Problem.PACKAGES_MISSING, "asyncpg is not installed", advice), None
    place = place_of(url)
    try:
        connection = await asyncpg.connect(url)
    except (
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
        asyncpg.InsufficientPrivilegeError,
    ) as error:
        said = _without_password(str(error), url)
        advice = "check user, password and database name in CHOIR_DATABASE_URL"
        return fail(DATABASE, Problem.DATABASE_REFUSED, f"{place}: {said}", advice), None
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        said = scrubbed(str(error), url) or type(error).__name__
        advice = (
            "start PostgreSQL there, or correct CHOIR_DATABASE_URL "
            "(postgresql://user:password@host:5432/name); without it `choir up` runs its own"
        )
        return fail(DATABASE, Problem.DATABASE_UNREACHABLE, f"{place}: {said}", advice), None
    try:
        version: Any = connection.get_server_version()
        if (old := _too_old(version.major)) is not None:
            return old, None
        if (other := await _schema(connection)) is not None:
            return other, None
        mirror = await _mirror(connection)
    finally:
        await connection.close(timeout=1)
    return ok(DATABASE, f"{place}, PostgreSQL {version.major}.{version.minor}"), mirror


def _without_password(text: str, url: str) -> str:
    """What the server said: it may name the user and the database, the password never."""
    credentials = url.partition("://")[2].rpartition("@")[0]
    password = credentials.partition(":")[2]
    for secret in {password, unquote(password)} - {""}:
        text = text.replace(secret, MASK)
    return text or "it does not let us in"


def _too_old(major: int) -> Finding | None:
    if major >= OLDEST_SERVER:
        return None
    return fail(
        DATABASE,
        Problem.DATABASE_TOO_OLD,
        f"PostgreSQL {major}",
        f"use {OLDEST_SERVER} or newer; without CHOIR_DATABASE_URL `choir up` runs its own",
    )


async def _schema(connection: Any) -> Finding | None:
    """The finding when a schema is not at the newest migration of the package that makes it."""
    for schema, package in SCHEMAS.items():
        known = _migrations(package)
        if not known or not await _exists(connection, f"{schema}.alembic_version"):
            continue  # not installed here, or made at the first start
        rows = await connection.fetch(f"SELECT version_num FROM {schema}.alembic_version")  # noqa: S608
        at = str(rows[0][0]) if rows else "none"
        newest = (set(known) - set(known.values())).pop()
        if at == newest:
            continue
        if at in known or at == "none":
            advice = f"run: {_MIGRATE[schema]}"
        else:
            advice = "a newer version of choir migrated it: install that one"
        found = f"schema {schema} is at {at}, this version needs {newest}"
        return fail(DATABASE, Problem.DATABASE_SCHEMA, found, advice)
    return None


def _migrations(package: str) -> dict[str, str]:
    """The migrations a package brings: revision -> the one before. The package is not imported."""
    spec = importlib.util.find_spec(package)
    made: dict[str, str] = {}
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for path in Path(place, "migrations", "versions").glob("*.py"):
            named = {bool(down): name for down, name in _REVISION.findall(path.read_text())}
            if False in named:
                made[named[False]] = named.get(True, "")
    return made


async def _exists(connection: Any, table: str) -> bool:
    return await connection.fetchval("SELECT to_regclass($1)", table) is not None


async def _mirror(connection: Any) -> Mirror:
    if not await _exists(connection, "chain.meta"):
        return Mirror()
    genesis = await connection.fetchval("SELECT genesis_hash FROM chain.meta")
    slot = await connection.fetchval("SELECT slot FROM chain.watermark")
    return Mirror(genesis, None if slot is None else int(slot))


def check_mirror(mirror: Mirror, genesis: str | None, slot: int | None) -> Finding:
    """Whether the database follows this chain, and how far it is, seen from the database alone.

    Args:
        mirror: what the database says.
        genesis: the node's genesis hash, None when no node answers.
        slot: the node's slot.
    """
    if mirror.genesis is None:
        return skip(INDEXER, "the database mirrors nothing yet")
    if genesis is not None and mirror.genesis != genesis:
        return fail(
            INDEXER,
            Problem.DATABASE_OTHER_CHAIN,
            f"the database mirrors chain {mirror.genesis}, the node is of {genesis}",
            "correct CHOIR_RPC_URL or CHOIR_DATABASE_URL, or fill the mirror anew: "
            "choir-indexer migrate --rebuild",
        )
    if mirror.slot is None or slot is None:
        return skip(INDEXER, "how far it is cannot be told without a node")
    behind = max(slot - mirror.slot, 0)
    if behind > LAG_SLOTS:
        return fail(
            INDEXER,
            Problem.INDEXER_LAGGING,
            f"the mirror is at slot {mirror.slot}, {behind} behind the chain",
            "see that choir-indexer runs (its log says what stops it); `choir-indexer status` "
            "tells whether it moves",
        )
    return ok(INDEXER, f"the mirror is at slot {mirror.slot}, {behind} behind the chain")


async def check_indexer(url: str) -> Finding:
    """Whether the indexer's own server answers, and says that it is current."""
    answer = await _get(f"{url}/health")
    place = place_of(url)
    if isinstance(answer, str):
        return fail(
            INDEXER,
            Problem.INDEXER_DEAD,
            f"{place}: {answer}",
            "start it with `choir-indexer run` (or `choir up`), "
            "or correct CHOIR_INDEXER_HOST and CHOIR_INDEXER_PORT",
        )
    status, body = answer
    if status != 200 or body.get("status") != "ok":
        trouble = body.get("trouble") or f"{body.get('phase', 'no phase')}, HTTP {status}"
        return fail(
            INDEXER,
            Problem.INDEXER_LAGGING,
            f"{place}: {body.get('lag_s', '?')} s behind, at slot {body.get('watermark')} of "
            f"{body.get('frontier')} ({trouble})",
            "its log says what stops it; while it catches up, wait",
        )
    return ok(INDEXER, f"{place}, at slot {body.get('watermark')}")


async def check_api(url: str) -> Finding:
    """Whether the API answers and is well."""
    answer = await _get(f"{url.rstrip('/')}/health")
    place = place_of(url)
    if isinstance(answer, str):
        advice = "start it with `choir up` or `choir-api`, or correct CHOIR_API_URL"
        return fail(API, Problem.API_UNREACHABLE, f"{place}: {answer}", advice)
    status, body = answer
    if "database" not in body:
        advice = (
            "stop that server or give the API another port (CHOIR_API_PORT), or correct the URL"
        )
        found = f"what answers at {place} is not Choir's API (HTTP {status})"
        return fail(API, Problem.API_NOT_CHOIR, found, advice)
    if status != 200:
        found = f"{place}: its database is {body['database']}"
        advice = "see the database's line above, and the API's log"
        return fail(API, Problem.API_FAILING, found, advice)
    return ok(API, place)


async def _get(url: str) -> tuple[int, Mapping[str, Any]] | str:
    """Status and JSON object of an answer ({} when it is none), or why there is no answer."""
    import httpx

    try:
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            answer = await http.get(url)
            body = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return scrubbed(str(error), url) or type(error).__name__
    except ValueError:
        body = {}
    return answer.status_code, body if isinstance(body, dict) else {}
