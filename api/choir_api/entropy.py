"""Randomness as a port, so that nonces, tokens and keys can be fixed in a test."""

from __future__ import annotations

import secrets
from typing import Protocol


class Entropy(Protocol):
    """Where the API takes nonces, tokens and key secrets from."""

    def token(self, size: int) -> bytes:
        """``size`` unpredictable bytes."""
        ...


class SystemEntropy:
    """The operating system's random source."""

    def token(self, size: int) -> bytes:
        """``size`` bytes from :mod:`secrets`."""
        return secrets.token_bytes(size)
