"""Whoever has something open in a space: a socket, or a stream of telemetry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from choir.spaces.models import Role


def _nothing(_code: int, _reason: str) -> None:
    """Ends nothing; replaced once there is something to end."""


@dataclass(eq=False, kw_only=True)
class Visitor:
    """Who it is, and by what right.

    Attributes:
        credential: the sign-in session or the API key that it came with.
        expires_at: when the right ends by itself.
        granted: the most that the session gives.
        role: what it comes to now; follows the member's role.
        end: closes what is open, with a code of `Close` and a reason.
    """

    wallet: bytes
    space_id: str
    credential: UUID
    expires_at: datetime
    granted: Role = "reader"
    role: Role = "reader"
    end: Callable[[int, str], None] = field(default=_nothing, repr=False)
