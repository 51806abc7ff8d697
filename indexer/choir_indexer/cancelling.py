"""Being told to stop, whatever was raised in its place."""

from __future__ import annotations

import asyncio

__all__ = ["heed_cancellation"]


def heed_cancellation() -> None:
    """Where an error is caught and work goes on: raise the cancellation that came before it.

    asyncpg rolls back when a transaction is cancelled. On a connection that is gone this raises,
    and what it raises takes the cancellation's place.

    Raises:
        asyncio.CancelledError: this task has been told to stop.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
