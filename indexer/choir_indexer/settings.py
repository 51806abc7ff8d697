"""Settings of the indexer's process, all from the environment under ``CHOIR_``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, FilePath, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from solders.pubkey import Pubkey

from choir.ids import PROGRAM_ID

__all__ = ["Settings"]


STREAMS = ("yellowstone+http", "yellowstone+https")


class Settings(BaseSettings):
    """What the process is told. Durations carry their unit in the name.

    Raises:
        pydantic.ValidationError: naming each setting that is missing or wrong.
    """

    model_config = SettingsConfigDict(env_prefix="CHOIR_", extra="ignore", frozen=True)

    database_url: str = Field(description="`postgresql://` URL")
    rpc_url: str = Field(default="http://127.0.0.1:8899", description="the node, over HTTP")
    ws_url: str = Field(default="ws://127.0.0.1:8900", description="its pub/sub")
    source_url: str | None = Field(
        default=None,
        description="`yellowstone+http://host:port` or `yellowstone+https://host`: what happens"
        " comes from there, what was before from the node; unset: all from the node",
    )
    yellowstone_token: SecretStr | None = Field(
        default=None, description="sent to that server as `x-token`"
    )
    yellowstone_ca: FilePath | None = Field(
        default=None,
        description="PEM file of who may vouch for that server, in place of the public authorities",
    )
    commitment: Literal["processed", "confirmed", "finalized"] = Field(
        default="confirmed",
        description="what announcements are taken at; history is walked at it, or at confirmed",
    )
    program_id: str = Field(default=str(PROGRAM_ID), description="a copy deployed elsewhere")
    rebuild_on_new_genesis: bool = Field(
        default=False, description="make the mirror anew when the node is of another chain"
    )

    indexer_host: str = "127.0.0.1"
    indexer_port: int = Field(default=0, ge=0, le=65535, description="0 takes a free one")
    indexer_max_lag_s: float = Field(
        default=60.0, gt=0, description="`/health` fails when the mirror is further behind"
    )
    indexer_overlap_slots: int = Field(
        default=64, ge=0, description="slots behind the watermark that each walk checks again"
    )
    indexer_patience_s: float = Field(
        default=300.0, gt=0, description="how long a gap may last before the mirror stops"
    )
    indexer_batch: int = Field(default=512, gt=0, description="transactions in a commit, about")
    indexer_programs: Path | None = Field(
        default=None, description="a file of other programs to mirror by their IDLs"
    )
    indexer_concurrency: int = Field(default=8, gt=0, description="requests under way at once")
    indexer_together: int = Field(
        default=8,
        gt=0,
        description="transactions asked for in one request",
    )

    indexer_reconcile_every_s: float = Field(
        default=3600.0, ge=0, description="between two comparisons with the chain; 0 for none"
    )
    indexer_reconcile_repair: bool = Field(
        default=False, description="write what such a comparison finds different"
    )
    indexer_keep_events_days: int | None = Field(
        default=None, gt=0, description="how long events are kept; unset: for ever"
    )
    indexer_keep_transactions_days: int | None = Field(
        default=None,
        gt=0,
        description="how long transactions are kept, no shorter than events; unset: for ever",
    )
    indexer_monitor_every_s: float = Field(
        default=60.0, ge=0, description="between two rounds of the monitors; 0 for none"
    )
    indexer_monitor_window_s: int = Field(
        default=3600, gt=0, description="how far back the rules about what happened look"
    )
    indexer_alert_short_units: int = Field(
        default=0, ge=0, description="base units that a vault may lack"
    )
    indexer_alert_drain_percent: int = Field(
        default=80, gt=0, description="of a thread's stake, taken out within the window"
    )
    indexer_alert_floods: int = Field(
        default=20, gt=0, description="specs submitted to one thread within the window"
    )
    indexer_alert_wallets: int = Field(
        default=10, gt=0, description="wallets that one other pays for within the window"
    )
    indexer_alert_stall_s: int = Field(
        default=3 * 86_400, gt=0, description="a spec's wait for a first decision"
    )
    indexer_alert_near_s: int = Field(
        default=6 * 3_600, ge=0, description="before a waiting spec's window ends"
    )

    redis_url: str | None = Field(
        default=None, description="told of every commit, beside PostgreSQL's NOTIFY"
    )
    vectors_url: str | None = Field(
        default=None, description="`edge:<directory>` or a Qdrant server's URL; unset: no vectors"
    )
    vectors_token: SecretStr | None = Field(
        default=None, description="bearer token of the hosted engine, or the server's API key"
    )
    model_dir: Path | None = Field(default=None, description="the embedding model's weights")

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: str) -> str:
        if not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("must look like postgresql://user:password@host:port/name")
        return value

    @field_validator("indexer_keep_transactions_days")
    @classmethod
    def _keeps_them_with_events(cls, value: int | None, info: ValidationInfo) -> int | None:
        events = info.data.get("indexer_keep_events_days")
        if value is not None and (events is None or value < events):
            raise ValueError(
                f"{value} days is shorter than events are kept"
                f" ({'for ever' if events is None else f'{events} days'}), and they need their"
                " transactions; see CHOIR_INDEXER_KEEP_EVENTS_DAYS"
            )
        return value

    @field_validator("indexer_monitor_window_s")
    @classmethod
    def _looks_at_what_is_kept(cls, value: int, info: ValidationInfo) -> int:
        events = info.data.get("indexer_keep_events_days")
        if events is not None and value > events * 86_400:
            raise ValueError("looks further back than CHOIR_INDEXER_KEEP_EVENTS_DAYS keeps")
        return value

    @field_validator("rpc_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value

    @field_validator("source_url")
    @classmethod
    def _is_stream(cls, value: str | None) -> str | None:
        if value is not None:
            url = urlsplit(value)
            if url.scheme not in STREAMS or not url.hostname or url.path.strip("/"):
                raise ValueError("must look like yellowstone+https://host or …+http://host:port")
        return value

    @field_validator("yellowstone_ca")
    @classmethod
    def _is_pem(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                certified = b"-----BEGIN CERTIFICATE-----" in value.read_bytes()
            except OSError as error:
                raise ValueError(f"cannot be read: {error}") from None
            if not certified:
                raise ValueError("holds no certificate in PEM")
        return value

    @field_validator("ws_url")
    @classmethod
    def _is_ws(cls, value: str) -> str:
        if not value.startswith(("ws://", "wss://")):
            raise ValueError("must begin with ws:// or wss://")
        return value

    @field_validator("program_id")
    @classmethod
    def _is_address(cls, value: str) -> str:
        try:
            return str(Pubkey.from_string(value))
        except ValueError:
            raise ValueError("must be an address (base58 of 32 bytes)") from None

    @property
    def walked(self) -> Literal["confirmed", "finalized"]:
        """What history is walked at: no node lists what is only processed."""
        return "finalized" if self.commitment == "finalized" else "confirmed"

    @property
    def program(self) -> Pubkey:
        """The program's address."""
        return Pubkey.from_string(self.program_id)
