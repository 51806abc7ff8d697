"""The main job told as a story, through public interfaces only; `choir demo` runs it.

Three wallets open a thread, stake a message, decide on it, find it by meaning, watch it arrive,
take rewards and stakes out again, and nudge a shared space. Every step checks what it sees.
"""

from __future__ import annotations

from choir.story.script import tell_story
from choir.story.stage import Stage, Step, StoryBroken

__all__ = ["Stage", "Step", "StoryBroken", "tell_story"]
