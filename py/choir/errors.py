"""Every error this library raises, in one tree.

```
ChoirError
├── InvalidInput                what the caller passed cannot be right (also a ValueError)
├── IdlError                    an IDL this library cannot turn into anchorpy's shape
├── DecodeError                 bytes that are not what they should be
│   ├── WrongOwner              an account of another program
│   └── WrongDiscriminator      another account or event type
├── NotFound                    an account that should be on the chain and is not
├── WalletError                 no key, an unreadable or unsafe key file, a refused signature
├── RpcError                    the node answered with an error (code, data)
│   ├── RpcUnreachable          no answer: refused, timed out, cut off, not JSON-RPC
│   ├── RateLimited             HTTP 429, 503 or the node's own code (retry_after)
│   ├── NodeBehind              the node has not caught up (slots_behind)
│   ├── MethodNotServed         the node does not have this method
│   └── ChainChanged            the node serves another chain than before (a localnet was reset)
└── SendError                   a transaction that did not do what it should (signature)
    ├── TransactionFailed       it ran and failed, on the chain or in simulation (err, logs)
    │   └── ProgramError        with an error code (code, name)
    │       ├── ChoirProgramError   one subclass for each error of the Choir program
    │       ├── AnchorError         from Anchor's checks on accounts and instruction data
    │       ├── TokenError          from SPL Token or Token-2022
    │       ├── SystemError         from the system program
    │       └── UnknownProgramError from a program this library does not know
    ├── BlockhashExpired        proven never to have run; safe to sign again
    │   └── NonceAdvanced       likewise, for a transaction that runs by a durable nonce
    ├── BatchFailed             a later transaction of a batch failed (done, left)
    └── OutcomeUnknown          it may or may not have run; ask again with the signature
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

__all__ = [
    "AnchorError",
    "BatchFailed",
    "BlockhashExpired",
    "ChainChanged",
    "ChoirError",
    "ChoirProgramError",
    "DecodeError",
    "IdlError",
    "InvalidInput",
    "MethodNotServed",
    "NodeBehind",
    "NonceAdvanced",
    "NotFound",
    "OutcomeUnknown",
    "ProgramError",
    "RateLimited",
    "RpcError",
    "RpcUnreachable",
    "SendError",
    "SystemError",
    "TokenError",
    "TransactionFailed",
    "UnknownProgramError",
    "WalletError",
    "WrongDiscriminator",
    "WrongOwner",
    "failure_of",
]


class ChoirError(Exception):
    """Base of every error raised by this library; its text is written for a person."""


class InvalidInput(ChoirError, ValueError):
    """An argument that cannot be right, found before anything was sent."""


class IdlError(ChoirError):
    """An IDL that cannot be read or converted; says which item and why."""


class DecodeError(ChoirError):
    """Bytes that do not decode to the expected account or event."""


class WrongOwner(DecodeError):
    """The account belongs to another program."""


class WrongDiscriminator(DecodeError):
    """The first eight bytes are those of another type."""


class NotFound(ChoirError):
    """Nothing on the chain under this address or id."""


class WalletError(ChoirError):
    """A key that is missing, unreadable or unsafe, or a signature that was refused."""


class RpcError(ChoirError):
    """The node answered with an error.

    `code` is the JSON-RPC code, or None where there was none; `data` what came with it.
    """

    def __init__(self, message: str, *, code: int | None = None, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class RpcUnreachable(RpcError):
    """No usable answer. A request that changes something may still have arrived."""


class RateLimited(RpcError):
    """The node asks to slow down; `retry_after` is in seconds where it said how long."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        code: int | None = None,
        data: Any = None,
    ) -> None:
        super().__init__(message, code=code, data=data)
        self.retry_after = retry_after


class NodeBehind(RpcError):
    """The node has not reached the slot asked for; `slots_behind` where it said by how many."""

    def __init__(
        self,
        message: str,
        *,
        slots_behind: int | None = None,
        code: int | None = None,
        data: Any = None,
    ) -> None:
        super().__init__(message, code=code, data=data)
        self.slots_behind = slots_behind


class MethodNotServed(RpcError):
    """JSON-RPC -32601: this node does not have the method."""


