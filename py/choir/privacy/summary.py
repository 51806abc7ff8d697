"""Summaries that stand in for hidden content, and the check that they do not tell too much.

The check is independent of where a summary comes from: a model's summary has to pass it as
the extractive one here does. It compares words (Unicode casefolded; each ideograph or kana
counts as a word) and bounds, by :class:`Limit`:

- the length, in words, in characters and as a share of the original;
- the share of the original's word triples that the summary repeats;
- the longest run of consecutive words taken over;
- at the minimal level: no name, address or number of the original at all.

:func:`summarise` extracts and never invents. At the minimal level it extracts only words
of a fixed list of general topics, so that nothing particular can get through.

Work is linear in the text, and all but plain passes of the string functions over it is done on
its first :data:`SCOPE` characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import islice

from choir.privacy.errors import SummaryOverexposure
from choir.privacy.policy import Detail


@dataclass(frozen=True, slots=True)
class Limit:
    """What a summary may show at most.

    Attributes:
        words: length in words.
        characters: length in characters.
        share: words that are also in the original, as a share of the original's words.
        overlap: share of the original's word triples that the summary repeats.
        run: longest run of consecutive words taken from the original.
        particulars: whether names, addresses and numbers of the original may appear.
    """

    words: int
    characters: int
    share: Fraction
    overlap: Fraction
    run: int
    particulars: bool


LIMITS: dict[Detail, Limit] = {
    Detail.DETAILED: Limit(80, 640, Fraction(1, 2), Fraction(1, 2), 40, particulars=True),
    Detail.LIMITED: Limit(24, 200, Fraction(1, 4), Fraction(1, 5), 10, particulars=True),
    Detail.MINIMAL: Limit(12, 96, Fraction(1, 4), Fraction(0), 2, particulars=False),
}

# The only words a minimal summary can carry over. General on purpose: one of them says
# what kind of thing is talked about and not what is said of it.
_TOPIC_LIST = (
    "agreement algorithm analysis architecture art biology budget business chemistry climate "
    "code collaboration community computing culture data design economics education energy "
    "engineering environment ethics experiment feedback film finance food funding game "
    "governance hardware health history idea implementation language law learning literature "
    "market mathematics medicine model music network philosophy physics planning poetry "
    "policy politics privacy program project proposal protocol psychology question research "
    "review rewards science security society software sport staking statistics story strategy "
    "technology testing theory travel treasury voting writing"
)
TOPICS = frozenset(_TOPIC_LIST.split())

# What a summary is made of: the beginning of the text, in characters after normalisation.
SCOPE = 4096

_TEMPLATE = re.compile(r"A (?:short |medium |long )?message(?: about (\w+)(?: and (\w+))?)?")
# A lower-case word between spaces, but for the marks that end a sentence: no part of a name.
_PLAIN = r"(?<!\S){}(?=[.,;:!?]*(?:\s|$))"
_SHORT_WORDS, _LONG_WORDS = 30, 150

# An ideograph, a kana, a hangul syllable or a symbol (emoji, currency, arrows) is a word;
# elsewhere a word is a run of letters, marks and digits. Punctuation is none.
_IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_IDEOGRAPH}]|[^\W{_IDEOGRAPH}]+|[^\w\s]")
_PIECE = re.compile(r"\S+")
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])\s+|\n+")
_NUMBER_LIST = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy "
    "eighty ninety hundred thousand million billion trillion dozen half third quarter first "
    "second once twice"
)
_NUMBER_WORDS = frozenset(_NUMBER_LIST.split())


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _tokens(text: str) -> Iterator[re.Match[str]]:
    """The words of normal text, where they stand."""
    for match in _TOKEN.finditer(text):
        if match.group()[0].isalnum() or match.group()[0] == "_" or _symbol(match.group()):
            yield match


def _symbol(character: str) -> bool:
    return len(character) == 1 and unicodedata.category(character)[0] in "SC"


def words_of(text: str) -> list[str]:
    """The casefolded words of ``text``, in order."""
    return [match.group() for match in _tokens(_normal(text).casefold())]


def _ngrams(words: list[str], size: int) -> Iterator[tuple[str, ...]]:
    return (tuple(words[i : i + size]) for i in range(len(words) - size + 1))


def particulars_of(text: str) -> frozenset[str]:
    """Casefolded words of ``text`` that may name somebody or something, or say how much.

    Errs towards too many: each word with a capital anywhere, each numeral in digits, in
    letters or in other scripts, and each word inside an address, handle, tag or path.
    """
    found: set[str] = set()
    for piece in _PIECE.findall(_normal(text)):
        marked = any(mark in piece.strip(".,;:!?") for mark in "@#/\\_:$€£¥%+=~") or (
            "." in piece.strip(".,;:!?…\"'()[]")
        )
        for match in _tokens(piece):
            word = match.group()
            folded = word.casefold()
            if (
                marked
                or word != word.lower()
                or any(character.isnumeric() for character in word)
                or folded in _NUMBER_WORDS
                or _symbol(word)
            ):
                found.update(words_of(word))
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a summary shows of its original; the measures of :class:`Limit`."""

    words: int
    characters: int
    share: Fraction
    overlap: Fraction
    run: int
    particulars: frozenset[str]


