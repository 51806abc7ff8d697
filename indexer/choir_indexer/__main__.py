"""``python -m choir_indexer``."""

from __future__ import annotations

from choir_indexer.cli import main

main()
