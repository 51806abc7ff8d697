"""Naming an address without its secrets: providers put API keys into paths and queries."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

MASK = "…"
_SECRET_FROM = 4  # shorter parts ("v2", "rpc") are no keys and may be ordinary words


def place_of(url: str) -> str:
    """``scheme://host[:port]``, for messages and logs; never user, path, query or fragment."""
    scheme, separator, rest = url.strip().partition("://")
    if not separator:
        scheme, rest = "", url.strip()
    for end in "/?#\\":
        rest = rest.partition(end)[0]
    return scheme + separator + rest.rpartition("@")[2]


def scrubbed(text: str, url: str) -> str:
    """`text`, which somebody else wrote about `url`, without what `place_of` leaves out."""
    text = text.replace(url, place_of(url))
    for part in sorted(_hidden_parts(url), key=len, reverse=True):
        text = text.replace(part, MASK)
    return text


def _hidden_parts(url: str) -> set[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return set()
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    found = {parts.query, parts.fragment, user, password, *parts.path.split("/")}
    found |= {pair.partition("=")[2] for pair in parts.query.split("&")}
    found |= {unquote(part) for part in found}
    return {part for part in found if len(part) >= _SECRET_FROM}
