"""Access tokens (JWT, short), refresh tokens and API keys (opaque, kept as SHA-256 only)."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import jwt
from solders.pubkey import Pubkey

from choir_api.entropy import Entropy

ISSUER = "choir"
AUDIENCE = "choir-api"
ALGORITHM = "HS256"
SECRET_SIZE = 32
KEY_PREFIX = "choir_"
REFRESH_PREFIX = "refresh_"


@dataclass(frozen=True)
class AccessClaims:
    """What an access token says."""

    wallet: Pubkey
    session_id: UUID
    expires_at: datetime


class TokenRefused(Exception):
    """The token is malformed, wrongly signed or expired; the message says which."""


def issue_access(
    secret: str, wallet: Pubkey, session_id: UUID, now: datetime, ttl_s: int
) -> tuple[str, datetime]:
    """A signed token and the moment it stops counting."""
    expires_at = now + timedelta(seconds=ttl_s)
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(wallet),
        "sid": str(session_id),
        "iat": int(now.timestamp()),
        "exp": int(expires_at.timestamp()),
    }
    return jwt.encode(claims, secret, algorithm=ALGORITHM), expires_at


def read_access(secret: str, token: str, now: datetime) -> AccessClaims:
    """Check the token's signature, issuer, audience and time.

    Raises:
        TokenRefused: any of them is wrong.
    """
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            # the injected clock decides, below
            options={
                "require": ["exp", "sub", "sid"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        found = AccessClaims(
            Pubkey.from_string(claims["sub"]),
            UUID(claims["sid"]),
            datetime.fromtimestamp(claims["exp"], now.tzinfo),
        )
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise TokenRefused("the access token is not one of ours") from error
    if found.expires_at <= now:
        raise TokenRefused("the access token has expired; refresh it or sign in again")
    return found


def new_secret(prefix: str, entropy: Entropy) -> str:
    """An opaque secret that a leak scanner can recognise by its prefix."""
    return prefix + base64.urlsafe_b64encode(entropy.token(SECRET_SIZE)).rstrip(b"=").decode()


def digest(secret: str) -> bytes:
    """What is stored of a secret. It is random and long, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).digest()
