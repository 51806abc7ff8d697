"""Nonces, sessions and credentials against the database."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias
from uuid import UUID

import sqlalchemy as sa
from solders.pubkey import Pubkey
from solders.signature import Signature
from sqlalchemy.dialects.postgresql import insert

from choir_api.auth import siws
from choir_api.auth.principal import SESSION_SCOPES, Principal, Scope
from choir_api.auth.tokens import (
    REFRESH_PREFIX,
    TokenRefused,
    digest,
    issue_access,
    new_secret,
    read_access,
)
from choir_api.db import ReadSession, WriteSession
from choir_api.deps import Deps
from choir_api.entropy import Entropy
from choir_api.errors import NotFound, Unauthenticated, ValidationFailed
from choir_api.tables import api_keys, nonces, refresh_tokens, sessions, wallets

Purpose: TypeAlias = Literal["session", "socket"]
REVOKED_CHANNEL = "choir_session"  # NOTIFY payload: the id of a session or an API key
PREMIUM_CHANNEL = "choir_premium"  # NOTIFY payload: the wallet, base58

_STATEMENTS: dict[Purpose, str] = {
    "session": "Sign in to Choir. This costs nothing and moves nothing.",
    "socket": "Open a live connection to Choir. This costs nothing and moves nothing.",
}


@dataclass(frozen=True)
class Tokens:
    """What a session is used with."""

    session_id: UUID
    wallet: Pubkey
    access_token: str
    access_expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime


async def issue_nonce(deps: Deps, wallet: Pubkey, purpose: Purpose) -> siws.SignInRequest:
    """Write a sign-in message for `wallet` and remember it until it is used or expires."""
    now = deps.now().replace(microsecond=0)
    settings = deps.settings
    request = siws.SignInRequest(
        domain=settings.auth_domain,
        address=wallet,
        statement=_STATEMENTS[purpose],
        uri=settings.auth_uri,
        chain=settings.auth_chain,
        nonce=_nonce(deps.entropy),
        issued_at=now,
        expires_at=now + timedelta(seconds=settings.nonce_ttl_s),
    )
    async with deps.database.write() as session:
        await session.execute(sa.delete(nonces).where(nonces.c.expires_at < now))
        await session.execute(
            sa.insert(nonces).values(
                nonce=request.nonce,
                wallet=bytes(wallet),
                purpose=purpose,
                message=request.text(),
                issued_at=now,
                expires_at=request.expires_at,
            )
        )
    return request


async def redeem(
    session: WriteSession,
    deps: Deps,
    *,
    message: str,
    signature: Signature,
    purpose: Purpose,
    envelope: bytes | None = None,
) -> Pubkey:
    """The wallet that signed one of our messages; its nonce is spent by this.

    Raises:
        Unauthenticated: unknown, spent, expired, altered, or signed by somebody else.
    """
    nonce = siws.nonce_of(message)
    row = None
    if nonce is not None:
        query = sa.select(nonces).where(nonces.c.nonce == nonce).with_for_update()
        row = (await session.execute(query)).one_or_none()
    if row is None or row.purpose != purpose or row.message != message:
        raise Unauthenticated(
            "this is not a message that this server wrote for this purpose; "
            "ask POST /v1/auth/nonce for one and sign it unchanged",
            code="unknown_nonce",
        )
    if row.used_at is not None:
        raise Unauthenticated(
            "this nonce has been used; ask POST /v1/auth/nonce for another", code="nonce_used"
        )
    if row.expires_at <= deps.now():
        raise Unauthenticated(
            "this nonce has expired; ask POST /v1/auth/nonce for another", code="nonce_expired"
        )
    wallet = Pubkey.from_bytes(row.wallet)
    if not siws.verify(message, wallet, signature, envelope):
        raise Unauthenticated(
            f"the signature is not {wallet}'s over this message", code="wrong_signature"
        )
    await session.execute(
        sa.update(nonces).where(nonces.c.nonce == nonce).values(used_at=deps.now())
    )
    return wallet


async def open_session(
    session: WriteSession, deps: Deps, wallet: Pubkey, user_agent: str
) -> Tokens:
    """Start a session for a wallet that has proved itself."""
    now = deps.now()
    session_id = UUID(bytes=deps.entropy.token(16), version=4)
    expires_at = now + timedelta(seconds=deps.settings.refresh_ttl_s)
    await session.execute(
        insert(wallets).values(wallet=bytes(wallet), created_at=now).on_conflict_do_nothing()
    )
    await session.execute(
        sa.insert(sessions).values(
            id=session_id,
            wallet=bytes(wallet),
            user_agent=user_agent[:200],
            created_at=now,
            refreshed_at=now,
            expires_at=expires_at,
        )
    )
    return await _issue(session, deps, wallet, session_id, expires_at)


async def refresh(deps: Deps, token: str) -> Tokens:
    """Exchange a refresh token for new ones. One that comes back ends its session.

    Raises:
        Unauthenticated: unknown, expired, revoked, or used before.
    """
    now = deps.now()
    reused = False
    async with deps.database.write() as session:
        query = (
            sa.select(refresh_tokens.c.used_at, sessions)
            .join(sessions, sessions.c.id == refresh_tokens.c.session_id)
            .where(refresh_tokens.c.hash == digest(token))
            .with_for_update()
        )
        row = (await session.execute(query)).one_or_none()
        if row is None:
            raise Unauthenticated("unknown refresh token; sign in again", code="unknown_token")
        if row.used_at is not None:
            reused = True
            await _revoke(session, row.id, now, "a refresh token was used twice")
        elif row.revoked_at is not None or row.expires_at <= now:
            raise Unauthenticated("the session has ended; sign in again", code="session_ended")
        else:
            await session.execute(
                sa.update(refresh_tokens)
                .where(refresh_tokens.c.hash == digest(token))
                .values(used_at=now)
            )
            await session.execute(
                sa.update(sessions).where(sessions.c.id == row.id).values(refreshed_at=now)
            )
            wallet = Pubkey.from_bytes(row.wallet)
            issued = await _issue(session, deps, wallet, row.id, row.expires_at)
    if reused:
        raise Unauthenticated(
            "this refresh token was used before, so the session was ended; sign in again",
            code="token_reused",
        )
    return issued


async def list_sessions(session: ReadSession, wallet: Pubkey, now: datetime) -> Sequence[Any]:
    """The wallet's living sessions, newest first: rows of ``app.sessions``."""
    query = (
        sa.select(sessions)
        .where(
            sessions.c.wallet == bytes(wallet),
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > now,
        )
        .order_by(sessions.c.created_at.desc(), sessions.c.id)
    )
    return (await session.execute(query)).all()


