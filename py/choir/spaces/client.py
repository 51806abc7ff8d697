"""Resonance spaces from Python.

::

    async with ResonanceClient(api_key="choir_…", base_url="https://api.example.org") as client:
        space = await client.spaces.create({"name": "team-room"})
        async with await client.sessions.open(space.id, role="writer") as session:
            session.on("telemetry", lambda t: print(t.coherence))
            session.on("delta", lambda d: print("version", d["toVersion"]))
            await session.shift_phase(3, 0.0123)
            print(session.version, session.phases)
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import httpx

from choir.clock import Clock, SystemClock
from choir.errors import InvalidInput
from choir.spaces.models import (
    Basis,
    Delta,
    Member,
    Role,
    SessionToken,
    Snapshot,
    Space,
    SpaceConfig,
    Telemetry,
)
from choir.spaces.rest import RETRY_S, Rest
from choir.spaces.session import Encoding, Session

__all__ = ["ResonanceClient", "Sessions", "Spaces"]

Members: TypeAlias = list[Member]  # inside Spaces, `list` is its method


class ResonanceClient:
    """A server of spaces, as one caller sees it.

    Args:
        api_key: a key with the scope ``spaces``; or
        token: an access token of a signed-in wallet, or an async function that gives a fresh
            one: it is asked before every request.
        base_url: where the API is.
        http: to use instead of a client of its own; stays open.
        clock: waits and times.
        waits: seconds before a request is made again that found the server busy or not at all.
        jitter: a number in [0, 1) for each wait before connecting again.

    Raises:
        InvalidInput: neither or both of `api_key` and `token`.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        token: str | Callable[[], Awaitable[str]] | None = None,
        base_url: str = "http://127.0.0.1:8000",
        http: httpx.AsyncClient | None = None,
        clock: Clock | None = None,
        waits: Sequence[float] = RETRY_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        if (api_key is None) == (token is None):
            raise InvalidInput("give either api_key or token")

        async def credentials() -> Mapping[str, str]:
            if api_key is not None:
                return {"X-Api-Key": api_key}
            bearer = await token() if callable(token) else token
            return {"Authorization": f"Bearer {bearer}"}

        self._own_http = http is None
        self._http = http or httpx.AsyncClient(base_url=base_url, timeout=30.0)
        clock = clock or SystemClock()
        rest = Rest(self._http, credentials, clock, waits)
        self.spaces = Spaces(rest)
        self.sessions = Sessions(rest, clock, jitter)

    async def aclose(self) -> None:
        """Closes the connections to the API; sessions are closed on their own."""
        if self._own_http:
            await self._http.aclose()

    async def __aenter__(self) -> ResonanceClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Spaces:
    """``client.spaces``. Methods raise `SpaceError` when the server refuses, and its subclass
    `SpaceUnreachable` when it does not answer.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def create(
        self, config: SpaceConfig | Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> Space:
        """A new space, owned by the caller.

        Args:
            config: as in the API, ``{"name": …, "basis": {"primes": […]}, …}``.
            key: Idempotency-Key, to repeat the request safely from another process.
        """
        body = _dump(config) if isinstance(config, SpaceConfig) else dict(config or {})
        return Space.model_validate(await self._rest.ask("POST", "", body=body, key=key))

    async def get(self, space_id: str) -> Space:
        """The space."""
        return Space.model_validate(await self._rest.ask("GET", f"/{space_id}"))

    async def list(self, *, page_size: int = 100) -> list[Space]:
        """All spaces the caller is a member of, newest first."""
        found: list[Space] = []
        cursor: str | None = None
        while True:
            query = {"page_size": page_size} | ({"cursor": cursor} if cursor else {})
            page = await self._rest.ask("GET", "", query=query)
            found += [Space.model_validate(each) for each in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    async def patch(self, space_id: str, changes: Mapping[str, Any]) -> Space:
        """Changes phases, operators, entropy, policy or status; what is not named stays."""
        made = await self._rest.ask("PATCH", f"/{space_id}", body=dict(changes))
        return Space.model_validate(made)

    async def replace_basis(self, space_id: str, basis: Basis | Mapping[str, Any]) -> Space:
        """A new basis: the next epoch."""
        body = _dump(basis) if isinstance(basis, Basis) else dict(basis)
        made = await self._rest.ask("POST", f"/{space_id}/basis", body=body)
        return Space.model_validate(made)

    async def snapshot(self, space_id: str, *, version: int | None = None) -> Snapshot:
        """The state, now or at an earlier version."""
        query = None if version is None else {"version": version}
        made = await self._rest.ask("GET", f"/{space_id}/snapshot", query=query)
        return Snapshot.model_validate(made)

    async def propose_delta(
        self, space_id: str, delta: Delta | Mapping[str, Any], *, key: str | None = None
    ) -> Snapshot:
        """Proposes a delta without a session; the state with it.

        Raises:
            SpaceConflict: it cannot be merged; read the snapshot and propose anew.
        """
        body = _dump(delta) if isinstance(delta, Delta) else dict(delta)
        made = await self._rest.ask("POST", f"/{space_id}/deltas", body=body, key=key)
        return Snapshot.model_validate(made)

    async def members(self, space_id: str) -> Members:
        """Who takes part."""
        made = await self._rest.ask("GET", f"/{space_id}/members")
        return [Member.model_validate(each) for each in made["items"]]

    async def put_member(self, space_id: str, wallet: str, role: Role) -> Member:
        """Makes a wallet a member, or gives it another role."""
        made = await self._rest.ask("PUT", f"/{space_id}/members/{wallet}", body={"role": role})
        return Member.model_validate(made)

    async def drop_member(self, space_id: str, wallet: str) -> None:
        """Takes a member out, or leaves."""
        await self._rest.ask("DELETE", f"/{space_id}/members/{wallet}")

    async def telemetry(self, space_id: str) -> AsyncIterator[Telemetry]:
        """Telemetry by server-sent events, until the server ends it."""
        async for name, made in self._rest.events(f"/{space_id}/telemetry"):
            if name == "telemetry":
                yield Telemetry.model_validate(made)


class Sessions:
    """``client.sessions``."""

    def __init__(self, rest: Rest, clock: Clock, jitter: Callable[[], float]) -> None:
        self._rest = rest
        self._clock = clock
        self._jitter = jitter

    async def token(
        self, space_id: str, *, role: Role | None = None, display_name: str = ""
    ) -> SessionToken:
        """Where to connect and with what, for a client of one's own."""
        body: dict[str, Any] = {"displayName": display_name}
        if role is not None:
            body["role"] = role
        made = await self._rest.ask("POST", f"/{space_id}/sessions", body=body)
        return SessionToken.model_validate(made)

    async def open(
        self,
        space_id: str,
        *,
        role: Role | None = None,
        display_name: str = "",
        kinds: Sequence[str] = ("deltas", "telemetry"),
        encoding: Encoding = "msgpack",
    ) -> Session:
        """Joins a space: connects, and has its state when this returns.

        Args:
            role: at most the caller's own; by default that.
            kinds: what to hear; without ``deltas`` there is no replica.
            encoding: of frames; falls back to JSON.

        Raises:
            SpaceError: no such space, or not with this role.
            SpaceClosed: the socket refuses the session.
        """

        async def another() -> SessionToken:
            return await self.token(space_id, role=role, display_name=display_name)

        async def settle(delta: Mapping[str, Any]) -> int:
            # no Idempotency-Key of its own: the session's counter names it
            made = await self._rest.ask(
                "POST", f"/{space_id}/deltas", body=dict(delta), counted=True
            )
            version: int = made["version"]
            return version

        session = Session(
            await another(),
            renew=another,
            settle=settle,
            clock=self._clock,
            kinds=kinds,
            encoding=encoding,
            jitter=self._jitter,
        )
        try:
            await session.ready()
        except BaseException:
            await session.aclose()
            raise
        return session


def _dump(model: SpaceConfig | Basis | Delta) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
