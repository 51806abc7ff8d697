"""The port: what anything that turns text into vectors has to be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into unit vectors; blocking, and safe to call from one thread at a time."""

    @property
    def name(self) -> str:
        """The model with its revision; a collection of vectors records it, never mixing two."""
        ...

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of documents: float32, shape ``(len(texts), dimension)``, each of length 1."""
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Vector of a question: float32, shape ``(dimension,)``, of length 1."""
        ...


class OffLoop:
    """An embedder for coroutines: one worker thread of its own, so the loop never waits.

    NumPy lets go of the interpreter lock inside its matrix products, which is where an
    embedder spends its time.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="embed")

    @property
    def name(self) -> str:
        """The embedder's name."""
        return self.embedder.name

    @property
    def dimension(self) -> int:
        """The embedder's dimension."""
        return self.embedder.dimension

    async def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As :meth:`Embedder.embed_texts`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, self.embedder.embed_texts, list(texts))

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """As :meth:`Embedder.embed_query`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, self.embedder.embed_query, text)

    def close(self) -> None:
        """Lets the worker thread end after what it is doing."""
        self._worker.shutdown(wait=False, cancel_futures=True)
