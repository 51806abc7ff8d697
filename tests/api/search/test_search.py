"""Search through the application: what is found, by whom, and what never leaves."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.api.support import Wallet, error_code
from tests.indexer.vectors.seeding import Seeder, base58, thread58

from choir.privacy import AccessFilter, Content, Level, Viewer, access_tokens
from choir.vectors import VectorsUnavailable
from choir.vectors.edge import EdgeStore
from choir_api.deps import Deps
from choir_api.search.highlight import MAX_MARKS, PASSAGE, PREFIX, _window, passage

Ask = Callable[..., Awaitable[httpx.Response]]
Index = Callable[[], Awaitable[int]]


def items(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]["items"]
    return found


def texts(answer: httpx.Response) -> list[str]:
    return [item["content"]["text"] for item in items(answer)]


async def join(seed: Seeder, thread: str, wallet: Wallet) -> None:
    await seed.connection.execute(
        "UPDATE chain.threads SET co_authors = array_append(co_authors, $1) WHERE thread_id = $2",
        bytes(Pubkey.from_string(wallet.address)), thread,
    )  # fmt: skip


async def grant_premium(seed: Seeder, wallet: Wallet, deps: Deps) -> None:
    await seed.connection.execute(
        """
        INSERT INTO app.wallets (wallet, premium_until, created_at) VALUES ($1, $2, now())
        ON CONFLICT (wallet) DO UPDATE SET premium_until = $2
        """,
        bytes(Pubkey.from_string(wallet.address)), deps.now() + timedelta(days=1),
    )  # fmt: skip


async def test_anybody_finds_public_content(seed: Seeder, index: Index, search: Ask) -> None:
    await seed.thread("rivers")
    message = await seed.said("rivers", 3, "the river runs to the sea", author="ana")
    await seed.said("rivers", 4, "a budget for next year")
    await index()
    answer = await search("river")
    best = items(answer)[0]
    assert best["message"] == message
    assert best["thread_id"] == "rivers"
    assert best["thread"] == thread58("rivers")
    assert best["message_index"] == 3
    assert best["author"] == base58("ana")
    assert best["level"] == "public"
    assert best["content"]["view"] == "full"
    assert best["content"]["text"] == "the river runs to the sea"
    assert best["created_at"] == "2023-11-14T22:13:20Z"
    assert best["highlight"] == {"text": "the river runs to the sea", "spans": [[4, 9]]}
    metadata = answer.json()["metadata"]
    assert (metadata["mode"], metadata["degraded"]) == ("hybrid", None)
    assert set(answer.json()["data"]) == {"items", "next_cursor"}
    assert "RateLimit" in answer.headers


async def test_a_signed_in_viewer_finds_what_the_matrix_gives(
    seed: Seeder, index: Index, search: Ask, alice: Wallet, bob: Wallet, deps: Deps
) -> None:
    for level in Level:
        await seed.thread(level.label, level=level)
        await seed.said(level.label, 0, f"secret of {level.label}")
    await index()
    for wallet in (None, alice, bob):
        headers = wallet.headers if wallet else {}
        assert texts(await search("secret", headers)) == ["secret of public"]
    for level in Level:
        await join(seed, level.label, alice)
    await grant_premium(seed, bob, deps)
    assert set(texts(await search("secret", alice.headers))) == {
        "secret of public", "secret of premium", "secret of thread-only",
    }  # fmt: skip
    assert set(texts(await search("secret", bob.headers))) == {
        "secret of public", "secret of premium",
    }  # fmt: skip
    assert texts(await search("secret", {})) == ["secret of public"]
    assert texts(await search("secret", bob.headers, level="premium")) == ["secret of premium"]
    assert texts(await search("secret", alice.headers, level="encrypted")) == []


async def test_a_change_of_level_counts_before_the_index_has_heard_of_it(
    seed: Seeder, index: Index, search: Ask, alice: Wallet
) -> None:
    await seed.thread("T")
    await seed.said("T", 0, "soon to be hidden")
    await index()
    assert texts(await search("hidden")) == ["soon to be hidden"]
    await seed.level("T", Level.THREAD_ONLY)
    assert texts(await search("hidden")) == []
    assert texts(await search("hidden", alice.headers)) == []
    await join(seed, "T", alice)
    await index()
    assert texts(await search("hidden", alice.headers)) == ["soon to be hidden"]


async def test_what_no_longer_stands_is_not_shown(seed: Seeder, index: Index, search: Ask) -> None:
    await seed.thread("T")
    for number in range(3):
        await seed.said("T", number, f"ghost {number}")
    await index()
    await seed.connection.execute("DELETE FROM chain.messages WHERE index = 0")
    await seed.connection.execute("DELETE FROM app.contents WHERE text = 'ghost 1'")
    assert texts(await search("ghost")) == ["ghost 2"]


async def test_filters_narrow(seed: Seeder, index: Index, search: Ask) -> None:
    for name in ("one", "two"):
        await seed.thread(name)
        for number in range(4):
            await seed.said(
                name,
                number,
                f"leaf {name} {number}",
                author="ana" if number % 2 else "ben",
                created_at=1_700_000_000 + 100 * number,
            )
    await index()

    async def found(**more: str) -> set[str]:
        return set(texts(await search("leaf", **more)))

    everything = {f"leaf {name} {number}" for name in ("one", "two") for number in range(4)}
    assert await found() == everything
    assert await found(thread="two") == {text for text in everything if "two" in text}
    assert await found(thread="three") == set()
    assert await found(author=base58("ana")) == {t for t in everything if t[-1] in "13"}
    assert await found(after="2023-11-14T22:15:00Z") == {t for t in everything if t[-1] in "123"}
    assert await found(before="2023-11-14T22:15:00Z") == {t for t in everything if t[-1] in "0"}
    assert await found(
        thread="one",
        author=base58("ana"),
        after="2023-11-14T23:14:59.5+01:00",
        before="2023-11-14T22:18:20Z",
    ) == {"leaf one 1"}
    assert await found(level="public") == everything
    assert await found(level="premium") == set()


async def test_pages_give_each_result_once_while_others_arrive(
    seed: Seeder, index: Index, search: Ask, deps: Deps
) -> None:
    await seed.thread("T")
    for number in range(25):
        await seed.said("T", number, f"pages {number}")
    await index()
    whole = texts(await search("pages", limit=50))
    assert len(whole) == 25
    met: list[str] = []
    cursor: str | None = None
    for number in range(10):
        more = {"cursor": cursor} if cursor else {}
        answer = await search("pages", limit=7, **more)
        met += texts(answer)
        cursor = answer.json()["data"]["next_cursor"]
        if cursor is None:
            break
        await seed.said(
            "T", 100 + number, f"pages pages new {number}", created_at=int(deps.clock.now()) + 60
        )
        await index()
    assert met == whole


async def test_a_page_is_full_although_the_recheck_dropped_some(
    seed: Seeder, index: Index, search: Ask
) -> None:
    await seed.thread("shut")
    await seed.thread("open")
    for number in range(12):
        await seed.said("shut" if number % 2 else "open", number, f"mixed {number}")
    await index()
    await seed.level("shut", Level.THREAD_ONLY)  # the index has not heard of it
    first = await search("mixed", limit=4)
    assert len(items(first)) == 4
    cursor = first.json()["data"]["next_cursor"]
    second = await search("mixed", limit=4, cursor=cursor)
    assert {*texts(first), *texts(second)} == {f"mixed {number}" for number in range(0, 12, 2)}


async def test_a_cursor_belongs_to_its_search_and_viewer(
    seed: Seeder, index: Index, search: Ask, alice: Wallet
) -> None:
    await seed.thread("T")
    for number in range(4):
        await seed.said("T", number, f"turn {number}")
    await index()
    cursor = (await search("turn", limit=2)).json()["data"]["next_cursor"]
    assert error_code(await search("other", limit=2, cursor=cursor)) == "bad_cursor"
    assert error_code(await search("turn", alice.headers, cursor=cursor)) == "bad_cursor"
    assert error_code(await search("turn", cursor="AAAA")) == "bad_cursor"
    assert len(items(await search("turn", limit=1, cursor=cursor))) == 1


@pytest.mark.parametrize(
    ("params", "part"),
    [
        ({"q": ""}, "q"),
        ({"q": "   "}, "only spaces"),
        ({"q": "a\0b"}, "NUL"),
        ({"q": "x" * 1001}, "q"),
        ({"q": "x", "limit": 51}, "limit"),
        ({"q": "x", "level": "secret"}, "level"),
        ({"q": "x", "author": "nobody"}, "author"),
        ({"q": "x", "after": "yesterday"}, "after"),
        ({"q": "x", "after": "2024-01-01T00:00:00"}, "after"),
        ({"q": "x", "after": "2024-01-02T00:00:00Z", "before": "2024-01-01T00:00:00Z"}, "after"),
        ({}, "q"),
    ],
)
async def test_a_bad_question_is_told_what_is_wrong(
    params: dict[str, str | int], part: str, http: httpx.AsyncClient
) -> None:
    answer = await http.get("/v1/search", params=params)
    assert answer.status_code == 400, answer.text
    assert error_code(answer)
    assert part in answer.json()["error"]["message"]


class Down:
    """A vector store that does not answer."""

    async def find(self, *_: object) -> None:
        raise VectorsUnavailable("http://10.0.0.7 internal address does not answer")

    async def aclose(self) -> None: ...


@pytest.fixture
def without_vectors(app: Any, deps: Deps) -> None:
    from dataclasses import replace

    app.state.deps = replace(deps, search=Down())


@pytest.mark.usefixtures("without_vectors")
async def test_without_vectors_words_are_searched_and_it_says_so(
    seed: Seeder, search: Ask, alice: Wallet, bob: Wallet, deps: Deps
) -> None:
    for level in Level:
        await seed.thread(level.label, level=level)
        await seed.said(level.label, 0, f"rivers of {level.label} water", author="ana")
    answer = await search("river")
    assert texts(answer) == ["rivers of public water"]
    metadata = answer.json()["metadata"]
    assert metadata["mode"] == "text"
    assert metadata["degraded"] == "the vector store does not answer"
    assert "10.0.0.7" not in answer.text
    assert texts(await search("mountain")) == []
    assert texts(await search("the")) == []
    assert texts(await search("river", alice.headers)) == ["rivers of public water"]
    for level in Level:
        await join(seed, level.label, alice)
    await grant_premium(seed, bob, deps)
    assert len(texts(await search("river", alice.headers))) == 3
    assert len(texts(await search("river", bob.headers))) == 2
    assert texts(await search("river", bob.headers, level="premium")) == ["rivers of premium water"]
    assert texts(await search("river", author=base58("ben"))) == []
    pages = await search("river", alice.headers, limit=2)
    rest = await search("river", alice.headers, limit=2, cursor=pages.json()["data"]["next_cursor"])
    assert len({*texts(pages), *texts(rest)}) == 3


@pytest.mark.parametrize("mode", ["hybrid", "text"])
@pytest.mark.parametrize("number", range(3))
async def test_random_viewers_never_get_what_is_hidden_from_them(
    number: int, mode: str, seed: Seeder, index: Index, search: Ask,
    http: httpx.AsyncClient, deps: Deps, app: Any, request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    """Random threads, levels, members and premium; and the index is behind on half of them."""
    rng = random.Random(number)
    if mode == "text":
        request.getfixturevalue("without_vectors")
    names = [f"thread{index}" for index in range(8)]
    levels = {name: rng.choice(list(Level)) for name in names}
    for name in names:
        await seed.thread(name, level=levels[name])
        for place in range(3):
            await seed.said(name, place, f"needle {name} {place}")
    await index()
    wallets = [await Wallet(Keypair()).sign_in(http) for _ in range(6)]
    premium = {wallet.address: rng.random() < 0.5 for wallet in wallets}
    member = {wallet.address: set(rng.sample(names, rng.randint(0, 4))) for wallet in wallets}
    for wallet in wallets:
        if premium[wallet.address]:
            await grant_premium(seed, wallet, deps)
        for name in sorted(member[wallet.address]):
            await join(seed, name, wallet)
    for name in rng.sample(names, 4):  # on the chain, not yet in the index
        levels[name] = rng.choice(list(Level))
        await seed.level(name, levels[name])

    async def everything(headers: dict[str, str]) -> set[str]:
        met: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = await search("needle", headers, limit=rng.randint(1, 9), **cursor)
            for item in items(answer):
                met.append(f"{item['thread_id']}")
                assert item["content"]["view"] == "full"
                assert item["thread_id"] in item["content"]["text"]
            following = answer.json()["data"]["next_cursor"]
            if following is None:
                assert len(met) <= 24
                return set(met)
            cursor = {"cursor": following}

    for step in ("behind", "caught up"):
        for wallet in [None, *wallets]:
            viewer = (
                Viewer(
                    wallet.address,
                    premium[wallet.address],
                    frozenset(thread58(name) for name in member[wallet.address]),
                )
                if wallet
                else Viewer()
            )
            access = AccessFilter.for_viewer(viewer)
            allowed = {
                name
                for name in names
                if access.matches(access_tokens(Content(thread58(name), levels[name])))
            }
            seen = await everything(wallet.headers if wallet else {})
            assert seen <= allowed, (step, viewer, levels, seen - allowed)
            if step == "caught up" or mode == "text":
                assert seen == allowed
        await index()


async def test_the_allowance_is_counted(http: httpx.AsyncClient, app: Any, deps: Deps) -> None:
    from dataclasses import replace

    from choir_api.rate import Limiter

    limiter = Limiter({"searches": 2})
    app.state.deps = replace(deps, limiter=limiter)
    for _ in range(2):
        assert (await http.get("/v1/search", params={"q": "x"})).status_code == 200
    answer = await http.get("/v1/search", params={"q": "x"})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


async def test_the_search_by_words_has_an_index(seed: Seeder) -> None:
    await seed.connection.execute("SET enable_seqscan = off")
    plan = await seed.connection.fetch(
        "EXPLAIN SELECT 1 FROM app.contents c WHERE to_tsvector('english', left(c.text, 50000)) "
        "@@ websearch_to_tsquery('english', 'river')"
    )
    assert "contents_words_idx" in str(plan)
    # more words than one tsvector takes: kept, and found by its beginning
    await seed.thread("T")
    await seed.said("T", 0, "river " + " ".join(f"{n:x}-{n:o}.example/é{n}" for n in range(4_000)))


async def test_an_index_that_errs_about_the_thread_opens_nothing(
    seed: Seeder, index: Index, search: Ask, store: EdgeStore, alice: Wallet, deps: Deps
) -> None:
    await seed.thread("mine", level=Level.THREAD_ONLY)
    await seed.thread("theirs", level=Level.THREAD_ONLY)
    await join(seed, "mine", alice)
    await seed.said("mine", 0, "secret of mine")
    await index()
    assert texts(await search("secret", alice.headers)) == ["secret of mine"]
    await seed.content("theirs", "secret of mine")
    await seed.connection.execute(
        "UPDATE chain.messages SET thread = $1", bytes(Pubkey.from_string(thread58("theirs")))
    )
    assert texts(await search("secret", alice.headers)) == []


def test_a_passage_shows_where_the_words_stand() -> None:
    text = "Nothing here. " * 30 + "Stakes are paid back when a spec is approved. " + "More. " * 50
    shown = passage(text, "how is a stake paid?")
    assert len(shown.text) <= PASSAGE
    assert [shown.text[start:end] for start, end in shown.spans] == ["Stakes", "paid"]
    assert passage("", "anything").text == ""
    assert passage("short", "nothing of it").spans == ()


def test_the_passage_with_most_marks_is_found_wherever_the_marks_stand() -> None:
    rng = random.Random(7)
    for _ in range(200):
        words = [
            rng.choice(["stake", "x", "some longer filler"]) for _ in range(rng.randrange(400))
        ]
        text = " ".join(words)
        marks = [(at, at + 5) for at in range(len(text)) if text.startswith("stake", at)][
            :MAX_MARKS
        ]
        inside = [sum(1 for a, b in marks if a >= first and b <= first + 200) for first, _ in marks]
        assert len(passage(text, "stake").spans) >= min(max(inside, default=0), 1)
        start, _ = _window(text, marks)
        if len(text) > PASSAGE and marks:
            best = marks[inside.index(max(inside))][0]
            assert start <= best <= start + 41


def test_the_work_of_a_passage_is_linear_in_its_marks() -> None:
    class Counted(list[tuple[int, int]]):
        given = 0

        def __getitem__(self, place: Any) -> Any:
            found = super().__getitem__(place)
            self.given += len(found) if isinstance(place, slice) else 1
            return found

    marks = Counted((at, at + 1) for at in range(0, 40_000, 2))
    _window("a " * 20_000, marks)
    assert marks.given <= 3 * len(marks)
    shown = passage("stake " * 20_000, "stake")
    assert len(shown.spans) == 40
    rare = "filler " * 2_000 + " ".join(["stake"] * 2 * MAX_MARKS)
    assert passage(rare, "stake").spans
    assert passage("x" * PREFIX + " stake", "stake").spans == ()


def test_the_store_used_here_is_the_real_engine(store: EdgeStore) -> None:
    assert type(store).__module__ == "choir.vectors.edge"
