"""Tokens of space sessions: the right to one space's socket and telemetry for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import jwt
from solders.pubkey import Pubkey

ISSUER: Final = "choir"
AUDIENCE: Final = "choir-space"
ALGORITHM: Final = "HS256"
TTL_S: Final = 3600


@dataclass(frozen=True)
class SpaceClaims:
    """What a space token says."""

    wallet: bytes
    space_id: str
    session_id: UUID
    expires_at: datetime


class SpaceTokenRefused(Exception):
    """The token is malformed, wrongly signed, expired, or for another space."""


def issue(secret: str, claims: SpaceClaims) -> str:
    """The signed token."""
    return jwt.encode(
        {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(Pubkey.from_bytes(claims.wallet)),
            "space": claims.space_id,
            "sid": str(claims.session_id),
            "exp": int(claims.expires_at.timestamp()),
        },
        secret,
        algorithm=ALGORITHM,
    )


def read(secret: str, token: str, space_id: str, now: datetime) -> SpaceClaims:
    """Checks signature, issuer, audience, space and time.

    Raises:
        SpaceTokenRefused: any of them is wrong; the message says what to do.
    """
    try:
        made = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            # the injected clock decides, below
            options={
                "require": ["exp", "sub", "sid", "space"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        claims = SpaceClaims(
            wallet=bytes(Pubkey.from_string(made["sub"])),
            space_id=str(made["space"]),
            session_id=UUID(made["sid"]),
            expires_at=datetime.fromtimestamp(made["exp"], UTC),
        )
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise SpaceTokenRefused(
            "not a token of a space session; POST /v1/spaces/{id}/sessions makes one"
        ) from error
    if claims.space_id != space_id:
        raise SpaceTokenRefused("the token is for another space")
    if claims.expires_at <= now:
        raise SpaceTokenRefused("the token has expired; POST /v1/spaces/{id}/sessions for another")
    return claims
