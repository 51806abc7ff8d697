"""What `scripts/mutants-indexer` breaks is still there, once each."""

from __future__ import annotations

import tomllib
from pathlib import Path

import choir_indexer

SOURCE = Path(choir_indexer.__file__).parent
DESCRIPTIONS = sorted((Path(__file__).parent / "mutants").glob("*.toml"))


def test_each_mutant_breaks_one_place() -> None:
    assert DESCRIPTIONS
    for path in DESCRIPTIONS:
        mutant = tomllib.loads(path.read_text())
        text = (SOURCE / mutant["file"]).read_text()
        assert text.count(mutant["find"]) == 1, path.stem
        assert mutant["why"], path.stem
