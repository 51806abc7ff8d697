"""Who a request speaks for, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from solders.pubkey import Pubkey


class Scope(StrEnum):
    """What a session or a key may be used for."""

    READ = "read"  # contents as the wallet may see them
    WRITE = "write"  # store contents, build and submit transactions
    SEARCH = "search"
    SPACES = "spaces"
    ACCOUNT = "account"  # sessions and keys; never given to a key


SESSION_SCOPES = frozenset(Scope)
KEY_SCOPES = frozenset(Scope) - {Scope.ACCOUNT}


@dataclass(frozen=True)
class Principal:
    """A wallet that proved itself, by a session or by one of its API keys.

    Attributes:
        wallet: whose keys signed in or made the API key.
        premium: granted by the operator, and not expired.
        scopes: what this credential may be used for.
        session_id: the session, or None for an API key.
        key_id: the API key, or None for a session.
    """

    wallet: Pubkey
    premium: bool
    scopes: frozenset[Scope]
    session_id: UUID | None = None
    key_id: UUID | None = None

    @property
    def caller(self) -> str:
        """The name that allowances and idempotency keys are counted under."""
        return f"key:{self.key_id}" if self.key_id else f"wallet:{self.wallet}"
