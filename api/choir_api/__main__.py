"""``python -m choir_api``."""

from __future__ import annotations

from choir_api.cli import main

main()
