"""What the identity routes take and give."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from choir_api.auth.service import Purpose
from choir_api.fields import Address, TransactionSignature
from choir_api.responses import Schema


class NonceRequest(Schema):
    """Which wallet wants to sign in, and for what."""

    address: Address
    purpose: Purpose = "session"


class Challenge(Schema):
    """The message to sign, unchanged, and its parts for wallets that write it themselves."""

    message: str = Field(description="sign these bytes (UTF-8)")
    nonce: str
    purpose: Purpose
    domain: str
    uri: str
    chain: str
    issued_at: datetime
    expires_at: datetime


class SessionRequest(Schema):
    """A signed message."""

    message: str = Field(max_length=4096, description="exactly as it was given")
    signature: TransactionSignature
    signed_message: str | None = Field(
        default=None,
        max_length=8192,
        description="base64 of the bytes that were signed, when the wallet wrapped the message "
        "as a Solana off-chain message",
    )


class RefreshRequest(Schema):
    """The newest refresh token of a session."""

    refresh_token: str = Field(max_length=200)


class TokenPair(Schema):
    """What a session is used with. A refresh token counts once."""

    session_id: UUID
    address: Address
    access_token: str = Field(description="for `Authorization: Bearer …`")
    token_type: str = "Bearer"  # noqa: S105 (a scheme's name)
    expires_at: datetime = Field(description="of the access token")
    refresh_token: str
    refresh_expires_at: datetime


class SessionView(Schema):
    """One of the wallet's sessions."""

    session_id: UUID
    current: bool = Field(description="the one this request was made with")
    user_agent: str
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime


class SessionList(Schema):
    """The wallet's living sessions, newest first."""

    items: list[SessionView]


class Revoked(Schema):
    """What no longer counts."""

    id: UUID
