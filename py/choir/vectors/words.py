"""Words as sparse vectors: BM25 term weights, with the engines doing the inverse frequencies.

The tokenizer, stemmer and stop words are those of Qdrant Edge, for each engine, so that a
text has the same sparse vector in all of them. The inverse document frequency is taken over
points that have words, which are the public ones: how often a word occurs in hidden content
moves no score that a viewer can see.
"""

from __future__ import annotations

from functools import cache

from qdrant_edge import Bm25, Bm25Config

# Typical length of a message in words; BM25 relates each text's length to it.
AVERAGE_WORDS = 64

Sparse = tuple[list[int], list[float]]


@cache
def _model() -> Bm25:
    return Bm25(Bm25Config(avg_len=float(AVERAGE_WORDS), ascii_folding=True))


def of_text(text: str) -> Sparse:
    """Indices and weights of a stored text."""
    vector = _model().embed_document(text)
    return list(vector.indices), list(vector.values)


def of_query(text: str) -> Sparse:
    """Indices and weights of a question: each different word counts once."""
    vector = _model().embed_query(text)
    return list(vector.indices), list(vector.values)
