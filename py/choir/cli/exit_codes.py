"""What `choir` ends with, so that scripts can tell what happened.

| code | meaning |
|---|---|
| 0 | done |
| 1 | anything that has no code of its own |
| 2 | wrong options or an argument that cannot be right; nothing was sent |
| 3 | not found: no such thread, spec, position, or the program is not initialized |
| 4 | refused: the transaction or deployment failed, or would fail; nothing of it took effect |
| 5 | the wallet: no key, an unreadable or unsafe key file |
| 6 | the node or the API: unreachable, busy, behind, or an error of its own; nothing was sent |
| 7 | the transaction expired without having run; it is safe to try again |
| 8 | the outcome is unknown: the transaction may have run; look it up before trying again |
| 9 | a part of the installation is missing; the message says which extra |
| 130 | interrupted |

`choir up`, `choir localnet`, `choir doctor`, `choir demo`, `choir models where` and `choir program
verify` say in their help what 0 and 1 mean for them.
"""

from __future__ import annotations

from typing import Final

from choir.errors import (
    BlockhashExpired,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    RpcError,
    TransactionFailed,
    WalletError,
)

__all__ = ["IN_HELP", "code_of"]

OK: Final = 0
OTHER: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
REFUSED: Final = 4
WALLET: Final = 5
NODE: Final = 6
EXPIRED: Final = 7
UNKNOWN: Final = 8
NOT_INSTALLED: Final = 9
INTERRUPTED: Final = 130

IN_HELP: Final = (
    "Exit codes: 0 done, 1 other, 2 wrong input, 3 not found, 4 refused, 5 wallet, 6 no answer, "
    "7 expired without effect, 8 outcome unknown, 9 not installed, 130 interrupted (docs/cli.md)"
)

_CODES: Final = (
    (InvalidInput, USAGE),
    (NotFound, NOT_FOUND),
    (TransactionFailed, REFUSED),
    (WalletError, WALLET),
    (RpcError, NODE),
    (BlockhashExpired, EXPIRED),
    (OutcomeUnknown, UNKNOWN),
)


def code_of(error: BaseException) -> int:
    """The exit code for an error."""
    return next((code for kind, code in (*_CODES, *_rarer()) if isinstance(error, kind)), OTHER)


def _rarer() -> tuple[tuple[type[BaseException], int], ...]:
    """Errors of parts that most commands do not load."""
    from choir.deploy import DeployError
    from choir.sdk.errors import ApiUnreachable
    from choir.spaces.errors import SpaceUnreachable

    return (DeployError, REFUSED), (ApiUnreachable, NODE), (SpaceUnreachable, NODE)
