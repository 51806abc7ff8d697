"""Settings of the API process, all from the environment under ``CHOIR_``.

Durations carry their unit in the name. Only :attr:`Settings.database_url` has no default.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

API_VERSION = "v1"
SECRET_BYTES = 32


class Settings(BaseSettings):
    """What the API process is told; see each field.

    Raises:
        pydantic.ValidationError: naming each setting that is missing or wrong.
    """

    model_config = SettingsConfigDict(env_prefix="CHOIR_", extra="ignore", frozen=True)

    database_url: str = Field(description="`postgresql://` URL of the one database")
    rpc_url: str = "http://127.0.0.1:8899"
    ws_url: str = "ws://127.0.0.1:8900"
    commitment: Literal["processed", "confirmed", "finalized"] = "confirmed"
    state_dir: Path = Path(".choir")
    vectors_url: str | None = None
    vectors_token: SecretStr | None = None
    model_dir: Path | None = None
    redis_url: str | None = Field(
        default=None, description="shares the rate limits between processes, and brings hints"
    )

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65535)
    realtime_host: str = "127.0.0.1"
    realtime_port: int = Field(default=8001, ge=0, le=65535)
    realtime_url: str | None = Field(
        default=None, description="the sockets' public URL, when a proxy stands before them"
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    body_limit_bytes: int = Field(default=1 << 20, gt=0)
    database_pool_size: int = Field(default=10, gt=0)

    jwt_secret: SecretStr | None = Field(
        default=None,
        description="signs access tokens and cursors; made in the state folder if unset",
    )
    auth_domain: str = Field(default="localhost", description="the domain a sign-in message names")
    auth_uri: str = "http://localhost:8000"
    auth_chain: str = Field(
        default="solana:localnet", description="the chain a sign-in message names"
    )
    nonce_ttl_s: int = Field(default=300, gt=0)
    access_ttl_s: int = Field(default=900, gt=0)
    refresh_ttl_s: int = Field(default=30 * 86_400, gt=0)
    idempotency_ttl_s: int = Field(default=86_400, gt=0)
    unlanded_content_ttl_s: int = Field(
        default=86_400,
        ge=600,
        description="contents that no transaction put on the chain are removed after this long",
    )
    unlanded_content_bytes: int = Field(
        default=4 << 20,
        gt=0,
        description="contents of one wallet at most that wait for their transaction",
    )
    idempotency_lease_s: int = Field(
        default=300,
        gt=0,
        description="after this long a request that never ended no longer holds its key",
    )

    threads_per_hour: int = Field(default=10, gt=0)
    messages_per_hour: int = Field(default=60, gt=0)
    searches_per_hour: int = Field(default=100, gt=0)
    actions_per_hour: int = Field(
        default=600, gt=0, description="decisions, token moves, contents and submitted transactions"
    )
    sign_ins_per_hour: int = Field(default=120, gt=0)
    api_keys_of_wallet: int = Field(default=20, gt=0, description="that count, at once")
    lookups_per_hour: int = Field(
        default=3600, gt=0, description="questions to the chain's node about a transaction"
    )
    submissions_of_wallet: int = Field(
        default=4, gt=0, description="signed transactions of one wallet being sent at once"
    )
    submissions_in_all: int = Field(
        default=256, gt=0, description="signed transactions being sent at once, per process"
    )

    mirror_stale_after_s: int = Field(
        default=60,
        gt=0,
        description="a mirror that has not moved for longer shows no content but public one",
    )
    page_content_bytes: int = Field(
        default=1 << 20,
        gt=0,
        description="contents in one page, snapshot or batch of deltas; one content always fits",
    )

    anonymous_sockets: bool = Field(
        default=True, description="viewers without a session may watch public threads"
    )
    heartbeat_s: float = Field(default=30.0, gt=0)
    heartbeat_timeout_s: float = Field(default=5.0, gt=0)

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: str) -> str:
        if not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("must start with postgresql:// (the driver is chosen by the API)")
        return value

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("jwt_secret")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < SECRET_BYTES:
            raise ValueError(
                f"must have at least {SECRET_BYTES} bytes; `openssl rand -hex 32` makes one"
            )
        return value

    def signing_secret(self) -> str:
        """The secret for tokens and cursors: the setting, else one kept in the state folder."""
        if self.jwt_secret is not None:
            return self.jwt_secret.get_secret_value()
        path = self.state_dir / "jwt.secret"
        self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write_once(path, secrets.token_hex(SECRET_BYTES) + "\n")
        secret = path.read_text().strip()
        if len(secret.encode()) < SECRET_BYTES:
            raise WeakSecret(
                f"{path} holds {len(secret.encode())} bytes and must hold at least {SECRET_BYTES}; "
                "remove it to have another made (everybody signs in again), or set "
                "CHOIR_JWT_SECRET"
            )
        return secret


class WeakSecret(RuntimeError):
    """The kept secret is too short to sign with; the message names its file."""


def _write_once(path: Path, text: str) -> None:
    """Make the file with its whole text at once, unless somebody else has made it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:  # mkstemp lets nobody else read it
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        Path(temporary).unlink()
