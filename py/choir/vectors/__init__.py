"""Messages by meaning and by words: one port, three engines behind it.

================================ =====================================================
``CHOIR_VECTORS_URL``            engine
================================ =====================================================
``edge:<directory>``             Qdrant Edge in this process; one process at a time
``edge+http://127.0.0.1:<port>`` the same, hosted by the indexer; needs a bearer token
``http(s)://…``                  a Qdrant server
================================ =====================================================

Every search takes an :class:`~choir.privacy.AccessFilter`; there is no search without one.
"""

from choir.vectors.errors import (
    ModelMismatch,
    VectorsError,
    VectorsRefused,
    VectorsUnavailable,
)
from choir.vectors.fusion import DEPTH, fuse
from choir.vectors.opening import open_store
from choir.vectors.protocol import Hit, Page, Point, Query, VectorStore, Where, point_id

__all__ = [
    "DEPTH",
    "Hit",
    "ModelMismatch",
    "Page",
    "Point",
    "Query",
    "VectorStore",
    "VectorsError",
    "VectorsRefused",
    "VectorsUnavailable",
    "Where",
    "fuse",
    "open_store",
    "point_id",
]
