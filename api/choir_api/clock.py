"""Time and randomness as ports, so that expiry and tokens can be tested without waiting."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the API takes the time from."""

    def now(self) -> datetime:
        """The current time, timezone-aware, in UTC."""
        ...


class Entropy(Protocol):
    """Where the API takes nonces, tokens and key secrets from."""

    def token(self, size: int) -> bytes:
        """``size`` unpredictable bytes."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current time in UTC."""
        return datetime.now(UTC)


class SystemEntropy:
    """The operating system's random source."""

    def token(self, size: int) -> bytes:
        """``size`` bytes from :mod:`secrets`."""
        return secrets.token_bytes(size)
