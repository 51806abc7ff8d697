"""The library's errors as the API's, once: nothing else here knows both."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from choir.errors import (
    AnchorError,
    BlockhashExpired,
    ChoirError,
    ChoirProgramError,
    InvalidInput,
    OutcomeUnknown,
    RpcError,
    TokenError,
    TransactionFailed,
)
from choir_api.errors import (
    ApiError,
    Conflict,
    Forbidden,
    RateLimited,
    Unavailable,
    ValidationFailed,
)

log = logging.getLogger(__name__)

_WRONG_VALUES = frozenset(
    {
        "StakeBelowMinimum",
        "DepositBelowMinimum",
        "AmountZero",
        "ThreadIdLength",
        "DepositBuysNoShare",
        "DepositTooCoarse",
        "PrivacyUnchanged",
    }
)
# what the wallet has is not enough; `choir` and SPL Token say it in their own ways
_TOO_LITTLE = frozenset({"InsufficientFunds"})
_NO_LAMPORTS = ("InsufficientFundsForFee", "InsufficientFundsForRent", "AccountNotFound")
_AGAIN = {
    "WrongMessage": "another message landed first; build the transaction again",
    "PrivacyMismatch": "the thread's level changed since this was built; look again and sign anew",
    "SlippageExceeded": "the price of a share moved since this was built; look again and sign anew",
    "StaleSpec": "the spec was submitted anew since this was built; look again and decide anew",
    "StaleAuthorEpoch": "the co-authors changed since this was built; look again and decide anew",
}
REBUILD = "its blockhash has expired; ask for the transaction again and sign the new one"


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the library raises inside the block into the API's errors."""
    try:
        yield
    except ChoirError as error:
        raise refusal_for(error) from error


def refusal_for(error: ChoirError) -> ApiError:
    """The API's error for one of the library's; program errors keep their names as codes."""
    match error:
        case ChoirProgramError():
            return _program(error)
        case AnchorError() if error.name == "ConstraintSeeds" and "`message`" in str(error):
            return Conflict(_AGAIN["WrongMessage"], code="wrong_message")
        case AnchorError() if error.name == "AccountNotInitialized" and "co-author" in str(error):
            return Forbidden(str(error), code="not_co_author")
        case TokenError() if error.code == 1:
            return Conflict(
                "the wallet's token account holds less than the amount",
                code="insufficient_balance",
            )
        case BlockhashExpired():
            return Conflict(REBUILD, code="blockhash_expired")
        case OutcomeUnknown():
            log.warning("a transaction's outcome is not known: %s", error)
            return Unavailable(
                "it is not known whether the transaction ran; ask GET /v1/transaction/"
                f"{error.signature} what became of it, and sign nothing new before it is known",
                code="outcome_unknown",
                details={"signature": error.signature},
            )
        case TransactionFailed():
            return _failed(error)
        case RpcError():
            log.warning("the chain's node: %s", error)
            return Unavailable("the chain's node does not answer now; try again shortly")
        case InvalidInput():
            return ValidationFailed(str(error), code="invalid_transaction")
        case _:
            log.error("unexpected from the chain: %r", error)
            return Unavailable("the chain answers what cannot be understood")


def _program(error: ChoirProgramError) -> ApiError:
    name = error.name
    code = snake_case(name)
    message = _AGAIN.get(name, str(error))
    if name in _WRONG_VALUES:
        return ValidationFailed(message, code=code)
    if name == "NotCoAuthor":
        return Forbidden(message, code=code)
    if name == "MessageRateExceeded":
        return RateLimited(message, code=code, retry_after_s=3600)
    if name in _TOO_LITTLE:
        return Conflict(message, code="insufficient_balance")
    return Conflict(message, code=code)


def _failed(error: TransactionFailed) -> ApiError:
    kind = error.err if isinstance(error.err, str) else next(iter(error.err or ()), "")
    if kind == "BlockhashNotFound":
        return Conflict(REBUILD, code="blockhash_expired")
    if kind == "AlreadyProcessed":
        return Conflict("this transaction has already run", code="already_processed")
    if kind in _NO_LAMPORTS:
        return Conflict(
            "the wallet has too few lamports for the fee and the accounts this opens; "
            "send it some SOL first",
            code="insufficient_lamports",
        )
    return Conflict(str(error), code="transaction_failed")


def snake_case(name: str) -> str:
    """``StakeBelowMinimum`` → ``stake_below_minimum``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
