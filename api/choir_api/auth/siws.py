"""Sign-In With Solana: the message a wallet signs, and the check of what it signed.

The server writes the message and keeps it with its nonce, so that domain, chain, purpose and
times are bound by comparing the whole text. The text is CAIP-122's form for Solana.
A wallet signs either the text itself or the text in an off-chain message envelope (domain
``\\xffsolana offchain``, version 0, with or without application domain and signers).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from solders.pubkey import Pubkey
from solders.signature import Signature

OFFCHAIN_DOMAIN: Final = b"\xffsolana offchain"
_NONCE = re.compile(r"^Nonce: ([A-Za-z0-9]{8,64})$", re.MULTILINE)


@dataclass(frozen=True)
class SignInRequest:
    """Everything the message says. Times are UTC with second precision."""

    domain: str
    address: Pubkey
    statement: str
    uri: str
    chain: str
    nonce: str
    issued_at: datetime
    expires_at: datetime

    def text(self) -> str:
        """The message to sign."""
        return "\n".join(
            (
                f"{self.domain} wants you to sign in with your Solana account:",
                str(self.address),
                "",
                self.statement,
                "",
                f"URI: {self.uri}",
                "Version: 1",
                f"Chain ID: {self.chain}",
                f"Nonce: {self.nonce}",
                f"Issued At: {timestamp(self.issued_at)}",
                f"Expiration Time: {timestamp(self.expires_at)}",
            )
        )


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with seconds: ``2026-01-31T12:00:00Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def nonce_of(message: str) -> str | None:
    """The nonce a sign-in message names, or None when it names none or several."""
    found = _NONCE.findall(message)
    return found[0] if len(found) == 1 else None


def verify(message: str, signer: Pubkey, signature: Signature, envelope: bytes | None) -> bool:
    """Whether `signer` signed `message`.

    Args:
        message: the text.
        signer: who should have signed.
        signature: 64 bytes.
        envelope: the bytes that were signed when they are not the text itself: an off-chain
            message around exactly this text.
    """
    signed = message.encode()
    if envelope is not None and envelope != signed:
        if _inside(envelope, signer) != signed:
            return False
        signed = envelope
    return signature.verify(signer, signed)


def _inside(envelope: bytes, signer: Pubkey) -> bytes | None:
    """The text in an off-chain message, or None when it is not one for this signer."""
    if not envelope.startswith(OFFCHAIN_DOMAIN):
        return None
    version, rest = envelope[16:17], envelope[17:]
    if version != b"\0":
        return None
    # the full header: application domain, format, signers; else the short one: format only
    return _after_full_header(rest, signer) or _text(rest)


def _after_full_header(rest: bytes, signer: Pubkey) -> bytes | None:
    if len(rest) < 34:
        return None
    count = rest[33]
    signers, end = rest[34 : 34 + 32 * count], 34 + 32 * count
    if count == 0 or len(signers) != 32 * count:
        return None
    if bytes(signer) not in [signers[i : i + 32] for i in range(0, len(signers), 32)]:
        return None
    return _text(rest[32:33] + rest[end:])


def _text(rest: bytes) -> bytes | None:
    """Format (0 to 2), length (u16, little-endian), text; nothing after it."""
    if len(rest) < 3 or rest[0] > 2:
        return None
    length = int.from_bytes(rest[1:3], "little")
    text = rest[3:]
    return text if len(text) == length and length > 0 else None
