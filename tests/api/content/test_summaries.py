"""Summaries are made once, elsewhere than on the event loop, and not for ever remembered."""

from __future__ import annotations

import threading

from choir.ids import content_hash
from choir.privacy import Detail
from choir_api.content.store import Body
from choir_api.content.summaries import Summaries


async def test_a_summary_is_made_once_for_each_detail_and_off_the_loop() -> None:
    made: list[tuple[str, Detail]] = []
    threads: set[int] = set()

    def make(text: str, detail: Detail) -> str:
        made.append((text, detail))
        threads.add(threading.get_ident())
        return f"{detail.name} of {text}"

    summaries = Summaries(make, capacity=2)
    one, two = content_hash("one"), content_hash("two")
    texts = {one: Body(text="one"), two: Body(text="two"), b"x": Body(ciphertext=b"sealed")}
    for _ in range(2):
        found = await summaries.of(texts, Detail.LIMITED)
        assert found == {one: "LIMITED of one", two: "LIMITED of two"}
    assert sorted(made) == [("one", Detail.LIMITED), ("two", Detail.LIMITED)]
    assert threading.get_ident() not in threads
    assert await summaries.of(texts, None) == {}
    assert await summaries.of({one: texts[one]}, Detail.MINIMAL) == {one: "MINIMAL of one"}
    await summaries.of(texts, Detail.LIMITED)
    assert len(made) > 3  # the third pushed one out
