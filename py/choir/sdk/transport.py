"""HTTP to the API: the waits between attempts, and refusals as exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import httpx
import orjson

from choir.clock import Clock
from choir.sdk.errors import ApiError, ApiRateLimited, ApiUnreachable

RETRY_S: Final = (1.0, 5.0, 30.0)
"""Waits before asking again when the server is busy or away; then it fails."""
_AGAIN = frozenset({429, 502, 503, 504})


class Transport:
    """Requests to one server.

    Args:
        http: with the server as its base URL.
        clock: waits between attempts.
    """

    def __init__(self, http: httpx.AsyncClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        repeatable: bool = True,
    ) -> Any:
        """The envelope of an answer that went well.

        What changes something carries an Idempotency-Key, so that asking again is harmless.

        Args:
            repeatable: False where a second attempt could do harm (a refresh token counts once).

        Raises:
            ApiError, ApiRateLimited: refused.
            ApiUnreachable: no usable answer, after every wait.
        """
        if method == "POST":
            headers = {**headers, "Idempotency-Key": uuid4().hex}
        query = {name: value for name, value in (query or {}).items() if value is not None}
        waits = iter(RETRY_S if repeatable else ())
        while True:
            try:
                answer = await self._http.request(
                    method, path, headers=dict(headers), json=body, params=query
                )
            except httpx.HTTPError as error:
                failure: Exception = ApiUnreachable(
                    f"{self._http.base_url} does not answer {method} {path}: "
                    f"{error or type(error).__name__}"
                )
            else:
                if answer.is_success:
                    return _envelope(answer)
                failure = _refusal(answer)
                if answer.status_code not in _AGAIN and _code(failure) != "in_flight":
                    raise failure
                # what became of a transaction is to be asked, not tried again
                if _code(failure) == "outcome_unknown":
                    raise failure
            wait = next(waits, None)
            if wait is None:
                raise failure
            asked = _retry_after(failure)
            if asked > RETRY_S[-1]:
                raise failure
            await self._clock.sleep(max(wait, asked))


def _envelope(answer: httpx.Response) -> Any:
    try:
        return orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        raise ApiUnreachable(f"{answer.url} does not speak this API") from None


def _refusal(answer: httpx.Response) -> ApiError:
    try:
        parsed = orjson.loads(answer.content)
        error, metadata = parsed["error"], parsed["metadata"]
        message, code = error["message"], error["code"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        message = f"HTTP {answer.status_code} from {answer.url}, not in this API's form"
        return ApiError(message, status=answer.status_code, code="unknown")
    kind = ApiRateLimited if answer.status_code == 429 else ApiError
    details = dict(error.get("details") or {})
    if "retry-after" in answer.headers:
        details.setdefault("retry_after_s", answer.headers["retry-after"])
    return kind(
        message,
        status=answer.status_code,
        code=code,
        field=error.get("field"),
        details=details,
        request_id=metadata.get("request_id"),
    )


def _code(failure: Exception) -> str | None:
    return failure.code if isinstance(failure, ApiError) else None


def _retry_after(failure: Exception) -> float:
    if not isinstance(failure, ApiError):
        return 0.0
    try:
        return float(failure.details.get("retry_after_s", 0))
    except (TypeError, ValueError):
        return 0.0
