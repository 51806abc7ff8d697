"""Text to vectors, behind one protocol.

``load_minilm()`` gives the default model in NumPy; ``OffLoop`` runs any embedder outside
the event loop; ``locate_model`` and ``fetch_model`` find and get the weights.
Importing this package imports no NumPy: the model does, when it is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from choir.embed.model import (
    MODEL_NAME,
    EmbedError,
    ModelDamaged,
    ModelMissing,
    cache_directory,
    fetch_model,
    locate_model,
)
from choir.embed.protocol import Embedder, OffLoop

if TYPE_CHECKING:
    from choir.embed.minilm import MiniLm

__all__ = [
    "MODEL_NAME",
    "EmbedError",
    "Embedder",
    "ModelDamaged",
    "ModelMissing",
    "OffLoop",
    "cache_directory",
    "fetch_model",
    "load_minilm",
    "locate_model",
]


def load_minilm(directory: Path | None = None) -> MiniLm:
    """The default embedder, from ``directory`` or from where :func:`locate_model` finds it.

    Raises:
        ModelMissing: no weights; the message says how to get them.
        ModelDamaged: the directory does not hold this model.
        EmbedError: the extra ``choir[embed]`` is not installed.
    """
    try:
        from choir.embed.minilm import MiniLm
    except ImportError as error:
        raise EmbedError(
            f"text vectors need {error.name}; install it with: pip install 'choir[embed]'"
        ) from error
    return MiniLm(directory or locate_model())
