"""The matrix's right to search, as a value that a search engine can filter by.

Content carries *tokens*, each the name of an audience; a viewer holds tokens; the viewer
finds what shares a token with them. One condition ("any of these values") therefore says
everything, in each branch of each query of each engine, and it fails closed: content
without tokens is found by nobody, and a viewer without tokens finds nothing.

Membership of a thread is a token of the thread and not a list of wallets on each item, so
that a co-author who joins or leaves changes what *they* hold, at once, and no item.
"""

from __future__ import annotations

from dataclasses import dataclass

from choir.privacy.policy import Content, Level, Viewer

_PUBLIC = "public"
_PREMIUM = "premium"


def _thread(address: str) -> str:
    return f"thread:{address}"


def access_tokens(content: Content) -> frozenset[str]:
    """The audiences that may find ``content`` by searching.

    Encrypted content has none: a server that cannot read it has nothing to find it by, and
    its co-authors search it in their own wallet after opening it.
    """
    if content.level is Level.PUBLIC:
        return frozenset({_PUBLIC})
    if content.level is Level.PREMIUM:
        return frozenset({_PREMIUM, _thread(content.thread)})
    if content.level is Level.THREAD_ONLY:
        return frozenset({_thread(content.thread)})
    return frozenset()


@dataclass(frozen=True, slots=True)
class AccessFilter:
    """What a viewer may find, as the tokens they hold.

    There is no value that means "everything": an operator's count goes another way.
    """

    tokens: frozenset[str]

    @classmethod
    def for_viewer(cls, viewer: Viewer) -> AccessFilter:
        """The filter of one viewer, for one request."""
        tokens = {_PUBLIC}
        if viewer.wallet is not None:
            tokens.update(map(_thread, viewer.threads))
            if viewer.premium:
                tokens.add(_PREMIUM)
        return cls(frozenset(tokens))

    @classmethod
    def nothing(cls) -> AccessFilter:
        """The filter that lets nothing through."""
        return cls(frozenset())

    def matches(self, tokens: frozenset[str]) -> bool:
        """Whether content with these tokens may be found; the reference for every engine."""
        return not self.tokens.isdisjoint(tokens)

    def sorted(self) -> list[str]:
        """The tokens in a stable order, for a query or a cache key."""
        return sorted(self.tokens)
