"""The model's vectors: against published ones, against a plain reference, and as laws."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from scipy.special import erf
from tokenizers import Tokenizer

from choir.embed import Embedder, ModelDamaged, OffLoop, load_minilm, locate_model
from choir.embed.minilm import MiniLm, _gelu

pytestmark = pytest.mark.model

SENTENCES = [
    "This is an example sentence",
    "Each sentence is converted",
    "Co-authors of a thread approve or deny a staked message.",
    "",
    "naïve café — 漢字 🙂 " * 3,
    "word " * 400,
]


@pytest.fixture(scope="module")
def model() -> MiniLm:
    return load_minilm()


def _reference(text: str) -> NDArray[np.float64]:
    """The same pipeline once more in float64: one text, one head at a time, no padding."""
    directory = locate_model()
    weights = {
        name: array.astype(np.float64)
        for name, array in load_file(directory / "model.safetensors").items()
    }
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    ids = tokenizer.encode(text).ids

    def dense(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    x = norm(
        weights["embeddings.word_embeddings.weight"][ids]
        + weights["embeddings.position_embeddings.weight"][: len(ids)]
        + weights["embeddings.token_type_embeddings.weight"][0],
        "embeddings.LayerNorm",
    )
    for layer in range(6):
        at = f"encoder.layer.{layer}"
        q, k, v = (dense(x, f"{at}.attention.self.{n}") for n in ("query", "key", "value"))
        heads = []
        for head in range(12):
            cut = slice(32 * head, 32 * head + 32)
            scores = np.exp(q[:, cut] @ k[:, cut].T / np.sqrt(32))
            heads.append(scores / scores.sum(-1, keepdims=True) @ v[:, cut])
        mixed = dense(np.concatenate(heads, -1), f"{at}.attention.output.dense")
        x = norm(x + mixed, f"{at}.attention.output.LayerNorm")
        wide = dense(x, f"{at}.intermediate.dense")
        wide = wide * (1 + erf(wide / np.sqrt(2))) / 2
        x = norm(x + dense(wide, f"{at}.output.dense"), f"{at}.output.LayerNorm")
    pooled = x.mean(0)
    return pooled / np.linalg.norm(pooled)


def test_it_is_an_embedder_of_384_dimensions(model: MiniLm) -> None:
    assert isinstance(model, Embedder)
    assert model.dimension == 384
    assert model.name == "all-MiniLM-L6-v2@53aa5117"
    assert model.embed_texts([]).shape == (0, 384)
    vectors = model.embed_texts(SENTENCES)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(SENTENCES), 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_it_agrees_with_vectors_others_published(model: MiniLm) -> None:
    # "This is an example sentence" as sentence-transformers gives it, and, from PyTorch's
    # BertModel before the normalisation, the direction of "Each sentence is converted"
    # (mean pooling; github.com/ToluClassics/mlx-transformers, thread 23)
    first, second = model.embed_texts(SENTENCES[:2])
    np.testing.assert_allclose(
        first[:8],
        [0.0676569, 0.0634959, 0.0487131, 0.0793050, 0.0374481, 0.0026528, 0.0393750, -0.0070984],
        atol=1e-6,
    )
    pooled = np.array([0.541010201, 0.643181562, 0.0337639935])
    np.testing.assert_allclose(second[1:3] / second[0], pooled[1:] / pooled[0], rtol=2e-5)


@pytest.mark.parametrize("text", SENTENCES)
def test_it_agrees_with_a_plain_float64_reference(model: MiniLm, text: str) -> None:
    np.testing.assert_allclose(model.embed_query(text), _reference(text), atol=1e-6)


def test_gelu_is_exact_to_float32() -> None:
    x = np.linspace(-12, 12, 20_001, dtype=np.float32)
    exact = x.astype(np.float64) * (1 + erf(x.astype(np.float64) / np.sqrt(2))) / 2
    np.testing.assert_allclose(_gelu(x), exact, atol=1e-6)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.text(max_size=120), min_size=1, max_size=6))
def test_a_text_does_not_depend_on_its_neighbours(model: MiniLm, texts: list[str]) -> None:
    together = model.embed_texts(texts)
    alone = np.stack([model.embed_query(text) for text in texts])
    np.testing.assert_allclose(together, alone, atol=2e-6)


def test_padding_changes_nothing(model: MiniLm) -> None:
    short = "a thread opens"
    np.testing.assert_allclose(
        model.embed_texts([short, "long " * 200])[0], model.embed_query(short), atol=2e-6
    )


def test_what_is_past_256_pieces_is_cut(model: MiniLm) -> None:
    start = "stake " * 254  # with the two markers: exactly the limit
    np.testing.assert_array_equal(
        model.embed_query(start), model.embed_query(start + "unrelated penguins")
    )
    assert not np.array_equal(
        model.embed_query("stake " * 253), model.embed_query("stake " * 253 + "penguins")
    )


@pytest.mark.parametrize(
    ("query", "near", "far"),
    [
        ("a cat sits on a mat", "a kitten rests on a rug", "the central bank raised its rates"),
        ("how do I withdraw my stake", "divesting tokens from a thread", "a recipe for bread"),
        ("the code does not compile", "a syntax error in the program", "a walk along the river"),
        ("music for a film", "the score of a movie", "vaccines and immunity"),
    ],
)
def test_what_means_the_same_is_nearer(model: MiniLm, query: str, near: str, far: str) -> None:
    vectors = model.embed_texts([near, far])
    close, distant = vectors @ model.embed_query(query)
    assert close > distant + 0.1


def test_unpaired_surrogates_do_not_stop_it(model: MiniLm) -> None:
    assert np.isfinite(model.embed_query("broken \ud800 text")).all()


async def test_the_event_loop_goes_on_meanwhile(model: MiniLm) -> None:
    threads: set[int] = set()

    class Watched:
        name, dimension = model.name, model.dimension

        def embed_texts(self, texts: list[str]) -> NDArray[np.float32]:
            threads.add(threading.get_ident())
            return model.embed_texts(texts)

        def embed_query(self, text: str) -> NDArray[np.float32]:
            threads.add(threading.get_ident())
            return model.embed_query(text)

    off = OffLoop(Watched())
    many, one = await asyncio.gather(off.embed_texts(SENTENCES), off.embed_query(SENTENCES[0]))
    off.close()
    assert threads
    assert threading.get_ident() not in threads
    np.testing.assert_allclose(many[0], one, atol=2e-6)


def test_a_directory_that_is_not_the_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelDamaged, match=r"model\.safetensors, .* missing"):
        MiniLm(tmp_path)
    for name in ("config.json", "sentence_bert_config.json", "tokenizer.json"):
        (tmp_path / name).symlink_to(locate_model() / name)
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelDamaged, match="does not hold all-MiniLM-L6-v2"):
        MiniLm(tmp_path)
    save_file({"x": np.zeros(1, np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(ModelDamaged, match="does not hold"):
        MiniLm(tmp_path)
    with pytest.raises(ModelDamaged, match="not the pinned"):
        MiniLm(tmp_path, verify=True)


def test_the_limit_is_the_one_in_the_models_own_settings() -> None:
    settings_file = locate_model() / "sentence_bert_config.json"
    assert json.loads(settings_file.read_text())["max_seq_length"] == 256
