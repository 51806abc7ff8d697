"""The passage of a text that answers a question best, and where its words stand in it.

Pure. Positions are in code points of the passage, so that a client can mark them without
parsing markup, and no text of a user is ever taken for markup.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

PASSAGE = 240
# Only the beginning of a long text is looked at, and so many marks of it: enough to choose a
# passage by, and little work however the text was made.
PREFIX = 20_000
MAX_MARKS = 500
_BEFORE = 40
_WORD = re.compile(r"\w+")
# too common to be worth marking
_COMMON = frozenset(
    {"a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "how", "i", "in", "is",
     "it", "of", "on", "or", "that", "the", "this", "to", "was", "what", "who", "with"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a text, and the ``[start, end)`` of the words to mark in it."""

    text: str
    spans: tuple[tuple[int, int], ...]


def passage(text: str, question: str) -> Passage:
    """At most 240 characters of ``text`` around most words of ``question``.

    Looks at the first :data:`PREFIX` characters and :data:`MAX_MARKS` marks; linear in these.
    """
    text = text[:PREFIX]
    wanted = {_stem(word) for word in _WORD.findall(question.casefold())} - _COMMON
    found = (
        (match.start(), match.end())
        for match in _WORD.finditer(text)
        if _stem(match.group().casefold()) in wanted
    )
    marks = list(islice(found, MAX_MARKS))
    start, end = _window(text, marks)
    cut = text[start:end]
    lead = len(cut) - len(cut.lstrip())
    inside = tuple(
        (first - start - lead, last - start - lead)
        for first, last in marks
        if first >= start + lead and last <= end
    )
    return Passage(cut.strip(), inside)


def _window(text: str, marks: list[tuple[int, int]]) -> tuple[int, int]:
    """Start and end of the passage with most marks, the earliest of equals."""
    if len(text) <= PASSAGE:
        return 0, len(text)
    best, best_count = 0, 0
    beyond = 0  # the first mark that does not fit; marks are in order, so it never moves back
    for index, (first, _) in enumerate(marks):
        while beyond < len(marks) and marks[beyond][1] <= first + PASSAGE - _BEFORE:
            beyond += 1
        if beyond - index > best_count:
            best, best_count = first, beyond - index
    start = max(0, best - _BEFORE)
    if start:  # not in the middle of a word
        space = text.find(" ", start, best)
        start = space + 1 if space >= 0 else start
    end = min(len(text), start + PASSAGE)
    if end < len(text):
        space = text.rfind(" ", start + PASSAGE // 2, end)
        end = space if space >= 0 else end
    return start, end


def _stem(word: str) -> str:
    """Enough for plurals and simple endings; marking needs no more."""
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
