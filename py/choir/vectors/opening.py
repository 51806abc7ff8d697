"""From a URL to the engine behind it."""

from __future__ import annotations

from pathlib import Path

from choir.errors import InvalidInput
from choir.vectors.protocol import VectorStore


def open_store(url: str, token: str | None = None) -> VectorStore:
    """The store that ``url`` names; nothing is connected or opened before its first use.

    Args:
        url: ``edge:<directory>``, ``edge+http://127.0.0.1:<port>`` or ``http(s)://…``.
        token: bearer token of a hosted engine, or API key of a Qdrant server.

    Raises:
        InvalidInput: none of these forms, or a hosted engine without a token.
    """
    if url.startswith("edge+http://"):
        from choir.vectors.remote import RemoteStore

        if not token:
            raise InvalidInput(f"{url} needs a bearer token: set CHOIR_VECTORS_TOKEN")
        return RemoteStore.at(url.removeprefix("edge+"), token)
    if url.startswith("edge:") and url != "edge:":
        from choir.vectors.edge import EdgeStore

        return EdgeStore(Path(url.removeprefix("edge:")).expanduser())
    if url.startswith(("http://", "https://")):
        from choir.vectors.server import ServerStore

        return ServerStore.at(url, api_key=token)
    raise InvalidInput(
        f"{url!r} is not a vector store; use edge:<directory>, edge+http://127.0.0.1:<port> "
        "or the http(s):// URL of a Qdrant server"
    )
