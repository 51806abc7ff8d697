"""A content as one viewer gets it; :mod:`choir.privacy` decides, this only obeys."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field
from solders.pubkey import Pubkey

from choir.privacy import ANONYMOUS, Access, Content, Level, View, Viewer, decide
from choir_api.auth.principal import Principal
from choir_api.content.store import Body
from choir_api.fields import ContentHash
from choir_api.responses import Schema


class ContentView(Schema):
    """What the viewer sees of a content whose hash is on the chain."""

    content_hash: ContentHash
    view: Literal["full", "summary", "ciphertext", "existence", "missing"] = Field(
        description="`missing`: the chain has the hash, nobody has brought the content"
    )
    text: str | None = Field(default=None, description="the content, when the view is full")
    summary: str | None = None
    ciphertext: str | None = Field(default=None, description="base64")


def viewer_of(principal: Principal | None, thread: Pubkey, co_authors: Iterable[Pubkey]) -> Viewer:
    """The asking wallet as the privacy policy sees it in front of one thread."""
    if principal is None:
        return ANONYMOUS
    return Viewer(
        wallet=str(principal.wallet),
        premium=principal.premium,
        threads=frozenset({str(thread)}) if principal.wallet in co_authors else frozenset(),
    )


def access_to(viewer: Viewer, thread: Pubkey, level: int, *, certain: bool) -> Access:
    """The viewer's rights and view on the contents of a thread.

    Args:
        viewer: who is asking.
        thread: its address.
        level: the one in force, as :mod:`choir_api.mirror` gives it.
        certain: whether the mirror is fresh; see :func:`choir.privacy.decide`.
    """
    return decide(viewer, Content(thread=str(thread), level=Level(level)), certain=certain)


def render(
    digest: bytes, body: Body | None, access: Access, summaries: Mapping[bytes, str]
) -> ContentView:
    """The content in the form that `access` allows.

    Args:
        digest: its SHA-256.
        body: None when nobody has brought it.
        access: of the viewer.
        summaries: of texts by hash, in the detail that `access` names; see
            :class:`choir_api.content.summaries.Summaries`.
    """
    if access.view is View.EXISTENCE:
        return ContentView(content_hash=digest, view="existence")
    if body is None:
        return ContentView(content_hash=digest, view="missing")
    if access.view is View.FULL and body.text is not None:
        return ContentView(content_hash=digest, view="full", text=body.text)
    if access.view is View.SUMMARY and digest in summaries:
        return ContentView(content_hash=digest, view="summary", summary=summaries[digest])
    if access.view in (View.CIPHERTEXT, View.FULL) and body.ciphertext is not None:
        sealed = base64.b64encode(body.ciphertext).decode()
        return ContentView(content_hash=digest, view="ciphertext", ciphertext=sealed)
    if access.view is View.CIPHERTEXT and body.text is not None:
        # brought before the thread was encrypted: its co-authors have every right to it
        return ContentView(content_hash=digest, view="full", text=body.text)
    return ContentView(content_hash=digest, view="existence")
