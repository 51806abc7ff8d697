"""What a search answers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from choir_api.content.rendering import ContentView
from choir_api.fields import Address, ThreadId
from choir_api.levels import LevelName
from choir_api.paging import Page
from choir_api.responses import Metadata, Schema, Success


class Highlight(Schema):
    """The passage of the content that answers best."""

    text: str = Field(examples=["A thread is a room for one question."])
    spans: list[tuple[int, int]] = Field(
        description="where the question's words stand: code points, end exclusive",
        examples=[[[2, 8]]],
    )


class SearchResult(Schema):
    """A message that the viewer may find, read and cite."""

    thread_id: ThreadId
    thread: Address
    message: Address
    message_index: int = Field(ge=0, examples=[3])
    author: Address
    level: LevelName
    content: ContentView
    highlight: Highlight
    score: float = Field(
        gt=0, description="reciprocal rank; orders the results of one search", examples=[0.0325]
    )
    created_at: datetime


class SearchMetadata(Metadata):
    """How the answer came about."""

    mode: Literal["hybrid", "text"] = Field(
        description="`hybrid`: by meaning and words; `text`: by words alone, in the database"
    )
    degraded: str | None = Field(
        default=None,
        description="why the search was not by meaning; None when it was",
        examples=["the vector store does not answer"],
    )


class SearchAnswer(Success[Page[SearchResult]]):
    """The envelope of a search."""

    metadata: SearchMetadata
