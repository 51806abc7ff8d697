"""The port that the API is given for searching: a vector store with its embedder."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from choir.embed import EmbedError, OffLoop, load_minilm
from choir.privacy import AccessFilter
from choir.vectors import DEPTH, Hit, Query, VectorStore, Where, open_store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from choir_api.settings import Settings

log = logging.getLogger("choir_api.search")


class QueryEmbedder(Protocol):
    """What a search needs of :class:`choir.embed.OffLoop`."""

    @property
    def name(self) -> str:
        """The model with its revision."""
        ...

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        ...

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """Unit vector of a question, shape ``(dimension,)``."""
        ...

    def close(self) -> None:
        """Lets its worker end."""
        ...


class SearchEngine:
    """Finds candidates; what may leave is decided again by the service.

    Args:
        store: filled by the indexer; closed with the engine.
        embedder: of the model that the store was filled with; closed with the engine.
    """

    def __init__(self, store: VectorStore, embedder: QueryEmbedder) -> None:
        self._store = store
        self._embedder = embedder
        self._ready = False

    @classmethod
    def from_settings(cls, settings: Settings) -> SearchEngine | None:
        """The engine that the settings describe; blocks while the model is read.

        None, with a line in the log, when no vector store is named or the model's weights
        are not there: the API works on and searches by words.

        Raises:
            InvalidInput: the URL names no kind of vector store.
        """
        if settings.vectors_url is None:
            log.warning("search is by words alone: CHOIR_VECTORS_URL is not set")
            return None
        token = settings.vectors_token
        store = open_store(
            settings.vectors_url, token.get_secret_value() if token is not None else None
        )
        try:
            return cls(store, OffLoop(load_minilm(settings.model_dir)))
        except EmbedError as error:
            log.warning("search is by words alone: %s", error)
            return None

    async def find(self, text: str, access: AccessFilter, where: Where) -> list[Hit]:
        """The best hits, at most :data:`choir.vectors.DEPTH`, always the same for the same.

        Raises:
            VectorsError: the store does not answer, or is of another model.
        """
        if not self._ready:
            await self._store.ensure_collection(
                model=self._embedder.name, dimension=self._embedder.dimension
            )
            self._ready = True
        vector = await self._embedder.embed_query(text)
        return await self._store.search(
            Query(access=access, vector=vector, words=text, where=where, limit=DEPTH)
        )

    async def aclose(self) -> None:
        """Closes the store and lets the embedder's worker end."""
        self._embedder.close()
        await self._store.aclose()
