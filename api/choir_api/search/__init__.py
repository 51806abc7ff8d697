"""``GET /v1/search``: messages by meaning and by words, as far as the viewer may find them."""

from choir_api.search.engine import SearchEngine

__all__ = ["SearchEngine"]