async def revoke_session(
    session: WriteSession, wallet: Pubkey, session_id: UUID, now: datetime
) -> None:
    """End one of the wallet's own sessions; live sockets on it close.

    Raises:
        NotFound: the wallet has no such living session.
    """
    query = sa.select(sessions.c.id).where(
        sessions.c.id == session_id,
        sessions.c.wallet == bytes(wallet),
        sessions.c.revoked_at.is_(None),
    )
    if (await session.execute(query)).one_or_none() is None:
        raise NotFound(f"you have no living session {session_id}", code="unknown_session")
    await _revoke(session, session_id, now, "revoked by its owner")


async def by_access_token(deps: Deps, token: str) -> Principal:
    """Who an access token speaks for; its session must still live.

    Raises:
        Unauthenticated: not ours, expired, or revoked.
    """
    now = deps.now()
    try:
        claims = read_access(deps.settings.signing_secret(), token, now)
    except TokenRefused as error:
        raise Unauthenticated(str(error), code="token_refused") from None
    query = (
        sa.select(sessions.c.wallet, wallets.c.premium_until)
        .outerjoin(wallets, wallets.c.wallet == sessions.c.wallet)
        .where(
            sessions.c.id == claims.session_id,
            sessions.c.wallet == bytes(claims.wallet),
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > now,
        )
    )
    async with deps.database.read() as session:
        row = (await session.execute(query)).one_or_none()
    if row is None:
        raise Unauthenticated("the session has ended; sign in again", code="session_ended")
    return Principal(
        wallet=claims.wallet,
        premium=row.premium_until is not None and row.premium_until > now,
        scopes=SESSION_SCOPES,
        session_id=claims.session_id,
    )


async def by_api_key(deps: Deps, key: str) -> Principal:
    """Who an API key speaks for.

    Raises:
        Unauthenticated: unknown, expired, or revoked.
    """
    now = deps.now()
    query = (
        sa.select(api_keys, wallets.c.premium_until)
        .outerjoin(wallets, wallets.c.wallet == api_keys.c.wallet)
        .where(api_keys.c.hash == digest(key))
    )
    async with deps.database.read() as session:
        row = (await session.execute(query)).one_or_none()
    if row is None or row.revoked_at is not None:
        raise Unauthenticated("unknown or revoked API key", code="unknown_key")
    if row.expires_at is not None and row.expires_at <= now:
        raise Unauthenticated("the API key has expired; make another", code="key_expired")
    return Principal(
        wallet=Pubkey.from_bytes(row.wallet),
        premium=row.premium_until is not None and row.premium_until > now,
        scopes=frozenset(Scope(name) for name in row.scopes),
        key_id=row.id,
    )


async def grant_premium(
    session: WriteSession, wallet: Pubkey, until: datetime | None, now: datetime
) -> None:
    """Give the wallet premium until a moment, or take it away with None."""
    statement = insert(wallets).values(wallet=bytes(wallet), premium_until=until, created_at=now)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[wallets.c.wallet], set_={"premium_until": until}
        )
    )
    await session.execute(sa.select(sa.func.pg_notify(PREMIUM_CHANNEL, str(wallet))))


async def tell_revoked(session: WriteSession, credential: UUID) -> None:
    """Close, once this commits, what is open on a session or an API key, in every process."""
    await session.execute(sa.select(sa.func.pg_notify(REVOKED_CHANNEL, str(credential))))


def parse_envelope(text: str | None) -> bytes | None:
    """The signed bytes from base64.

    Raises:
        ValidationFailed: not base64.
    """
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ValidationFailed(
            "signed_message must be base64", field="body.signed_message"
        ) from None


async def _issue(
    session: WriteSession, deps: Deps, wallet: Pubkey, session_id: UUID, session_end: datetime
) -> Tokens:
    now = deps.now()
    access, access_expires_at = issue_access(
        deps.settings.signing_secret(), wallet, session_id, now, deps.settings.access_ttl_s
    )
    secret = new_secret(REFRESH_PREFIX, deps.entropy)
    await session.execute(
        sa.insert(refresh_tokens).values(hash=digest(secret), session_id=session_id, issued_at=now)
    )
    return Tokens(session_id, wallet, access, access_expires_at, secret, session_end)


async def _revoke(session: WriteSession, session_id: UUID, now: datetime, why: str) -> None:
    await session.execute(
        sa.update(sessions)
        .where(sessions.c.id == session_id, sessions.c.revoked_at.is_(None))
        .values(revoked_at=now, revoked_because=why)
    )
    await tell_revoked(session, session_id)


def _nonce(entropy: Entropy) -> str:
    return base64.b32encode(entropy.token(20)).decode()