class _Original:
    """A text and what summaries of it are measured by, each worked out once."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def words(self) -> list[str]:
        return words_of(self.text)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        return frozenset(self.words)

    @cached_property
    def size(self) -> int:
        """Words in a row that count as repeated: three, or all of a shorter text."""
        return min(3, len(self.words)) or 1

    @cached_property
    def ngrams(self) -> frozenset[tuple[str, ...]]:
        return frozenset(_ngrams(self.words, self.size))

    @cached_property
    def particulars(self) -> frozenset[str]:
        return particulars_of(self.text)

    def share(self, shown: list[str]) -> Fraction:
        taken = sum(1 for word in shown if word in self.vocabulary)
        return Fraction(taken, len(self.words)) if self.words else Fraction(0)

    def overlap(self, shown: list[str]) -> Fraction:
        if not self.ngrams:
            return Fraction(0)
        return Fraction(len(self.ngrams.intersection(_ngrams(shown, self.size))), len(self.ngrams))

    def run(self, shown: list[str]) -> int:
        return _longest_run(self.words, shown)


def exposure(original: str, summary: str) -> Exposure:
    """Measures ``summary`` against ``original``; time linear in both but for the run."""
    source, shown = _Original(original), words_of(summary)
    return Exposure(
        words=len(shown),
        characters=len(summary),
        share=source.share(shown),
        overlap=source.overlap(shown),
        run=source.run(shown),
        particulars=source.particulars.intersection(shown),
    )


def _longest_run(source: list[str], shown: list[str]) -> int:
    """Length of the longest run of words common to both, by bisection over its length."""
    low, high = 0, min(len(source), len(shown))
    while low < high:
        middle = (low + high + 1) // 2
        if frozenset(_ngrams(source, middle)).isdisjoint(_ngrams(shown, middle)):
            high = middle - 1
        else:
            low = middle
    return low


def check_summary(original: str, summary: str, detail: Detail) -> None:
    """Refuses a summary that shows too much of its original.

    The fixed template of :func:`summarise` ("A short message about …") says nothing of the
    original but its topics, so only these are measured against it.

    Raises:
        SummaryOverexposure: a limit is passed; the message names it and gives the measure,
            never a word of the content.
    """
    _check(_Original(original), summary, detail)


def _check(original: _Original, summary: str, detail: Detail) -> None:
    """:func:`check_summary`, of an original that is measured once for many summaries."""
    limit = LIMITS[detail]
    template = _TEMPLATE.fullmatch(summary)
    shown = words_of(" ".join(filter(None, template.groups())) if template else summary)
    words = len(words_of(summary))
    # what is not longer than the limit has no longer run, and this measure costs most
    run = original.run(shown) if len(shown) > limit.run else 0
    named = 0 if limit.particulars else len(original.particulars.intersection(shown))
    problems = (
        (
            not template and "".join(summary.split()) == "".join(original.text.split()),
            "it is the whole content",
        ),
        (words > limit.words, f"{words} words, at most {limit.words}"),
        (
            len(summary) > limit.characters,
            f"{len(summary)} characters, at most {limit.characters}",
        ),
        (original.share(shown) > limit.share, f"carries over more than {limit.share} of the words"),
        (
            original.overlap(shown) > limit.overlap,
            f"repeats more than {limit.overlap} of the word triples",
        ),
        (run > limit.run, f"repeats {run} words in a row"),
        (named > 0, f"carries over {named} names or numbers"),
    )
    broken = [text for wrong, text in problems if wrong]
    if broken:
        raise SummaryOverexposure(
            f"the {detail.name.lower()} summary is refused: {'; '.join(broken)}"
        )


def summarise(text: str, detail: Detail) -> str:
    """The extractive summary of ``text``: deterministic, and always within the limits.

    The most telling candidate that passes the check is taken; the last candidate says only
    how long the message is, in three steps, and passes for every text. What stands behind the
    first :data:`SCOPE` characters counts only as a reason to leave a topic out.
    """
    whole = _normal(text)
    beginning = _Original(whole[:SCOPE])
    for candidate in _candidates(beginning, whole[SCOPE:], detail):
        try:
            _check(beginning, candidate, detail)
        except SummaryOverexposure:
            continue
        return candidate
    raise AssertionError("the last candidate carries nothing over")


def _candidates(beginning: _Original, rest: str, detail: Detail) -> Iterator[str]:
    words = beginning.words
    if detail is not Detail.MINIMAL:
        yield from _leads(beginning, LIMITS[detail])
    length = (
        "short" if len(words) < _SHORT_WORDS else "long" if len(words) > _LONG_WORDS else "medium"
    )
    topics = _topics(beginning, rest)
    if len(topics) == 2:
        yield f"A {length} message about {topics[0]} and {topics[1]}"
    if topics:
        yield f"A {length} message about {topics[0]}"
    yield f"A {length} message"


def _topics(beginning: _Original, rest: str) -> list[str]:
    """The two topics mentioned most that are nowhere part of a particular."""
    text = beginning.text
    if rest and not text[-1].isspace() and not rest[0].isspace():
        # the word that the cut went through, or is glued to, belongs to the rest
        end = len(text) - len(text.split()[-1])
        beginning, rest = _Original(text[:end]), text[end:] + rest
    counts: dict[str, int] = {}
    for word in beginning.words:
        if word in TOPICS and word not in beginning.particulars:
            counts[word] = counts.get(word, 0) + 1
    plain = rest.casefold()
    topics = sorted(counts, key=lambda word: (-counts[word], word))
    safe = (
        word for word in topics if plain.count(word) == len(re.findall(_PLAIN.format(word), rest))
    )
    return list(islice(safe, 2))


def _leads(beginning: _Original, limit: Limit) -> Iterator[str]:
    """Beginnings of the text's most typical sentence, from the longest allowed downwards."""
    sentences = [part.strip() for part in _SENTENCE_END.split(beginning.text) if part.strip()]
    if not sentences:
        return
    counts: dict[str, int] = {}
    for word in beginning.words:
        counts[word] = counts.get(word, 0) + 1

    def typical(sentence: str) -> Fraction:
        content = [word for word in words_of(sentence) if len(word) > 3]
        return Fraction(sum(counts[word] for word in content), max(len(content), 8))

    # the first of equals, so that the answer does not depend on anything but the text
    best = max(range(len(sentences)), key=lambda index: (typical(sentences[index]), -index))
    sentence = sentences[best]
    most = min(limit.words, limit.run, int(len(beginning.words) * limit.share))
    ends = [match.end() for match in _tokens(sentence)]
    for count in range(min(most, len(ends)), 2, -1):
        end = ends[count - 1]
        whole = end >= len(sentence.rstrip(".!?…。！？ "))
        yield sentence[:end] + ("" if whole else " …")
