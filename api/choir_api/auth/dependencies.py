"""FastAPI dependencies: who asks, whether they may, and what is left of their allowance."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from choir_api.auth import service
from choir_api.auth.principal import Principal, Scope
from choir_api.deps import Given
from choir_api.errors import Forbidden, Unauthenticated
from choir_api.middleware import add_headers
from choir_api.rate import Activity

bearer = HTTPBearer(
    auto_error=False, bearerFormat="JWT", description="an access token of /v1/auth/session"
)
api_key = APIKeyHeader(
    name="X-Api-Key", auto_error=False, description="a key of /v1/api-keys", scheme_name="ApiKey"
)

# For routes that answer without credentials too: adds the empty requirement to the schema.
OPTIONAL_AUTH: dict[str, Any] = {"security": [{}]}


async def optional_principal(
    request: Request,
    deps: Given,
    token: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    key: Annotated[str | None, Depends(api_key)],
) -> Principal | None:
    """Who asks, or None when no credentials were sent. Wrong credentials are refused."""
    if token is not None and key is not None:
        raise Unauthenticated("send either a bearer token or X-Api-Key, not both")
    if token is not None:
        return await service.by_access_token(deps, token.credentials)
    if key is not None:
        return await service.by_api_key(deps, key)
    if "authorization" in request.headers:
        raise Unauthenticated("the Authorization header must be `Bearer <access token>`")
    return None


MaybePrincipal = Annotated[Principal | None, Depends(optional_principal)]


def require(scope: Scope) -> Callable[..., Awaitable[Principal]]:
    """A dependency that answers 401 without credentials and 403 without the scope."""

    async def principal(found: MaybePrincipal) -> Principal:
        if found is None:
            raise Unauthenticated(
                "this needs a session (POST /v1/auth/nonce, then POST /v1/auth/session) "
                "or an API key"
            )
        if scope not in found.scopes:
            raise Forbidden(
                f"this API key has no scope {scope.value!r}",
                code="missing_scope",
                details={"scope": scope.value},
            )
        return found

    return principal


def permit(scope: Scope) -> Callable[..., Awaitable[Principal | None]]:
    """Like :func:`require`, but nobody may ask too; a key without the scope may not."""

    async def principal(found: MaybePrincipal) -> Principal | None:
        if found is not None and scope not in found.scopes:
            raise Forbidden(f"this API key has no scope {scope.value!r}", code="missing_scope")
        return found

    return principal


Reader = Annotated[Principal, Depends(require(Scope.READ))]
Writer = Annotated[Principal, Depends(require(Scope.WRITE))]
Owner = Annotated[Principal, Depends(require(Scope.ACCOUNT))]
MaybeReader = Annotated[Principal | None, Depends(permit(Scope.READ))]
MaybeSearcher = Annotated[Principal | None, Depends(permit(Scope.SEARCH))]


def limited(activity: Activity) -> Callable[..., Awaitable[None]]:
    """A dependency that spends one of the caller's allowance and says what is left."""

    async def spend(request: Request, deps: Given, found: MaybePrincipal) -> None:
        # a wallet's keys share its allowance: more keys are not more of it
        caller = f"wallet:{found.wallet}" if found else f"address:{_address(request)}"
        add_headers(request, await deps.limiter.spend(activity, caller))

    return spend


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
