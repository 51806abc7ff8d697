"""Where any Anchor program's events are in a transaction, as bytes.

`emit_cpi!` makes an event the data of an inner instruction that the program sends to itself,
signed by its event authority; `emit!` writes it to the log. A node may cut a log short, inner
instructions it may not.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from solders.pubkey import Pubkey

from choir._base58 import b58decode
from choir.errors import DecodeError
from choir.ids import PROGRAM_ID, event_authority_pda

__all__ = ["EVENT_INSTRUCTION", "LoggedData", "called_event_data", "logged_data"]

EVENT_INSTRUCTION: Final = bytes.fromhex("e445a52e51cb9a1d")
"""What the data of every event instruction begins with (Anchor's `EVENT_IX_TAG_LE`)."""
_INVOKE: Final = re.compile(r"Program (\w+) invoke \[(\d+)\]")
_END: Final = re.compile(r"Program (\w+) (?:success$|failed)")
_DATA: Final = "Program data: "
_CUT: Final = "Log truncated"


@dataclass(frozen=True, slots=True)
class LoggedData:
    """What a program wrote to the log as data, in order; `cut` says that the node has left out
    the rest of the log."""

    data: tuple[bytes, ...]
    cut: bool


def called_event_data(
    transaction: Mapping[str, Any], *, program_id: Pubkey = PROGRAM_ID
) -> list[bytes]:
    """The events that the program sent to itself in a `getTransaction` answer (encoding `json`),
    in order, each from its discriminator on.

    Works for transactions sent by anybody, through other programs and with lookup tables. A
    failed transaction has none. Raises DecodeError when the answer lacks what is needed.
    """
    meta = _meta(transaction)
    if meta.get("err") is not None:
        return []
    keys = _account_keys(transaction, meta)
    program = str(program_id)
    authority = str(event_authority_pda(program_id=program_id))
    found: list[bytes] = []
    groups = sorted(meta.get("innerInstructions") or (), key=lambda group: int(group["index"]))
    for group in groups:
        for instruction in group["instructions"]:
            called = keys[instruction["programIdIndex"]]
            if called != program:
                continue
            data = b58decode(instruction["data"])
            accounts = [keys[i] for i in instruction["accounts"]]
            # the program only accepts this from its own event authority
            if data[:8] == EVENT_INSTRUCTION and accounts[:1] == [authority]:
                found.append(data[8:])
    return found


def logged_data(lines: Sequence[str], *, program_id: Pubkey) -> LoggedData:
    """What the program itself, not one that it called or was called by, wrote with
    `sol_log_data` (`emit!` among it), from a transaction's log. What a failed transaction wrote
    there did not happen: do not ask.

    Raises DecodeError for data that is not base64.
    """
    if _DATA not in "\n".join(lines):  # most logs have none
        return LoggedData((), _CUT in lines)
    program = str(program_id)
    running: list[str] = []
    found: list[bytes] = []
    cut = False
    # what a program logs as text stands after "Program log: ", so that it cannot pose as these
    for line in lines:
        if line.startswith(_DATA):
            if running and running[-1] == program:
                found.append(_joined(line))
        elif invoked := _INVOKE.match(line):
            running = [*running[: int(invoked[2]) - 1], invoked[1]]
        elif _END.match(line):
            running = running[:-1]
        elif line == _CUT:
            cut = True
    return LoggedData(tuple(found), cut)


def _joined(line: str) -> bytes:
    try:
        return b"".join(b64decode(part, validate=True) for part in line[len(_DATA) :].split())
    except ValueError as error:
        raise DecodeError(f"the log has data that is not base64: {error}") from None


def _meta(transaction: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = transaction.get("meta")
    if not isinstance(meta, Mapping):
        raise DecodeError("the transaction has no metadata; its events cannot be known")
    return meta


def _account_keys(transaction: Mapping[str, Any], meta: Mapping[str, Any]) -> Sequence[str]:
    """Static keys, then those loaded from lookup tables: writable first."""
    try:
        keys = [
            key if isinstance(key, str) else key["pubkey"]
            for key in transaction["transaction"]["message"]["accountKeys"]
        ]
    except (KeyError, TypeError) as error:
        raise DecodeError('ask for the transaction with encoding "json"') from error
    loaded = meta.get("loadedAddresses") or {}
    return [*keys, *loaded.get("writable", ()), *loaded.get("readonly", ())]
