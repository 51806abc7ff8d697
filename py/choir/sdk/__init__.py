"""The API from Python: REST with `ChoirApi`, live threads with `ThreadSocket`.

::

    async with ChoirApi("http://127.0.0.1:8000", wallet=signer) as api:
        await api.sign_in()
        built = await api.create_thread("design", deposit=10_000_000)
        await api.submit(built)              # checked, signed here, followed to its end
        async with api.socket("ws://127.0.0.1:8001/v1/ws") as socket:
            await socket.subscribe("design")
            async for update in socket:
                ...

The server never sees a key: it builds transactions, this side checks and signs them.
Errors are those of `choir.sdk.errors`, under `choir.errors.ChoirError`.
"""

from __future__ import annotations

from choir.sdk.errors import (
    ApiError,
    ApiRateLimited,
    ApiUnreachable,
    SocketClosed,
    SocketRefused,
    UntrustedTransaction,
)
from choir.sdk.models import (
    Built,
    Challenge,
    Content,
    Landed,
    MessageInfo,
    Page,
    PositionInfo,
    SearchHit,
    SpecInfo,
    ThreadInfo,
    Tokens,
    TransactionInfo,
)
from choir.sdk.rest import ChoirApi
from choir.sdk.thread_socket import Delta, Dismissed, Snapshot, ThreadSocket, Update

__all__ = [
    "ApiError",
    "ApiRateLimited",
    "ApiUnreachable",
    "Built",
    "Challenge",
    "ChoirApi",
    "Content",
    "Delta",
    "Dismissed",
    "Landed",
    "MessageInfo",
    "Page",
    "PositionInfo",
    "SearchHit",
    "Snapshot",
    "SocketClosed",
    "SocketRefused",
    "SpecInfo",
    "ThreadInfo",
    "ThreadSocket",
    "Tokens",
    "TransactionInfo",
    "UntrustedTransaction",
    "Update",
]