class ChainChanged(RpcError):
    """The node serves another chain than before: what was known of it no longer holds."""


class SendError(ChoirError):
    """A transaction that did not have its effect, or may not have had it.

    `signature` is its base58 text, None where it was never signed.
    """

    def __init__(self, message: str, *, signature: str | None = None) -> None:
        super().__init__(message)
        self.signature = signature


class BlockhashExpired(SendError):
    """Proven: the block height is past the last valid one and no record of it exists."""


class NonceAdvanced(BlockhashExpired):
    """Proven: its durable nonce was advanced by another transaction, and no record of it exists."""


class OutcomeUnknown(SendError):
    """Nobody could say in time whether the transaction ran. It may have, and still may.

    Do not sign the same thing again. `Sender.settle(signature, last_valid_block_height=…)` asks
    until there is an answer; `last_valid_block_height` and `min_context_slot` are what it takes,
    None and 0 where they are not known.
    """

    def __init__(
        self,
        message: str,
        *,
        signature: str | None = None,
        last_valid_block_height: int | None = None,
        min_context_slot: int = 0,
    ) -> None:
        super().__init__(message, signature=signature)
        self.last_valid_block_height = last_valid_block_height
        self.min_context_slot = min_context_slot


class BatchFailed(SendError):
    """A batch of several transactions stopped in the middle; what was done stays done.

    `done` holds the receipts of the transactions that ran, in order; `left` how many of the
    batch's groups of instructions did not have their effect for sure; `cause` why it stopped
    (an `OutcomeUnknown` there means that the one after `done` may have run).
    """

    def __init__(self, message: str, *, done: Sequence[Any], left: int, cause: ChoirError) -> None:
        super().__init__(message, signature=getattr(cause, "signature", None))
        self.done = tuple(done)
        self.left = left
        self.cause = cause


class TransactionFailed(SendError):
    """The transaction ran and failed; nothing of it took effect but the fee.

    `err` is the node's JSON for the error, `logs` the program's log lines, `simulated` is true
    when it failed before being sent (no fee was paid), `instruction` the failing one's index.
    """

    def __init__(
        self,
        message: str,
        *,
        err: Any = None,
        logs: Sequence[str] = (),
        signature: str | None = None,
        simulated: bool = False,
        instruction: int | None = None,
    ) -> None:
        super().__init__(message, signature=signature)
        self.err = err
        self.logs = tuple(logs)
        self.simulated = simulated
        self.instruction = instruction


class ProgramError(TransactionFailed):
    """A program refused with a numbered error."""

    code: int
    name: str

    def __init__(
        self,
        message: str,
        *,
        code: int,
        name: str,
        err: Any = None,
        logs: Sequence[str] = (),
        signature: str | None = None,
        simulated: bool = False,
        instruction: int | None = None,
    ) -> None:
        super().__init__(
            message,
            err=err,
            logs=logs,
            signature=signature,
            simulated=simulated,
            instruction=instruction,
        )
        self.code = code
        self.name = name


class ChoirProgramError(ProgramError):
    """An error of the Choir program; see `choir.program_errors` for one class each.

    A pre-check of `ChoirClient` raises the same class as the program would, with `simulated`
    true and a message that names the amounts.
    """

    CODE: ClassVar[int]
    NAME: ClassVar[str]
    MESSAGE: ClassVar[str]

    def __init__(
        self,
        message: str | None = None,
        *,
        err: Any = None,
        logs: Sequence[str] = (),
        signature: str | None = None,
        simulated: bool = True,
        instruction: int | None = None,
    ) -> None:
        super().__init__(
            message or self.MESSAGE,
            code=self.CODE,
            name=self.NAME,
            err=err,
            logs=logs,
            signature=signature,
            simulated=simulated,
            instruction=instruction,
        )


class AnchorError(ProgramError):
    """Anchor refused the accounts or the instruction data before the program's own code."""


class TokenError(ProgramError):
    """SPL Token or Token-2022 refused."""


class SystemError(ProgramError):
    """The system program refused, most often for want of lamports."""


