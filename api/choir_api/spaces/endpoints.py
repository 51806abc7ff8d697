"""``/v1/spaces``: spaces, their state, sessions, members and telemetry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from solders.pubkey import Pubkey
from sse_starlette import EventSourceResponse, ServerSentEvent

from choir.errors import InvalidInput
from choir.spaces.engine.merge import Conflict as MergeConflict
from choir.spaces.engine.merge import CounterGap
from choir.spaces.engine.state import State, snapshot
from choir.spaces.models import (
    Delta,
    Member,
    SessionToken,
    Snapshot,
    Space,
    SpaceConfig,
)
from choir_api.auth.dependencies import MaybePrincipal, require
from choir_api.auth.liveness import credential_of
from choir_api.auth.principal import Principal, Scope
from choir_api.db import WriteSession
from choir_api.deps import Deps, Given
from choir_api.errors import (
    Conflict,
    Unauthenticated,
    Unavailable,
    Unprocessable,
    ValidationFailed,
)
from choir_api.fields import Address
from choir_api.idempotency import IdempotencyKey, once
from choir_api.paging import Cursor, Cursors
from choir_api.spaces import members as membership
from choir_api.spaces import service, store
from choir_api.spaces.commit import Author
from choir_api.spaces.frames import KEY_STREAM, SESSION_STREAM
from choir_api.spaces.hub import LiveSpace, SpaceHub
from choir_api.spaces.schemas import (
    EXAMPLE,
    BasisRequest,
    MemberList,
    MemberRequest,
    SessionMade,
    SessionRequest,
    SpacePage,
    SpacePatch,
    problems,
)
from choir_api.spaces.tokens import SpaceClaims, SpaceTokenRefused, issue, read
from choir_api.spaces.visitor import Visitor

router = APIRouter(prefix="/spaces")

Caller = Annotated[Principal, Depends(require(Scope.SPACES))]
SpaceId = Annotated[
    str, Path(alias="id", pattern="^[a-z0-9_]{1,64}$", examples=["sp_mfrggzdfmztwq2lknnwg23tp"])
]
PageSize = Annotated[int, Query(ge=1, le=500, description="spaces a page")]
LISTING = "spaces"


def given_hub(deps: Given) -> SpaceHub:
    """The hub of this process.

    Raises:
        Unavailable: it runs without.
    """
    if deps.spaces is None:
        raise Unavailable("this process does not serve spaces")
    return deps.spaces


Hub = Annotated[SpaceHub, Depends(given_hub)]


@router.post(
    "",
    status_code=201,
    tags=["Spaces"],
    responses=problems(400, 401, 403, 409, 413, 422),
    openapi_extra={
        "requestBody": {
            "content": {"application/json": {"examples": {"basic": {"value": EXAMPLE}}}}
        }
    },
)
async def create_space(
    request: Request, deps: Given, caller: Caller, body: SpaceConfig, key: IdempotencyKey = None
) -> Space:
    """Create a resonance space; the caller owns it."""

    async def effect(session: WriteSession) -> Space:
        return await service.create(session, deps, caller, body)

    return await once(request, deps, caller, key, body, Space, effect)


@router.get("", tags=["Spaces"], responses=problems(400, 401, 403))
async def list_spaces(
    deps: Given, caller: Caller, cursor: Cursor = None, page_size: PageSize = 100
) -> SpacePage:
    """The spaces the caller is a member of, newest first."""
    cursors = Cursors(deps.settings.signing_secret())
    listing = f"{LISTING}:{caller.wallet}"
    after = cursors.read(listing, cursor)
    where = (datetime.fromisoformat(after[0]), str(after[1])) if after else None
    async with deps.database.read() as session:
        rows = await store.listed(session, bytes(caller.wallet), where, page_size + 1)
    more = len(rows) > page_size
    rows = rows[:page_size]
    next_cursor = None
    if more:
        last = rows[-1]
        next_cursor = cursors.make(listing, [last.created_at.isoformat(), last.id])
    return SpacePage(items=[service.space_of(row) for row in rows], next_cursor=next_cursor)


@router.get("/{id}", tags=["Spaces"], responses=problems(400, 401, 403, 404))
async def get_space(deps: Given, caller: Caller, space_id: SpaceId) -> Space:
    """A space, without its state."""
    async with deps.database.read() as session:
        return service.space_of((await service.see(session, space_id, caller.wallet)).row)


@router.patch("/{id}", tags=["Spaces"], responses=problems(400, 401, 403, 404, 409, 413, 422, 503))
async def patch_space(
    deps: Given,
    hub: Hub,
    caller: Caller,
    space_id: SpaceId,
    body: SpacePatch,
    key: IdempotencyKey = None,
) -> Space:
    """Change phases, operators, entropy, policy or status; what is not named stays."""
    with _translated():
        return await service.patch(deps, hub, caller, space_id, body, key)


@router.post(
    "/{id}/basis",
    tags=["Spaces"],
    responses=problems(400, 401, 403, 404, 409, 413, 422, 503),
)
async def replace_basis(
    deps: Given,
    hub: Hub,
    caller: Caller,
    space_id: SpaceId,
    body: BasisRequest,
    key: IdempotencyKey = None,
) -> Space:
    """Replace the basis: the next epoch, with new phases. Deltas for the old one conflict."""
    return await service.replace_basis(deps, hub, caller, space_id, body, key)


# state


@router.get("/{id}/snapshot", tags=["State"], responses=problems(400, 401, 403, 404, 503))
async def get_snapshot(
    deps: Given,
    hub: Hub,
    caller: Caller,
    space_id: SpaceId,
    version: Annotated[
        int | None, Query(ge=0, le=2**53 - 1, description="a version that has been; the newest")
    ] = None,
) -> Snapshot:
    """The state, now or at an earlier version."""
    async with deps.database.read() as session:
        seen = await service.see(session, space_id, caller.wallet)
        if version is not None and version < seen.row.version:
            loaded = await store.load(session, space_id, version=version)
            assert loaded is not None, "every space has a snapshot of its first version"
            return snapshot(space_id, loaded.state)
    if version is not None and version > seen.row.version:
        raise ValidationFailed(f"the space is at version {seen.row.version}", field="query.version")
    return snapshot(space_id, (await hub.open(space_id)).state)


@router.post(
    "/{id}/deltas", tags=["State"], responses=problems(400, 401, 403, 404, 409, 413, 422, 503)
)
async def propose_delta(
    deps: Given,
    hub: Hub,
    caller: Caller,
    space_id: SpaceId,
    body: Delta,
    key: IdempotencyKey = None,
) -> Snapshot:
    """Propose a delta. The answer is the state with it, after it is stored.

    Sending a delta again is safe with an `Idempotency-Key`, or with the `counter` of a session:
    the repeat is answered as the first was.
    """
    stream = SESSION_STREAM + body.session_id if body.session_id else "rest"
    if key is not None:
        stream, body = KEY_STREAM + key, body.model_copy(update={"counter": 1})
    try:
        with _translated():
            accepted = await hub.propose(
                space_id, Author(bytes(caller.wallet)), body, stream=stream
            )
    except Conflict as error:
        if key is None or error.code != "counter_reused":
            raise
        raise Unprocessable(
            "this Idempotency-Key was used for another request; take a new one"
        ) from None
    state = accepted.state or await _state_at(deps, space_id, accepted.entry.version)
    return snapshot(space_id, state)


async def _state_at(deps: Deps, space_id: str, version: int) -> State:
    async with deps.database.read() as session:
        loaded = await store.load(session, space_id, version=version)
    assert loaded is not None, "a committed delta has its state"
    return loaded.state


# sessions and members


@router.post(
    "/{id}/sessions",
    status_code=201,
    tags=["Sessions"],
    responses=problems(400, 401, 403, 404, 409, 413, 422),
)
async def open_session(
    request: Request,
    deps: Given,
    caller: Caller,
    space_id: SpaceId,
    body: SessionRequest,
    key: IdempotencyKey = None,
) -> SessionToken:
    """Create a live session: where to connect, and the token to connect with."""

    async def effect(session: WriteSession) -> SessionMade:
        return await membership.open_session(session, deps, caller, space_id, body)

    made = await once(request, deps, caller, key, body, SessionMade, effect)
    claims = SpaceClaims(
        wallet=bytes(caller.wallet),
        space_id=space_id,
        session_id=made.session_id,
        expires_at=datetime.fromtimestamp(made.expires_at, UTC),
    )
    return SessionToken(
        space_id=space_id,
        session_id=str(made.session_id),
        websocket_url=f"{_realtime_url(deps)}/spaces/{space_id}",
        sse_url=str(request.url_for("stream_telemetry", id=space_id)),
        token=issue(deps.settings.signing_secret(), claims),
        expires_in=max(0, int(made.expires_at - deps.clock.now())),
        role=made.role,
    )


def _realtime_url(deps: Deps) -> str:
    settings = deps.settings
    if settings.realtime_url is not None:
        return settings.realtime_url.rstrip("/")
    return f"ws://{settings.realtime_host}:{settings.realtime_port}"


@router.get("/{id}/members", tags=["Members"], responses=problems(400, 401, 403, 404))
async def list_members(deps: Given, caller: Caller, space_id: SpaceId) -> MemberList:
    """Who takes part, the first to join first."""
    async with deps.database.read() as session:
        await service.see(session, space_id, caller.wallet)
        rows = await store.member_rows(session, space_id)
    return MemberList(items=[service.member_of(row) for row in rows])


Wallet = Annotated[Address, Path(alias="wallet")]


@router.put(
    "/{id}/members/{wallet}",
    tags=["Members"],
    responses=problems(400, 401, 403, 404, 409, 413, 503),
)
async def put_member(
    deps: Given, hub: Hub, caller: Caller, space_id: SpaceId, wallet: Wallet, body: MemberRequest
) -> Member:
    """Make a wallet a member, or give it another role; open sockets follow at once."""
    return await membership.put_member(deps, hub, caller, space_id, wallet, body.role)


@router.delete(
    "/{id}/members/{wallet}",
    status_code=204,
    tags=["Members"],
    responses=problems(400, 401, 403, 404, 409, 503),
)
async def drop_member(
    deps: Given, hub: Hub, caller: Caller, space_id: SpaceId, wallet: Wallet
) -> None:
    """Take a member out, or leave; its sockets close at once."""
    await membership.drop_member(deps, hub, caller, space_id, wallet)


# telemetry


async def _watcher(
    deps: Given,
    found: MaybePrincipal,
    space_id: SpaceId,
    token: Annotated[
        str | None, Query(description="of a session; for browsers, which send no headers here")
    ] = None,
) -> Visitor:
    if token is not None and found is None:
        try:
            claims = read(deps.settings.signing_secret(), token, space_id, deps.now())
        except SpaceTokenRefused as error:
            raise Unauthenticated(str(error), code="token_refused") from None
        async with deps.database.read() as session:
            living = await store.living_session(
                session, claims.session_id, claims.wallet, deps.now()
            )
        if living is None:
            raise Unauthenticated("the session was ended; sign in again", code="session_ended")
        return Visitor(
            wallet=claims.wallet,
            space_id=space_id,
            credential=living.auth_session_id or living.api_key_id,
            expires_at=claims.expires_at,
        )
    principal = await require(Scope.SPACES)(found)
    return Visitor(
        wallet=bytes(principal.wallet),
        space_id=space_id,
        credential=credential_of(principal),
        expires_at=datetime.max.replace(tzinfo=UTC),  # with its session or key
    )


@router.get(
    "/{id}/telemetry",
    name="stream_telemetry",
    tags=["Telemetry"],
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "text/event-stream of Telemetry JSON",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **problems(400, 401, 403, 404, 503),
    },
)
async def stream_telemetry(
    deps: Given, hub: Hub, space_id: SpaceId, watcher: Annotated[Visitor, Depends(_watcher)]
) -> EventSourceResponse:
    """Server-sent events: the latest telemetry at once, then 5 to 20 a second."""
    async with deps.database.read() as session:
        await service.see(session, space_id, Pubkey.from_bytes(watcher.wallet))
    live = await hub.open(space_id)
    return EventSourceResponse(
        _events(hub, live, watcher),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(
    hub: SpaceHub, live: LiveSpace, watcher: Visitor
) -> AsyncIterator[ServerSentEvent]:
    ended = asyncio.Event()
    watcher.end = lambda _code, _reason: ended.set()
    with hub.watching(live, watcher):
        await hub.recheck([watcher])  # it may have ended before we could hear of it
        async for telemetry in live.ticker.stream(ended):
            yield ServerSentEvent(
                telemetry.model_dump_json(by_alias=True), event="telemetry", id=str(telemetry.t)
            )


@contextmanager
def _translated() -> Iterator[None]:
    """The engine's refusals as answers."""
    try:
        yield
    except MergeConflict as error:
        raise Conflict(
            str(error),
            code=error.code,
            details=_expected(error.expected, error.actual, paths=list(error.at)),
        ) from None
    except CounterGap as error:
        raise Conflict(
            str(error), code="counter_gap", details=_expected(error.expected, error.got)
        ) from None
    except InvalidInput as error:
        raise ValidationFailed(str(error), code="invalid_op", field="body.ops") from None


def _expected(expected: int, actual: int, **more: object) -> dict[str, object]:
    return {"meta": {"expected": expected, "actual": actual, **more}}
