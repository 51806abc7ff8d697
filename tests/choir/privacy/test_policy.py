"""The matrix, cell by cell and as laws over random viewers and contents."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import choir.privacy
from choir.privacy import (
    ANONYMOUS,
    Access,
    AccessFilter,
    Citation,
    Content,
    Detail,
    Level,
    Right,
    Role,
    UnauthorizedAccess,
    View,
    Viewer,
    access_tokens,
    cite,
    decide,
    require,
    role_of,
)

THREADS = [f"Thread{n}" for n in range(6)]
ALL = set(Right)
USE = {Right.READ, Right.SEARCH, Right.CITE}

threads = st.sampled_from(THREADS)
contents = st.builds(Content, thread=threads, level=st.sampled_from(Level))
signed_in = st.builds(
    Viewer,
    wallet=st.text("abcdef", min_size=1, max_size=4),
    premium=st.booleans(),
    threads=st.frozensets(threads),
)
viewers = st.one_of(st.just(ANONYMOUS), signed_in)
many = settings(max_examples=3000, deadline=None)

CO_AUTHOR = Viewer("author", threads=frozenset({"T"}))
PREMIUM = Viewer("premium", premium=True, threads=frozenset({"other"}))


@pytest.mark.parametrize(
    ("viewer", "level", "rights", "view", "detail"),
    [
        (CO_AUTHOR, Level.PUBLIC, ALL, View.FULL, None),
        (CO_AUTHOR, Level.PREMIUM, ALL, View.FULL, None),
        (CO_AUTHOR, Level.THREAD_ONLY, ALL, View.FULL, None),
        (CO_AUTHOR, Level.ENCRYPTED, ALL, View.CIPHERTEXT, None),
        (PREMIUM, Level.PUBLIC, USE, View.FULL, None),
        (PREMIUM, Level.PREMIUM, USE, View.FULL, None),
        (PREMIUM, Level.THREAD_ONLY, set(), View.SUMMARY, Detail.MINIMAL),
        (PREMIUM, Level.ENCRYPTED, set(), View.EXISTENCE, None),
        (ANONYMOUS, Level.PUBLIC, USE, View.FULL, None),
        (ANONYMOUS, Level.PREMIUM, set(), View.SUMMARY, Detail.LIMITED),
        (ANONYMOUS, Level.THREAD_ONLY, set(), View.SUMMARY, Detail.MINIMAL),
        (ANONYMOUS, Level.ENCRYPTED, set(), View.EXISTENCE, None),
    ],
)
def test_every_cell_of_the_matrix(
    viewer: Viewer, level: Level, rights: set[Right], view: View, detail: Detail | None
) -> None:
    access = decide(viewer, Content("T", level))
    assert (access.rights, access.view, access.detail) == (rights, view, detail)
    assert access.wrapped_key == (view is View.CIPHERTEXT)


def _not_less(more: Access, less: Access) -> bool:
    return more.rights >= less.rights and more.view >= less.view and more.role >= less.role


@many
@given(viewers, contents)
def test_a_viewer_who_gains_a_quality_never_sees_less(viewer: Viewer, content: Content) -> None:
    before = decide(viewer, content)
    wallet = viewer.wallet or "new"
    gains = [
        Viewer(wallet, viewer.premium, viewer.threads),
        Viewer(wallet, True, viewer.threads),
        *(Viewer(wallet, viewer.premium, viewer.threads | {thread}) for thread in THREADS),
    ]
    for gained in gains:
        assert _not_less(decide(gained, content), before)
        assert AccessFilter.for_viewer(gained).tokens >= AccessFilter.for_viewer(viewer).tokens
        assert cite(gained, content) >= cite(viewer, content)


@many
@given(viewers, threads, st.sampled_from(Level), st.sampled_from(Level))
def test_a_stricter_level_never_shows_more(
    viewer: Viewer, thread: str, one: Level, other: Level
) -> None:
    looser, stricter = sorted((one, other))
    assert _not_less(
        decide(viewer, Content(thread, looser)), decide(viewer, Content(thread, stricter))
    )


@many
@given(viewers, contents)
@example(Viewer("w", True, frozenset(THREADS)), Content("Thread0", Level.ENCRYPTED))
def test_the_filter_finds_exactly_what_the_matrix_lets_be_searched(
    viewer: Viewer, content: Content
) -> None:
    found = AccessFilter.for_viewer(viewer).matches(access_tokens(content))
    searchable = decide(viewer, content).allows(Right.SEARCH)
    # nobody's server can search what it cannot read
    assert found == (searchable and content.level is not Level.ENCRYPTED)


@many
@given(viewers, contents)
def test_only_membership_of_this_thread_counts(viewer: Viewer, content: Content) -> None:
    if content.thread in viewer.threads:
        assert role_of(viewer, content.thread) is Role.CO_AUTHOR
    else:
        stranger = Viewer(viewer.wallet, viewer.premium)
        assert decide(viewer, content) == decide(stranger, content)
        assert not decide(viewer, content).allows(Right.WRITE)
        assert not decide(viewer, content).allows(Right.APPROVE)


@given(viewers)
def test_what_has_no_token_is_found_by_nobody(viewer: Viewer) -> None:
    assert not AccessFilter.for_viewer(viewer).matches(frozenset())
    assert not AccessFilter.nothing().matches(frozenset({"public", "premium"}))


def test_a_thread_cannot_be_named_so_that_its_token_is_another_audience() -> None:
    for name in ("public", "premium", "thread:T"):
        tokens = access_tokens(Content(name, Level.THREAD_ONLY))
        assert not AccessFilter.for_viewer(PREMIUM).matches(tokens)
        assert not AccessFilter.for_viewer(CO_AUTHOR).matches(tokens)


def test_an_unknown_level_shows_nothing() -> None:
    with pytest.raises(KeyError):
        decide(CO_AUTHOR, Content("T", 4))  # type: ignore[arg-type]
    assert access_tokens(Content("T", 4)) == frozenset()  # type: ignore[arg-type]


@many
@given(viewers, contents, st.frozensets(st.sampled_from(Right), min_size=1))
def test_require_refuses_exactly_what_is_missing(
    viewer: Viewer, content: Content, rights: frozenset[Right]
) -> None:
    missing = rights - decide(viewer, content).rights
    if not missing:
        require(viewer, content, rights)
        return
    with pytest.raises(UnauthorizedAccess) as refused:
        require(viewer, content, rights)
    for right in missing:
        assert right.value in str(refused.value)


@pytest.mark.parametrize(
    ("viewer", "level", "shown"),
    [
        (ANONYMOUS, Level.PUBLIC, Citation.FULL),
        (ANONYMOUS, Level.PREMIUM, Citation.LIMITED),
        (PREMIUM, Level.PREMIUM, Citation.FULL),
        (PREMIUM, Level.THREAD_ONLY, Citation.LIMITED),
        (ANONYMOUS, Level.ENCRYPTED, Citation.EXISTENCE),
        (CO_AUTHOR, Level.ENCRYPTED, Citation.FULL),
    ],
)
def test_a_citation_shows_by_the_rights_on_its_source(
    viewer: Viewer, level: Level, shown: Citation
) -> None:
    assert cite(viewer, Content("T", level)) is shown


def test_nobody_without_a_wallet_has_qualities() -> None:
    with pytest.raises(ValueError, match="anonymous"):
        Viewer(None, premium=True)
    with pytest.raises(ValueError, match="anonymous"):
        Viewer(None, threads=frozenset({"T"}))


def test_labels_are_read_back_and_others_refused() -> None:
    assert [Level.parse(level.label) for level in Level] == list(Level)
    with pytest.raises(ValueError, match="public, premium, thread-only, encrypted"):
        Level.parse("secret")


def test_the_policy_needs_the_standard_library_alone() -> None:
    allowed = sys.stdlib_module_names - {"asyncio", "socket", "http", "urllib", "sqlite3", "time"}
    for path in Path(choir.privacy.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for name in names:
                assert name.startswith("choir.privacy") or name.split(".")[0] in allowed, (
                    f"{path.name} imports {name}"
                )


@pytest.mark.parametrize("level", Level)
def test_without_certainty_only_public_content_is_shown(level: Level) -> None:
    owner = Viewer(wallet="w", premium=True, threads=frozenset({"T"}))
    access = decide(owner, Content("T", level), certain=False)
    if level is Level.PUBLIC:
        assert access == decide(owner, Content("T", level))
    else:
        assert (access.view, access.rights, access.wrapped_key) == (View.EXISTENCE, set(), False)