class UnknownProgramError(ProgramError):
    """A numbered error of a program this library has no table for."""


_SYSTEM_PROGRAM = "11111111111111111111111111111111"
_TOKEN_PROGRAMS = frozenset(
    {
        "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
        "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb",
    }
)
# A position is made by the program when its owner joins: who has none has never been there.
_NO_POSITION = {
    "position": "the wallet is not a co-author of this thread: it has no position in it",
    "approver_position": "the wallet is not a co-author of this thread: it has no position in it",
    "retiree_position": "the one to retire is not a co-author of this thread: they have no "
    "position in it",
}
_FAILED = re.compile(r"^Program (\w+) failed: (?:custom program error: (0x[0-9a-fA-F]+)|(.*))$")


def failure_of(
    err: Any,
    logs: Sequence[str] = (),
    *,
    programs: Sequence[str] = (),
    choir_program: str | None = None,
    signature: str | None = None,
    simulated: bool = False,
) -> SendError:
    """The typed exception for a transaction's `err` as a node reports it.

    `programs` are the program ids (base58) of the transaction's instructions, used when the
    logs do not say which program failed; `choir_program` is the address Choir runs at when it
    is not the default one.
    """
    from choir._program.address import PROGRAM_ADDRESS
    from choir._tables import ANCHOR_ERRORS, SYSTEM_ERRORS, TOKEN_ERRORS, TRANSACTION_ERRORS
    from choir.program_errors import BY_CODE

    common: dict[str, Any] = {
        "err": err,
        "logs": logs,
        "signature": signature,
        "simulated": simulated,
    }
    when = "would fail" if simulated else "failed"
    if not (isinstance(err, Mapping) and "InstructionError" in err):
        kind = err if isinstance(err, str) else next(iter(err), "unknown error")
        said = TRANSACTION_ERRORS.get(str(kind), f"{kind}")
        return TransactionFailed(f"the transaction {when}: {said}", **common)

    index, detail = err["InstructionError"]
    common["instruction"] = index
    program, code = _culprit(logs)
    if program is None and 0 <= index < len(programs):
        program = programs[index]
    if isinstance(detail, Mapping) and "Custom" in detail:
        code = int(detail["Custom"])
    elif code is None:
        kind = detail if isinstance(detail, str) else next(iter(detail), "unknown error")
        said = TRANSACTION_ERRORS.get(str(kind), str(kind))
        where = f"instruction {index + 1}" + (f" ({program})" if program else "")
        return TransactionFailed(f"{where} {when}: {said}", **common)

    if program in (choir_program, PROGRAM_ADDRESS) and code in BY_CODE:
        return BY_CODE[code](**common)
    if program == _SYSTEM_PROGRAM and code in SYSTEM_ERRORS:
        name, said = SYSTEM_ERRORS[code]
        return SystemError(said, code=code, name=name, **common)
    if program in _TOKEN_PROGRAMS and code in TOKEN_ERRORS:
        name, said = TOKEN_ERRORS[code]
        return TokenError(said, code=code, name=name, **common)
    if code in ANCHOR_ERRORS and (program not in _TOKEN_PROGRAMS | {_SYSTEM_PROGRAM}):
        name, said = ANCHOR_ERRORS[code]
        account = _anchor_account(logs)
        if name == "AccountNotInitialized" and account in _NO_POSITION:
            said = _NO_POSITION[account]
        text = f"{said} (account `{account}`)" if account else said
        return AnchorError(f"{text} [{name}]", code=code, name=name, **common)
    return UnknownProgramError(
        f"program {program or 'unknown'} {when} with error {code} ({code:#x})",
        code=code,
        name=f"Custom{code}",
        **common,
    )


def _culprit(logs: Sequence[str]) -> tuple[str | None, int | None]:
    """The innermost program that failed and its code: the first `failed` line names it."""
    for line in logs:
        if found := _FAILED.match(line):
            program, code, _ = found.groups()
            return program, int(code, 16) if code else None
    return None, None


def _anchor_account(logs: Sequence[str]) -> str | None:
    for line in logs:
        if found := re.search(r"AnchorError caused by account: (\w+)\.", line):
            return found.group(1)
    return None
