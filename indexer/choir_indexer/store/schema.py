"""The tables of schema ``chain`` as SQLAlchemy Core knows them, for the queries of the read side.

Addresses and hashes are `bytea` of 32 bytes, signatures of 64; every u64 of the chain is
`NUMERIC(20)` and an `int` in Python; times from the program are seconds since the epoch.
The migrations make these tables; a test compares the two.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB

__all__ = [
    "SCHEMA",
    "accounts",
    "alerts",
    "config",
    "dead_letters",
    "gaps",
    "messages",
    "meta",
    "metadata",
    "outbox",
    "positions",
    "program_accounts",
    "program_events",
    "program_transactions",
    "program_watermarks",
    "reconciliations",
    "rollbacks",
    "specs",
    "thread_events",
    "thread_heads",
    "threads",
    "transactions",
    "treasury",
    "treasury_proposals",
    "watermark",
]

SCHEMA = "chain"
metadata = sa.MetaData(schema=SCHEMA)


class U64(sa.types.TypeDecorator[int]):
    """An unsigned 64-bit integer in a `NUMERIC(20)` column."""

    impl = sa.Numeric(20, 0)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: sa.Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else int(value)


def _u64(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, U64, nullable=nullable)


def _i64(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.SmallInteger, nullable=False)


def _int(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _key(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, BYTEA, nullable=nullable)


def _json(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, JSONB, nullable=nullable)


def _when(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _version() -> tuple[sa.Column[Any], ...]:
    """The address, and the version the row was written at: newer (slot, write_version) wins."""
    return (sa.Column("pubkey", BYTEA, primary_key=True), _u64("slot"), _u64("write_version"))


# which chain and which program this mirror is of; `epoch` numbers the event sequences
meta = sa.Table(
    "meta",
    metadata,
    sa.Column("single", sa.Boolean, primary_key=True),
    sa.Column("genesis_hash", sa.Text, nullable=False),
    sa.Column("program_id", sa.Text, nullable=False),
    _i64("epoch"),
    _when("created_at"),
)

# `slot`: everything at or below it is complete. `snapshot_slot`: every account that was not
# touched later is at least as new. `finalized_slot`: nothing at or below it can be undone; never
# above `slot`. `retired_slot` and `retired_events_slot` are the newest that a transaction, and an
# event, was retired from; later ones are all here.
watermark = sa.Table(
    "watermark",
    metadata,
    sa.Column("single", sa.Boolean, primary_key=True),
    _u64("slot"),
    _u64("snapshot_slot", nullable=True),
    _u64("finalized_slot", nullable=True),
    sa.Column("commitment", sa.Text, nullable=False),
    _when("updated_at"),
    _u64("history_slot", nullable=True),
    _u64("retired_slot", nullable=True),
    _u64("retired_events_slot", nullable=True),
)

# every account of the program, raw; a closed one stays as a tombstone without data
accounts = sa.Table(
    "accounts",
    metadata,
    *_version(),
    sa.Column("kind", sa.Text, nullable=True),
    _key("owner", nullable=True),
    _u64("lamports"),
    _key("data", nullable=True),
    _u64("closed_slot", nullable=True),
)

# addresses that a walk asked for and that were not the program's, as of a slot that is not final
# yet: should it be dropped, they are asked for again. What has a row is not here
absences = sa.Table(
    "absences",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    _u64("slot"),
    sa.Column("pubkeys", ARRAY(BYTEA), nullable=False),
)

config = sa.Table(
    "config",
    metadata,
    *_version(),
    _key("authority"),
    _key("pending_authority", nullable=True),
    _key("guardian"),
    _key("stake_mint"),
    _key("token_program"),
    _key("treasury"),
    _key("treasury_vault"),
    _small("mint_decimals"),
    _json("params"),
    _i64("parameter_timelock"),
    _json("pending_change", nullable=True),
    _i64("pending_at"),
    sa.Column("paused_until", ARRAY(sa.BigInteger), nullable=False),
)

treasury = sa.Table(
    "treasury",
    metadata,
    *_version(),
    _small("threshold"),
    _i64("signer_epoch"),
    _u64("proposal_count"),
    _key("vault"),
    sa.Column("signers", ARRAY(BYTEA), nullable=False),
)

treasury_proposals = sa.Table(
    "treasury_proposals",
    metadata,
    *_version(),
    _u64("index"),
    _key("proposer"),
    _i64("signer_epoch"),
    _int("approvals"),
    _i64("created_at"),
    _i64("expires_at"),
    _i64("executed_at"),
    _json("action"),
)

threads = sa.Table(
    "threads",
    metadata,
    *_version(),
    sa.Column("thread_id", sa.Text, nullable=False),
    _small("status"),
    _small("privacy"),
    _i64("author_epoch"),
    _i64("pending_specs"),
    _key("creator"),
    _key("vault"),
    _u64("balance"),
    _u64("total_claimable"),
    _u64("total_shares"),
    _u64("reward_per_author"),
    _u64("message_count"),
    _key("head"),
    _i64("created_at"),
    _i64("updated_at"),
    _u64("spec_count"),
    _u64("min_balance"),
    _i64("divest_cooldown"),
    sa.Column("co_authors", ARRAY(BYTEA), nullable=False),
)

positions = sa.Table(
    "positions",
    metadata,
    *_version(),
    _key("thread"),
    _key("owner"),
    _key("rent_payer"),
    _u64("shares"),
    _u64("claimable"),
    _u64("reward_checkpoint"),
    _i64("last_stake_at"),
    _i64("last_action_at"),
    _i64("window_start"),
    _int("window_count"),
)

specs = sa.Table(
    "specs",
    metadata,
    *_version(),
    _key("thread"),
    _key("author"),
    _key("rent_payer"),
    _key("content_hash"),
    _small("status"),
    _u64("stake"),
    _int("approvals"),
    _int("denials"),
    _i64("author_epoch"),
    _i64("submitted_at"),
    _i64("expires_at"),
    _i64("resolved_at"),
    _u64("sequence"),
    _small("privacy"),
)

messages = sa.Table(
    "messages",
    metadata,
    *_version(),
    _key("thread"),
    _key("author"),
    _key("rent_payer"),
    _u64("index"),
    _small("privacy"),
    _key("content_hash"),
    _key("previous_head"),
    _u64("posted_slot"),
    _i64("created_at"),
)

# every transaction that names the program, in chain order within its slot
transactions = sa.Table(
    "transactions",
    metadata,
    sa.Column("signature", BYTEA, primary_key=True),
    _u64("slot"),
    _int("position"),
    _key("fee_payer"),
    _u64("fee"),
    _json("error", nullable=True),
    _i64("block_time", nullable=True),
)

# the newest position of each sequence
thread_heads = sa.Table(
    "thread_heads",
    metadata,
    sa.Column("thread", BYTEA, primary_key=True),
    _i64("epoch"),
    _i64("seq"),
    _u64("slot"),
)

# gapless in seq for each (thread, epoch), in chain order: from 1, or from the oldest that retention
# keeps, to the head; events that belong to no
# thread are numbered under the program's own address
thread_events = sa.Table(
    "thread_events",
    metadata,
    sa.Column("thread", BYTEA, primary_key=True),
    sa.Column("epoch", sa.BigInteger, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    _u64("slot"),
    _key("signature"),
    _int("ordinal"),
    sa.Column("kind", sa.Text, nullable=False),
    _json("payload"),
    _i64("at", nullable=True),
    sa.UniqueConstraint("signature", "ordinal"),
)

# what the vector store must still be told; `thread`, `privacy`, `message` or `removed`
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    _key("thread"),
    _key("content_hash", nullable=True),
    _key("message", nullable=True),
    _u64("slot"),
    _when("created_at"),
)

# what could not be decoded, with its bytes, so that it can be replayed
dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    _key("key"),
    _int("ordinal"),
    _u64("slot"),
    _key("data"),
    sa.Column("reason", sa.Text, nullable=False),
    _when("created_at"),
    sa.UniqueConstraint("kind", "key", "ordinal", "slot"),
)

# what the source did not give, though it must have it; one at most is open (`filled_at` NULL)
gaps = sa.Table(
    "gaps",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    _u64("from_slot"),
    _u64("to_slot"),
    sa.Column("reason", sa.Text, nullable=False),
    _when("found_at"),
    _when("last_seen_at"),
    _when("filled_at", nullable=True),
)

# what was taken back when slots turned out to be of a fork that was left; `epoch` is the one that
# threads which lost events moved to
rollbacks = sa.Table(
    "rollbacks",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    _when("at"),
    _u64("from_slot"),
    _u64("to_slot"),
    _i64("epoch"),
    _int("transactions"),
    _int("events"),
    _int("accounts"),
    sa.Column("reason", sa.Text, nullable=False),
)

# what a rule of the monitors found about a subject (an address); open while `closed_at` is NULL
alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("measure", sa.Numeric, nullable=False),
    sa.Column("threshold", sa.Numeric, nullable=False),
    _when("opened_at"),
    _when("last_seen_at"),
    _when("closed_at", nullable=True),
)

# as `watermark` and `meta`, one row for each program beside Choir. `fingerprint` says by what
# (an IDL, the kinds kept) its rows were decoded; `kept` are those kinds, NULL when all are; `gap`
# is what its source did not give, NULL when there is none
program_watermarks = sa.Table(
    "program_watermarks",
    metadata,
    sa.Column("program", BYTEA, primary_key=True),
    sa.Column("genesis_hash", sa.Text, nullable=False),
    _i64("epoch"),
    _u64("slot"),
    _u64("snapshot_slot", nullable=True),
    _u64("finalized_slot", nullable=True),
    _u64("history_slot", nullable=True),
    sa.Column("commitment", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("kept", ARRAY(sa.Text), nullable=True),
    _json("gap", nullable=True),
    _when("updated_at"),
)

# every kept account of another program. `kind` and `value` are what its IDL makes of `data`;
# without them, `reason` says why not
program_accounts = sa.Table(
    "program_accounts",
    metadata,
    sa.Column("program", BYTEA, primary_key=True),
    *_version(),
    sa.Column("kind", sa.Text, nullable=True),
    _u64("lamports"),
    _key("data", nullable=True),
    _json("value", nullable=True),
    sa.Column("reason", sa.Text, nullable=True),
    _u64("closed_slot", nullable=True),
)

# as `absences`
program_absences = sa.Table(
    "program_absences",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    _key("program"),
    _u64("slot"),
    sa.Column("pubkeys", ARRAY(BYTEA), nullable=False),
)

# every transaction that names it
program_transactions = sa.Table(
    "program_transactions",
    metadata,
    sa.Column("program", BYTEA, primary_key=True),
    sa.Column("signature", BYTEA, primary_key=True),
    _u64("slot"),
    _int("position"),
    _json("error", nullable=True),
    _i64("block_time", nullable=True),
)

# their events, in the order (slot, position, ordinal). No `kind`: with a `reason` it was not
# understood (no `data` either: it is not known), without one the program logged it and the IDL
# has no such event
program_events = sa.Table(
    "program_events",
    metadata,
    sa.Column("program", BYTEA, primary_key=True),
    sa.Column("signature", BYTEA, primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    _u64("slot"),
    _int("position"),
    sa.Column("kind", sa.Text, nullable=True),
    _json("payload", nullable=True),
    _key("data", nullable=True),
    sa.Column("reason", sa.Text, nullable=True),
    _i64("at", nullable=True),
)

# one comparison with the chain each; `report` names what was wrong
reconciliations = sa.Table(
    "reconciliations",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    _when("at"),
    _u64("slot"),
    sa.Column("ok", sa.Boolean, nullable=False),
    _i64("accounts"),
    _i64("transactions"),
    _i64("differences"),
    _i64("repaired"),
    _i64("missing_transactions"),
    _i64("short_vaults"),
    _json("report"),
)
