"""What can go wrong with a vector store.

``VectorsError``
├── ``VectorsUnavailable``  it does not answer now; nothing is lost, come again
├── ``VectorsRefused``      it answers and does not let this caller in
└── ``ModelMismatch``       its vectors are of another model; rebuild it or use that model
"""

from __future__ import annotations

from choir.errors import ChoirError


class VectorsError(ChoirError):
    """Base of the errors of a vector store."""


class VectorsUnavailable(VectorsError):
    """The store does not answer now."""


class VectorsRefused(VectorsError):
    """The store does not accept the token."""


class ModelMismatch(VectorsError):
    """The collection holds vectors of another model or dimension; they are never mixed."""
