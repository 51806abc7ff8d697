"""The operator's page names every setting there is, and none that is not."""

from __future__ import annotations

import re
from pathlib import Path

from choir_api.settings import Settings as ApiSettings
from choir_indexer.settings import Settings as IndexerSettings

PAGE = Path(__file__).parent.parent / "docs/operator.md"


def test_every_setting_is_described() -> None:
    fields = ApiSettings.model_fields.keys() | IndexerSettings.model_fields.keys()
    named = {name.lower() for name in re.findall(r"CHOIR_([A-Z_]+)", PAGE.read_text())}
    assert fields - named == set()
    assert named - fields == set()
