"""all-MiniLM-L6-v2 in NumPy: a six-layer BERT encoder, mean pooling, unit length.

Reproduces the pipeline of sentence-transformers for this model (``modules.json`` beside
the weights: Transformer with at most 256 word pieces, mean Pooling over the attention
mask, Normalize) in float32, without PyTorch.

Shapes: ``B`` texts of a batch, ``T`` word pieces of the longest of them, ``H`` = 12 heads
of 32, ``D`` = 384.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from choir.embed.model import MODEL_NAME, WEIGHTS, WEIGHTS_SHA256, ModelDamaged, missing_files

Floats = NDArray[np.float32]

# Word pieces of one batch, padding included; bounds the memory of the attention.
_BATCH_PIECES = 4096


class MiniLm:
    """The model, loaded from a directory with ``model.safetensors`` and ``tokenizer.json``.

    Args:
        directory: the unpacked model.
        verify: also hash the 90 MB of weights against the pinned sha-256 (a tenth of a
            second); without it, shapes and names are checked and nothing else.

    Raises:
        ModelDamaged: files are missing, unreadable or not this model's.
    """

    def __init__(self, directory: Path, *, verify: bool = False) -> None:
        absent = missing_files(directory)
        if absent:
            raise ModelDamaged(f"{directory} is not the model: {', '.join(absent)} missing")
        path = directory / WEIGHTS
        if verify and _sha256(path) != WEIGHTS_SHA256:
            raise ModelDamaged(
                f"{path} is not the pinned {MODEL_NAME}; remove its directory and run: "
                "choir models fetch"
            )
        try:
            config: dict[str, Any] = json.loads((directory / "config.json").read_text())
            limit = int(
                json.loads((directory / "sentence_bert_config.json").read_text())["max_seq_length"]
            )
            self._tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
            self._weights: dict[str, Floats] = load_file(path)
            self._heads = int(config["num_attention_heads"])
            self._epsilon = np.float32(config["layer_norm_eps"])
            self._layers = [self._layer(index) for index in range(config["num_hidden_layers"])]
            self._words = self._weights["embeddings.word_embeddings.weight"]
            self._positions = (
                self._weights["embeddings.position_embeddings.weight"]
                + self._weights["embeddings.token_type_embeddings.weight"][0]
            )
        # the two libraries raise their own and plain exceptions for a broken file
        except Exception as error:
            raise ModelDamaged(f"{directory} does not hold {MODEL_NAME}: {error}") from error
        # the file's own settings cut at 128 and pad to it; sentence-transformers overrides them
        self._tokenizer.enable_truncation(limit)
        self._tokenizer.no_padding()

    @property
    def name(self) -> str:
        """The model and the beginning of its weights' sha-256."""
        return f"{MODEL_NAME}@{WEIGHTS_SHA256[:8]}"

    @property
    def dimension(self) -> int:
        """384."""
        return int(self._words.shape[1])

    def embed_query(self, text: str) -> Floats:
        """Unit vector of ``text``, shape ``(384,)``; what is past 256 word pieces is cut."""
        vector: Floats = self.embed_texts([text])[0]
        return vector

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """Unit vectors of ``texts``, shape ``(len(texts), 384)``, in their order.

        A text's vector does not depend on its neighbours beyond float32 rounding (1e-6).
        """
        # unpaired surrogates cannot be encoded as UTF-8, which the tokenizer speaks
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        pieces = [encoding.ids for encoding in self._tokenizer.encode_batch(clean)]
        vectors = np.empty((len(pieces), self.dimension), np.float32)
        for rows in _batches([len(ids) for ids in pieces]):
            vectors[rows] = self._encode([pieces[row] for row in rows])
        return vectors

    def _layer(self, index: int) -> dict[str, Floats]:
        """One layer's weights, as products need them."""
        prefix = f"encoder.layer.{index}."
        names = [f"attention.self.{part}" for part in ("query", "key", "value")]

        def get(name: str) -> Floats:
            return self._weights[prefix + name]

        return {
            "qkv": np.concatenate([get(f"{name}.weight") for name in names]).T,
            "qkv_bias": np.concatenate([get(f"{name}.bias") for name in names]),
            "out": get("attention.output.dense.weight").T,
            "out_bias": get("attention.output.dense.bias"),
            "norm1": get("attention.output.LayerNorm.weight"),
            "norm1_bias": get("attention.output.LayerNorm.bias"),
            "up": get("intermediate.dense.weight").T,
            "up_bias": get("intermediate.dense.bias"),
            "down": get("output.dense.weight").T,
            "down_bias": get("output.dense.bias"),
            "norm2": get("output.LayerNorm.weight"),
            "norm2_bias": get("output.LayerNorm.bias"),
        }

    def _encode(self, pieces: list[list[int]]) -> Floats:
        """``B`` lists of word pieces to ``(B, D)`` unit vectors."""
        longest = max(map(len, pieces))
        ids = np.zeros((len(pieces), longest), np.int64)
        mask = np.zeros((len(pieces), longest), np.float32)
        for row, piece in enumerate(pieces):
            ids[row, : len(piece)] = piece
            mask[row, : len(piece)] = 1
        hidden = self._norm(
            self._words[ids] + self._positions[:longest],
            self._weights["embeddings.LayerNorm.weight"],
            self._weights["embeddings.LayerNorm.bias"],
        )
        # added to the scores: nothing attends to padding
        shut = ((1 - mask) * np.finfo(np.float32).min)[:, None, None, :]
        for layer in self._layers:
            hidden = self._norm(
                hidden + self._attend(hidden, layer, shut), layer["norm1"], layer["norm1_bias"]
            )
            wide = _gelu(hidden @ layer["up"] + layer["up_bias"])
            hidden = self._norm(
                hidden + (wide @ layer["down"] + layer["down_bias"]),
                layer["norm2"],
                layer["norm2_bias"],
            )
        pooled = np.einsum("btd,bt->bd", hidden, mask) / mask.sum(axis=1, keepdims=True)
        unit: Floats = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return unit

    def _attend(self, hidden: Floats, layer: dict[str, Floats], shut: Floats) -> Floats:
        """Multi-head self-attention, ``(B, T, D)`` to ``(B, T, D)``."""
        batch, length, width = hidden.shape
        size = width // self._heads
        joint = (hidden @ layer["qkv"] + layer["qkv_bias"]).reshape(
            batch, length, 3, self._heads, size
        )
        query, key, value = (joint[:, :, part].transpose(0, 2, 1, 3) for part in range(3))
        scores = query @ key.transpose(0, 1, 3, 2) * np.float32(1 / math.sqrt(size)) + shut
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        mixed = (scores @ value).transpose(0, 2, 1, 3).reshape(batch, length, width)
        attended: Floats = mixed @ layer["out"] + layer["out_bias"]
        return attended

    def _norm(self, x: Floats, weight: Floats, bias: Floats) -> Floats:
        """Layer normalisation over the last axis."""
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = np.square(centred).mean(axis=-1, keepdims=True)
        normal: Floats = centred / np.sqrt(variance + self._epsilon) * weight + bias
        return normal


def _gelu(x: Floats) -> Floats:
    """x·Φ(x), exact form; Φ by Abramowitz & Stegun 7.1.26 (absolute error below 1.5e-7)."""
    z = np.abs(x) * np.float32(math.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * z)
    series = np.full_like(t, 1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series *= t
        series += np.float32(coefficient)
    tail = series * t * np.exp(-z * z)  # erfc(|x|/√2)
    half: Floats = x * np.float32(0.5)
    product: Floats = half * np.where(x < 0, tail, 2 - tail)
    return product


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Row numbers in batches of like length, so that little is padded."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and lengths[row] * (len(batch) + 1) > _BATCH_PIECES:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
