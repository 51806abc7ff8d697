"""What a localnet can be told at start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from solders.pubkey import Pubkey

from choir.errors import ChoirError

Production = Literal["clock", "transaction", "manual"]
HTTP_PORT = 8899
WS_PORT = 8900


class SettingsError(ChoirError):
    """A setting or a file it names is unusable; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class ProgramFile:
    """A program to load at genesis, and where its object is."""

    program_id: Pubkey
    path: Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a localnet. Ports of 0 take a free one.

    `production` says when a slot closes: every `slot_ms` milliseconds ("clock"), after each
    transaction ("transaction"), or only when told ("manual"). A slot is confirmed once closed
    and journaled, final `finality_slots` slots later. History is kept for the newest
    `history_transactions` transactions and `history_slots` slots; with a state directory it is
    journaled there, and without one it ends with the process. The Choir program is loaded unless
    `choir` is off; `programs` and `accounts` are loaded beside it. `reset` starts a new chain in
    place of the one kept, `restore` names a saved one to start from, or its file. `fault_seed`
    seeds the dice of the faults that come by chance.
    """

    host: str = "127.0.0.1"
    http_port: int = HTTP_PORT
    ws_port: int = WS_PORT
    production: Production = "clock"
    slot_ms: int = 400
    finality_slots: int = 31
    history_transactions: int = 100_000
    history_slots: int = 432_000
    state_dir: Path | None = None
    reset: bool = False
    restore: str | None = None
    choir: bool = True
    programs: tuple[ProgramFile, ...] = ()
    accounts: tuple[Path, ...] = ()
    stake_decimals: int = 6
    max_request_bytes: int = 2 * 1024 * 1024
    max_subscriptions: int = 10_000
    fault_seed: int = 0

    def __post_init__(self) -> None:
        if self.slot_ms < 1:
            raise SettingsError(f"the slot time must be at least 1 ms, not {self.slot_ms}")
        if self.finality_slots < 0:
            raise SettingsError(f"finality slots cannot be negative ({self.finality_slots})")
        if self.history_transactions < 1 or self.history_slots < 1:
            raise SettingsError("history must keep at least one transaction and one slot")
        if (self.reset or self.restore) and self.state_dir is None:
            raise SettingsError("--reset and --restore are about the chain in a --state-dir")
        if self.reset and self.restore:
            raise SettingsError("--reset starts over and --restore does not: give one of them")
        for port in (self.http_port, self.ws_port):
            if not 0 <= port <= 65_535:
                raise SettingsError(f"{port} is not a port number (0 to 65535)")
        if self.http_port and self.http_port == self.ws_port:
            raise SettingsError(
                f"HTTP and WebSocket cannot share port {self.http_port}; give the WebSocket"
                " another with --ws-port"
            )
