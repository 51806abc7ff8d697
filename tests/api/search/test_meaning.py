"""With the real model: a question in other words finds its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
import pytest
from tests.api.support import ManualClock
from tests.indexer.vectors.seeding import Seeder

from choir.embed import OffLoop, load_minilm
from choir.privacy import Level
from choir.vectors.edge import EdgeStore
from choir_api.search import SearchEngine
from choir_indexer.vectors import Pump

pytestmark = pytest.mark.model

SAID = [
    "Whoever leaves takes their share of the pot with them, after a cooldown.",
    "The festival in the old harbour starts on Friday with two string quartets.",
    "A spec that nobody answers within a week expires and its stake goes back.",
    "Tomatoes want sun, warmth and not too much water.",
    "The compiler refuses a frame larger than four kilobytes.",
]


@pytest.fixture(scope="module")
def model() -> OffLoop:
    return OffLoop(load_minilm())


@pytest.fixture
async def engine(store: EdgeStore, model: OffLoop) -> SearchEngine:
    return SearchEngine(store, model)  # the model outlives one test


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("how do I withdraw my money from a thread?", 0),
        ("is there live music this weekend?", 1),
        ("what happens when my proposal times out?", 2),
        ("growing vegetables", 3),
        ("stack size error at link time", 4),
    ],
)
async def test_a_question_in_other_words_finds_its_answer(
    question: str,
    answer: int,
    seed: Seeder,
    store: EdgeStore,
    model: OffLoop,
    database_url: str,
    search: Callable[..., Awaitable[httpx.Response]],
) -> None:
    await seed.thread("mixed")
    await seed.thread("closed", level=Level.THREAD_ONLY)
    for number, text in enumerate(SAID):
        await seed.said("mixed", number, text)
    await seed.said("closed", 0, question)  # the best match of all, and hidden
    await Pump(database_url, store, model, clock=ManualClock()).run_once()
    found = (await search(question, limit=5)).json()["data"]["items"]
    assert found[0]["content"]["text"] == SAID[answer]
    assert question not in [item["content"]["text"] for item in found]
