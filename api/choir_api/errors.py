"""What the API refuses, and how it says so.

::

    ApiError
    ├── ValidationFailed     400   a field is wrong; `field` names it
    ├── Unauthenticated      401   no identity, or one that no longer counts
    ├── Forbidden            403   a known identity without the right
    ├── NotFound             404
    ├── Conflict             409   the state says no
    │   └── InFlight         409   the same idempotency key is being worked on
    ├── PreconditionFailed   412   the caller's view of the state is old
    ├── TooLarge             413
    ├── Unprocessable        422   an idempotency key was used for another request
    ├── RateLimited          429   `Retry-After` says when
    └── Unavailable          503   something behind the API does not answer

Thread routes answer ``{data, error, metadata}``; routes of spaces answer RFC 9457 problem
documents. An error never carries internals: anything else that is raised becomes a 500 with
the request's id, and the log has the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError, TimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from choir_api.responses import ErrorBody, FieldError, failure, request_id

log = logging.getLogger("choir_api")

# SQLSTATE of an undefined table or schema: the indexer has not made the mirror yet
_NOT_THERE_YET = frozenset({"42P01", "3F000"})
PROBLEM_JSON = "application/problem+json"
PROBLEM_PREFIXES = ("/v1/spaces",)


class ApiError(Exception):
    """A refusal with a status and a code; `message` says what, where and what to do.

    Args:
        message: for a person.
        code: for a program; the class has a default.
        field: the request's field that is to blame, dotted.
        details: numbers and names a program can act on; never internals.
        headers: sent with the answer.
    """

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.field = field
        self.details = dict(details or {})
        self.headers = dict(headers or {})


class ValidationFailed(ApiError):
    """The request does not say what it must; `field` names the place."""

    status = 400
    default_code = "validation"
    title = "Invalid request"


class Unauthenticated(ApiError):
    """Nobody we know asks."""

    status = 401
    default_code = "unauthenticated"
    title = "Sign in first"

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__(message, **more)
        self.headers.setdefault("WWW-Authenticate", 'Bearer realm="choir"')


class Forbidden(ApiError):
    """Somebody we know asks for what is not theirs."""

    status = 403
    default_code = "forbidden"
    title = "Not allowed"


class NotFound(ApiError):
    """There is no such thing, or not for this viewer."""

    status = 404
    default_code = "not_found"
    title = "Not found"


class Conflict(ApiError):
    """The present state does not allow it."""

    status = 409
    default_code = "conflict"
    title = "Conflict"


class InFlight(Conflict):
    """Another request with the same idempotency key has not ended."""

    default_code = "in_flight"


class PreconditionFailed(ApiError):
    """The request was made for a state that has passed."""

    status = 412
    default_code = "precondition"
    title = "Precondition failed"


class TooLarge(ApiError):
    """The body passes the limit."""

    status = 413
    default_code = "too_large"
    title = "Body too large"


class Unprocessable(ApiError):
    """An idempotency key comes back with another request."""

    status = 422
    default_code = "idempotency_reuse"
    title = "Idempotency key reused"


class RateLimited(ApiError):
    """More than the allowance; the answer's ``Retry-After`` says when to come again."""

    status = 429
    default_code = "rate_limited"
    title = "Too many requests"

    def __init__(self, message: str, *, retry_after_s: int, **more: Any) -> None:
        super().__init__(message, **more)
        self.headers["Retry-After"] = str(retry_after_s)
        self.details["retry_after_s"] = retry_after_s


class Unavailable(ApiError):
    """The database, the chain or the mirror does not answer now."""

    status = 503
    default_code = "unavailable"
    title = "Temporarily unavailable"


def render(request: Request, error: ApiError, errors: list[FieldError] | None = None) -> Response:
    """The answer for a refusal, in the form its route speaks."""
    if _speaks_problems(request):
        document: dict[str, Any] = {
            "type": f"urn:choir:error:{error.code}",
            "title": error.title,
            "status": error.status,
            "detail": error.message,
            "instance": request.url.path,
            "code": error.code,
            "request_id": request_id(request),
            **error.details,
        }
        if errors:
            document["errors"] = [each.model_dump() for each in errors]
        return JSONResponse(document, error.status, headers=error.headers, media_type=PROBLEM_JSON)
    body = ErrorBody(
        code=error.code,
        message=error.message,
        field=error.field,
        details=error.details,
        errors=errors or [],
    )
    content = failure(request, body).model_dump(mode="json")
    return JSONResponse(content, error.status, headers=error.headers)


def install(app: FastAPI) -> None:
    """Give the application its exception handlers."""
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(SQLAlchemyError, _on_database)
    app.add_exception_handler(ConnectionError, _on_database)
    app.add_exception_handler(Exception, _on_anything)


def _speaks_problems(request: Request) -> bool:
    path: str = request.scope["path"]
    return any(path == each or path.startswith(f"{each}/") for each in PROBLEM_PREFIXES)


async def _on_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return render(request, error)


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        FieldError(field=".".join(str(part) for part in each["loc"]), message=str(each["msg"]))
        for each in error.errors()
    ]
    first = errors[0]
    refusal = ValidationFailed(f"{first.field}: {first.message}", field=first.field)
    return render(request, refusal, errors)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refusal = ApiError(str(error.detail), headers=error.headers)
    refusal.code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(
        error.status_code, "validation" if error.status_code < 500 else "internal"
    )
    if error.status_code == 404:
        refusal.message = f"there is no route {request.url.path}; /openapi.json lists them"
    elif error.status_code == 405:
        refusal.message = f"{request.url.path} does not take {request.method}"
    return _with_status(request, refusal, error.status_code)


async def _on_database(request: Request, error: Exception) -> Response:
    """The server is gone, or the mirror's tables are not there yet: both pass by themselves."""
    absent = getattr(getattr(error, "orig", None), "sqlstate", None) in _NOT_THERE_YET
    gone = isinstance(error, OperationalError | InterfaceError | TimeoutError | ConnectionError)
    if not (absent or gone):
        return await _on_anything(request, error)
    log.warning("request %s: the database: %s", request_id(request), error)
    what = "the mirror of the chain is not there yet" if absent else "the database does not answer"
    return render(request, Unavailable(f"{what}; try again shortly", headers={"Retry-After": "1"}))


async def _on_anything(request: Request, error: Exception) -> Response:
    log.error("request %s failed", request_id(request), exc_info=error)
    refusal = ApiError(
        "something went wrong here; name the request id when you report it",
        # this answer leaves outside of the middleware that would add it
        headers={"X-Request-Id": request_id(request)},
    )
    return render(request, refusal)


def _with_status(request: Request, error: ApiError, status: int) -> Response:
    kind = type("HttpError", (ApiError,), {"status": status, "title": error.message})
    error.__class__ = kind
    return render(request, error)
