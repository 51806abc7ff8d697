"""HTTP to ``/v1/spaces``: credentials, retries, and refusals as exceptions."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import httpx
import orjson

from choir.clock import Clock
from choir.spaces.errors import SpaceConflict, SpaceError, SpaceUnreachable

__all__ = ["RETRY_S", "Rest"]

RETRY_S: Final = (1.0, 5.0, 30.0)
"""Waits before asking again, when the server is busy or cannot be reached; then it fails."""
_AGAIN = {429, 502, 503, 504}


class Rest:
    """Requests of one credential to one server.

    Every request that changes something carries an ``Idempotency-Key``, so that it can be sent
    again safely.

    Args:
        http: with the server as its base URL; closed by whoever made it.
        credentials: makes the headers for each request.
        waits: seconds before asking again.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        credentials: Callable[[], Awaitable[Mapping[str, str]]],
        clock: Clock,
        waits: Sequence[float] = RETRY_S,
    ) -> None:
        self._http = http
        self._waits = tuple(waits)
        self._credentials = credentials
        self._clock = clock

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        key: str | None = None,
        counted: bool = False,
    ) -> Any:
        """The answer's JSON.

        Args:
            key: Idempotency-Key; by default one of this request's own.
            counted: the body has a counter that makes sending it again safe: no key.

        Raises:
            SpaceError: the server refused.
            SpaceUnreachable: it did not answer, or was busy each time.
        """
        headers: dict[str, str] = {}
        if method in ("POST", "PATCH") and not counted:
            headers["Idempotency-Key"] = key or uuid.uuid4().hex
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = orjson.dumps(body)
        waits = iter(self._waits)
        while True:
            headers.update(await self._credentials())
            try:
                answer = await self._http.request(
                    method, f"/v1/spaces{path}", content=content, params=query, headers=headers
                )
            except httpx.TransportError as error:
                failure: SpaceError = SpaceUnreachable(
                    f"{self._http.base_url} does not answer ({type(error).__name__})",
                    code="unreachable",
                )
                wait = next(waits, None)
            else:
                if answer.is_success:
                    return orjson.loads(answer.content) if answer.content else None
                failure = _failure(answer)
                if answer.status_code not in _AGAIN:
                    raise failure
                wait = _longer(next(waits, None), answer)
            if wait is None:
                raise failure
            await self._clock.sleep(wait)

    async def events(self, path: str) -> AsyncIterator[tuple[str, Any]]:
        """Server-sent events as (name, JSON), until the server ends them.

        Raises:
            SpaceError: the server refused.
        """
        timeout = httpx.Timeout(10.0, read=None)
        headers = await self._credentials()
        async with self._http.stream(
            "GET", f"/v1/spaces{path}", headers=headers, timeout=timeout
        ) as answer:
            if not answer.is_success:
                await answer.aread()
                raise _failure(answer)
            name, data = "message", ""
            async for line in answer.aiter_lines():
                if line.startswith("event:"):
                    name = line[6:].strip()
                elif line.startswith("data:"):
                    data += line[5:].strip()
                elif not line and data:
                    yield name, orjson.loads(data)
                    name, data = "message", ""


def _longer(wait: float | None, answer: httpx.Response) -> float | None:
    """The wait, or what the server asks for if that is longer."""
    asked = answer.headers.get("retry-after", "")
    return wait if wait is None or not asked.isdigit() else max(wait, float(asked))


def _failure(answer: httpx.Response) -> SpaceError:
    try:
        problem = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    message = problem.get("detail") or problem.get("title") or f"HTTP {answer.status_code}"
    code = problem.get("code") or "http"
    meta = problem.get("meta")
    if answer.status_code == 409 and isinstance(meta, dict) and "actual" in meta:
        return SpaceConflict(
            message,
            expected=meta["expected"],
            actual=meta["actual"],
            status=409,
            code=code,
            problem=problem,
        )
    return SpaceError(message, status=answer.status_code, code=code, problem=problem)
