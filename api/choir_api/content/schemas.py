"""How a request brings content: as text, or sealed by its author for an encrypted thread."""

from __future__ import annotations

import base64
from typing import Annotated

from pydantic import Field

from choir.accounts import PrivacyLevel
from choir_api.content.store import Body
from choir_api.errors import ValidationFailed
from choir_api.fields import ContentHash, Text, ThreadId
from choir_api.responses import Schema


class Sealed(Schema):
    """What the client sealed; its SHA-256 goes on the chain."""

    ciphertext: Annotated[str, Field(min_length=4, max_length=200_000, description="base64")]

    def body(self, field: str) -> Body:
        """The bytes.

        Raises:
            ValidationFailed: not base64.
        """
        try:
            return Body(ciphertext=base64.b64decode(self.ciphertext, validate=True))
        except ValueError:
            raise ValidationFailed(
                f"{field}.ciphertext must be base64", field=f"{field}.ciphertext"
            ) from None


Material = Annotated[
    Text | Sealed,
    Field(description="a text, or for an encrypted thread `{ciphertext}`"),
]


def body_for(material: str | Sealed, level: PrivacyLevel, field: str = "body.content") -> Body:
    """The content as it is kept, having checked that it suits the thread's level.

    Raises:
        ValidationFailed: plain text for an encrypted thread, or sealed bytes for another.
    """
    encrypted = level is PrivacyLevel.ENCRYPTED
    if isinstance(material, Sealed):
        if not encrypted:
            raise ValidationFailed(
                "only encrypted threads take sealed content; send the text",
                code="content_not_plain",
                field=field,
            )
        return material.body(field)
    if encrypted:
        raise ValidationFailed(
            "the thread is encrypted: seal the content on your side and send {ciphertext}; "
            "the server must not see the text",
            code="content_not_sealed",
            field=field,
        )
    return Body(text=material)


class ContentRequest(Schema):
    """A content to keep for a thread; the chain names it by its hash, before or after."""

    thread_id: ThreadId
    content: Material
    content_hash: ContentHash | None = Field(
        default=None, description="checked against the content when given"
    )


class ContentKept(Schema):
    """A content that is kept. It is served once the chain has its hash in this thread."""

    thread_id: ThreadId
    content_hash: ContentHash
