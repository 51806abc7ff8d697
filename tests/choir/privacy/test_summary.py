"""Summaries never tell more than their level allows, whatever the text."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choir.privacy import LIMITS, Detail, SummaryOverexposure, check_summary, exposure, summarise
from choir.privacy.summary import SCOPE, TOPICS, particulars_of, words_of

TEXT = (
    "Yesterday Alice Moreau sent 4,200 tokens to the treasury for the music festival in Lyon. "
    "The proposal asks for staking rewards that grow with governance work over several seasons. "
    "We expect the research to take a while, and the budget is tight. "
    "Write to alice@moreau.example or see https://moreau.example/plan before seven o'clock. "
    "Nobody outside this thread should know how the voting went, nor why the funding moved."
)

vocabulary = st.sampled_from(
    ["governance", "Music", "seven", "42", "Ana", "the", "river", "quietly", "über", "voting",
     "budget", "BudgetX", "a@b.c", "漢字", "½", "a", "short", "message", "about", "research", ".",
     "🙂", "→", "—"]
)  # fmt: skip
texts = st.one_of(
    st.text(max_size=400), st.lists(vocabulary, max_size=120).map(" ".join), st.just(TEXT)
)


@settings(max_examples=1500, deadline=None)
@given(texts, st.sampled_from(Detail))
def test_every_summary_passes_its_own_check_and_is_deterministic(text: str, detail: Detail) -> None:
    summary = summarise(text, detail)
    check_summary(text, summary, detail)
    assert summary
    assert summarise(text, detail) == summary


@settings(max_examples=1500, deadline=None)
@given(texts)
def test_a_minimal_summary_says_nothing_but_length_and_topics(text: str) -> None:
    said = set(words_of(summarise(text, Detail.MINIMAL)))
    said -= {"a", "short", "medium", "long", "message", "about", "and"}
    assert said <= TOPICS
    assert said.isdisjoint(particulars_of(text))


@settings(max_examples=500, deadline=None)
@given(st.lists(vocabulary, min_size=4, max_size=60).map(" ".join), st.sampled_from(Detail))
def test_the_whole_text_is_never_its_summary(text: str, detail: Detail) -> None:
    with pytest.raises(SummaryOverexposure):
        check_summary(text, text, detail)


def test_detail_decreases_with_the_level() -> None:
    detailed, limited, minimal = (
        exposure(TEXT, summarise(TEXT, detail))
        for detail in (Detail.DETAILED, Detail.LIMITED, Detail.MINIMAL)
    )
    assert detailed.share >= limited.share > minimal.share
    assert minimal.run <= 1
    assert summarise(TEXT, Detail.MINIMAL) == "A medium message about budget and funding"
    assert len(words_of(summarise(TEXT, Detail.LIMITED))) >= 6


@pytest.mark.parametrize(
    ("summary", "why"),
    [
        ("A message about Alice", "names or numbers"),
        ("a note by moreau", "names or numbers"),
        ("moved 4,200 of something", "names or numbers"),
        ("at seven", "names or numbers"),
        ("how the voting went", "in a row"),
        ("something that took a great many words to say so little of anything at all", "words"),
        ("x" * 97, "characters"),
    ],
)
def test_the_minimal_check_says_what_it_refuses(summary: str, why: str) -> None:
    with pytest.raises(SummaryOverexposure, match=why) as refused:
        check_summary(TEXT, summary, Detail.MINIMAL)
    assert "Alice" not in str(refused.value)
    assert "voting" not in str(refused.value)


def test_a_close_paraphrase_passes_and_a_quotation_does_not() -> None:
    check_summary(TEXT, "People talk about a proposal and its costs", Detail.LIMITED)
    quotation = "The proposal asks for staking rewards that grow with governance work over seasons"
    with pytest.raises(SummaryOverexposure):
        check_summary(TEXT, quotation, Detail.LIMITED)


@pytest.mark.parametrize(
    "particular",
    [
        "Ana",
        "McX",
        "42",
        "½",
        "四",
        "twelve",
        "ana@x.org",
        "#plan",
        "x.org/a",
        "€5",
        "3:15",
        "B2",
        "🙂",
        "→",
    ],
)
def test_particulars_are_found(particular: str) -> None:
    found = particulars_of(f"we spoke of {particular} and left")
    assert found.issuperset(words_of(particular))
    assert found.isdisjoint({"we", "spoke", "left"})


@pytest.mark.parametrize("text", [". . — .", "🙂🙂🙂", "→", "!?", "A b"])
def test_content_without_words_is_not_its_own_summary(text: str) -> None:
    for detail in Detail:
        with pytest.raises(SummaryOverexposure):
            check_summary(text, text, detail)
        assert summarise(text, detail) == "A short message"


def test_scripts_without_spaces_are_bounded_by_characters_too() -> None:
    text = "我们今天讨论了金库的预算和下一季的音乐节计划并且决定不告诉任何人" * 3
    for detail in Detail:
        summary = summarise(text, detail)
        check_summary(text, summary, detail)
        assert len(summary) <= LIMITS[detail].characters


ends = st.sampled_from(
    ["", " Budget", " budget@x.org", " see /funding now", "budget", "\uff22udget", " budget.", "x"]
)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["budget funding and more ", "budget", "quietly, the budget\n", "漢字🙂"]),
    st.integers(-30, 30),
    ends,
    st.sampled_from(Detail),
)
def test_what_stands_behind_the_beginning_is_not_told_either(
    part: str, more: int, end: str, detail: Detail
) -> None:
    text = (part * SCOPE)[: SCOPE + more] + end
    check_summary(text, summarise(text, detail), detail)
    text += " " + TEXT
    check_summary(text, summarise(text, detail), detail)


def test_a_particular_far_down_keeps_its_topic_out() -> None:
    text = "We spoke of the budget. " * 500
    assert summarise(text, Detail.MINIMAL) == "A long message about budget"
    assert summarise(text + "Write to budget@choir.example.", Detail.MINIMAL) == "A long message"


@pytest.mark.parametrize("text", ["漢字", "🙂→", "a ", "budget. ", "Ana\n"])
@pytest.mark.parametrize("detail", Detail)
def test_the_work_does_not_grow_with_the_text(text: str, detail: Detail) -> None:
    def calls(of: str) -> int:
        count = 0

        def called(frame: FrameType, event: str, argument: Any) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(called)
        try:
            summarise(of, detail)
        finally:
            sys.setprofile(before)
        return count

    long = calls((text * 100_000)[:100_000])
    assert long <= calls((text * SCOPE)[: SCOPE + 10]) + 100
    assert long <= 60 * SCOPE
