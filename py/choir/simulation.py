"""Simulations as objects: who called whom, what it cost, what it logged, why it failed.

A runtime's log is flat text; `parse_logs` gives back the calls as a tree. It understands what
the runtime itself writes and keeps everything else as the line it is, so that a program that
logs text of the runtime's form can at most confuse its own part of the tree.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from solders.pubkey import Pubkey

from choir.errors import SendError
from choir.rpc import Account

__all__ = ["Invocation", "SimulationResult", "parse_logs"]

_INVOKE: Final = re.compile(r"^Program (\w{32,44}) invoke \[(\d+)\]$")
_SUCCESS: Final = re.compile(r"^Program (\w{32,44}) success$")
_FAILED: Final = re.compile(r"^Program (\w{32,44}) failed: (.*)$", re.DOTALL)
_UNITS: Final = re.compile(r"^Program (\w{32,44}) consumed (\d+) of (\d+) compute units$")
_RETURN: Final = re.compile(r"^Program return: (\w{32,44}) (\S*)$")
_LOG, _DATA, _CUT = "Program log: ", "Program data: ", "Log truncated"


@dataclass(slots=True)
class Invocation:
    """One call of a program, and the calls it made.

    `units` are the compute units it and its calls consumed, None where the log does not say
    (built-in programs, and calls that did not end). `logs` are its own messages, `data` what it
    logged as bytes (`emit!` events begin with their discriminator), `returned` its return data.
    `failed` says why it failed, None when it did not.
    """

    program: str
    depth: int
    units: int | None = None
    limit: int | None = None
    logs: list[str] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    calls: list[Invocation] = field(default_factory=list)
    returned: bytes | None = None
    failed: str | None = None
    ended: bool = False

    def walk(self) -> list[Invocation]:
        """This call and all below it, in the order they began."""
        found = [self]
        for call in self.calls:
            found += call.walk()
        return found


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """A transaction run without effect, on the state of `slot`.

    `error` is the typed exception sending it would end in, None when it would succeed (raise it
    with `raise_for_error`). `units` are compute units consumed, `accounts` the state after it of
    the accounts asked for (None: does not exist), `invocations` one call for each instruction
    that ran, `truncated` true when the runtime cut the logs.
    """

    slot: int
    error: SendError | None
    units: int
    logs: tuple[str, ...]
    invocations: tuple[Invocation, ...]
    accounts: Mapping[Pubkey, Account | None]
    return_data: bytes | None = None
    return_program: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether it would succeed, on that state."""
        return self.error is None

    @property
    def truncated(self) -> bool:
        """Whether the runtime left log lines out."""
        return _CUT in self.logs

    def raise_for_error(self) -> None:
        """Raise `error`, if there is one."""
        if self.error is not None:
            raise self.error


def parse_logs(logs: Sequence[str]) -> tuple[Invocation, ...]:
    """The calls a log tells of, outermost first. Never raises: odd lines stay messages."""
    roots: list[Invocation] = []
    open_: list[Invocation] = []
    for line in logs:
        if (found := _INVOKE.match(line)) and int(found[2]) == len(open_) + 1:
            call = Invocation(found[1], int(found[2]))
            (open_[-1].calls if open_ else roots).append(call)
            open_.append(call)
            continue
        if not open_:
            continue
        here = open_[-1]
        if (found := _SUCCESS.match(line)) and found[1] == here.program:
            open_.pop().ended = True
        elif (found := _FAILED.match(line)) and found[1] == here.program:
            here.failed, here.ended = found[2], True
            open_.pop()
        elif (found := _UNITS.match(line)) and found[1] == here.program:
            here.units, here.limit = int(found[2]), int(found[3])
        elif (found := _RETURN.match(line)) and found[1] == here.program:
            here.returned = _decoded(found[2])
        elif line.startswith(_DATA):
            parts = [_decoded(part) for part in line.removeprefix(_DATA).split(" ")]
            here.data.append(b"".join(part for part in parts if part is not None))
        elif line != _CUT:
            here.logs.append(line.removeprefix(_LOG))
    return tuple(roots)


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
