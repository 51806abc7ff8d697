"""Confirmed slots in SQLite, one transaction a slot, so that a killed localnet goes on.

The file is in WAL mode without a sync per slot: what was confirmed survives the end of the
process in any way; a power cut may take the last moments with it, never the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from solders.pubkey import Pubkey

from choir.localnet.chain import Closed
from choir.localnet.model import AccountState, AccountUpdate, Block
from choir.localnet.records import pack_record, unpack_record
from choir.localnet.settings import SettingsError

SCHEMA_VERSION = 2
FILE_NAME = "localnet.sqlite"
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE accounts (
    pubkey BLOB PRIMARY KEY, lamports BLOB NOT NULL, owner BLOB NOT NULL, data BLOB NOT NULL,
    executable INTEGER NOT NULL, slot INTEGER NOT NULL, write_version INTEGER NOT NULL
);
CREATE TABLE blocks (
    slot INTEGER PRIMARY KEY, parent INTEGER NOT NULL, height INTEGER NOT NULL,
    blockhash TEXT NOT NULL, previous TEXT NOT NULL, time INTEGER NOT NULL
);
CREATE TABLE transactions (
    slot INTEGER NOT NULL, position INTEGER NOT NULL, signature TEXT NOT NULL,
    record BLOB NOT NULL, PRIMARY KEY (slot, position)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a journal holds: accounts in write order, blocks oldest first, and the chain's state."""

    genesis_hash: bytes
    keys: dict[str, str]
    accounts: list[AccountUpdate]
    blocks: list[Block]
    state: dict[str, Any]


class SqliteJournal:
    """A journal file. It is held exclusively: one localnet a file."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises SettingsError."""
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._db = _connect(path)
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._prepare()
        except sqlite3.Error as error:
            self._db.close()
            raise _unusable(path, error) from error

    def _prepare(self) -> None:
        # IMMEDIATE takes the exclusive lock, so that a second localnet fails here.
        self._db.execute("BEGIN IMMEDIATE")
        [version] = self._db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in _SCHEMA.split(";"):
                if statement.strip():
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self._db.execute("COMMIT")
        if version not in (0, SCHEMA_VERSION):
            self._db.close()
            raise SettingsError(
                f"{self.path} was written by another version of the localnet; start over with"
                " --reset"
            )

    def begin(self, genesis_hash: bytes, keys: dict[str, str]) -> None:
        """Name the chain this journal is of, and the public keys it was begun with."""
        self._set("genesis_hash", genesis_hash.hex())
        self._set("keys", keys)

    def append(self, closed: Closed, state: dict[str, object]) -> None:
        """Keep a closed slot, all of it or nothing. Raises sqlite3.Error."""
        block = closed.block
        with self._transaction() as db:
            self._write_accounts(closed.updates)
            db.execute(
                "INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?)",
                (
                    block.slot,
                    block.parent_slot,
                    block.height,
                    block.blockhash,
                    block.previous_blockhash,
                    block.time,
                ),
            )
            db.executemany(
                "INSERT INTO transactions VALUES (?, ?, ?, ?)",
                [(r.slot, r.index, r.signature, pack_record(r)) for r in block.transactions],
            )
            first = state["first_slot"]
            db.execute("DELETE FROM transactions WHERE slot < ?", (first,))
            db.execute("DELETE FROM blocks WHERE slot < ?", (first,))
            self._set("state", state)

    def rollback(self, slot: int, accounts: list[AccountUpdate]) -> None:
        """Forget every slot after `slot`; `accounts` are those that change by it."""
        with self._transaction() as db:
            db.execute("DELETE FROM transactions WHERE slot > ?", (slot,))
            db.execute("DELETE FROM blocks WHERE slot > ?", (slot,))
            self._write_accounts(accounts)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        db = self._db
        db.execute("BEGIN")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            # Some errors, a full disk among them, have rolled back already.
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def read(self) -> Kept | None:
        """Everything kept; None when the journal is new."""
        genesis, state = self._get("genesis_hash"), self._get("state")
        if genesis is None or state is None:
            return None
        accounts = [
            AccountUpdate(
                Pubkey.from_bytes(pubkey),
                slot,
                write_version,
                AccountState(
                    int.from_bytes(lamports, "little"),
                    data,
                    Pubkey.from_bytes(owner),
                    bool(executable),
                ),
            )
            for pubkey, lamports, owner, data, executable, slot, write_version in self._db.execute(
                "SELECT * FROM accounts ORDER BY slot, write_version"
            )
        ]
        blocks = {
            row[0]: Block(*row)
            for row in self._db.execute(
                "SELECT slot, parent, height, blockhash, previous, time FROM blocks ORDER BY slot"
            )
        }
        for slot, position, signature, packed in self._db.execute(
            "SELECT slot, position, signature, record FROM transactions ORDER BY slot, position"
        ):
            record = unpack_record(packed, signature, slot, position)
            blocks[slot].transactions.append(record)
        return Kept(
            bytes.fromhex(genesis), self._get("keys"), accounts, list(blocks.values()), state
        )

    def save(self, path: Path) -> None:
        """Copy everything kept into a new file. Raises FileExistsError."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("xb"):
            pass
        copy = sqlite3.connect(path)
        try:
            self._db.backup(copy)
        finally:
            copy.close()

    def close(self) -> None:
        """Write everything back into the file and let it go."""
        self._db.close()

    def _write_accounts(self, updates: Iterable[AccountUpdate]) -> None:
        gone, written = [], []
        for pubkey, slot, write_version, state in updates:
            if state is None:
                gone.append((bytes(pubkey),))
            # Version 0 is what the runtime itself brings along at every start.
            elif write_version:
                written.append(
                    (
                        bytes(pubkey),
                        state.lamports.to_bytes(8, "little"),
                        bytes(state.owner),
                        state.data,
                        state.executable,
                        slot,
                        write_version,
                    )
                )
        self._db.executemany("DELETE FROM accounts WHERE pubkey = ?", gone)
        self._db.executemany(
            "INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?)", written
        )

    def _set(self, key: str, value: object) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, orjson.dumps(value)))

    def _get(self, key: str) -> Any:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else orjson.loads(row[0])


def delete(path: Path) -> None:
    """Remove a journal and its side files. Raises SettingsError while a localnet holds it."""
    if path.exists():
        try:
            with closing(_connect(path)) as db:
                db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            # Anything but a lock is no reason to keep what is to go.
            if "locked" in str(error):
                raise _unusable(path, error) from error
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    return db


def _unusable(path: Path, error: sqlite3.Error) -> SettingsError:
    if "locked" in str(error):
        return SettingsError(f"another localnet holds {path}; stop it, or take another --state-dir")
    return SettingsError(
        f"{path} is not a usable localnet journal ({error}); start over with --reset"
    )


def snapshot_path(state_dir: Path, name: str) -> Path:
    """Where the snapshot `name` is kept."""
    return state_dir / "snapshots" / f"{name}.sqlite"
