"""The secret that the API keeps for itself."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from choir_api.settings import Settings, WeakSecret


def _settings(folder: Path) -> Settings:
    return Settings(database_url="postgresql://nowhere/none", state_dir=folder)


def test_a_secret_is_made_once_and_is_the_owners_alone(tmp_path: Path) -> None:
    secret = _settings(tmp_path).signing_secret()
    assert len(bytes.fromhex(secret)) == 32
    assert _settings(tmp_path).signing_secret() == secret
    assert (tmp_path / "jwt.secret").stat().st_mode & 0o077 == 0
    assert [each.name for each in tmp_path.iterdir()] == ["jwt.secret"]


def test_whoever_comes_at_once_gets_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: _settings(tmp_path).signing_secret(), range(64)))
    assert len(found) == 1


def test_nobody_sees_a_file_that_is_not_written_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    fsync = os.fsync

    def look(handle: Any) -> None:
        seen.append((tmp_path / "jwt.secret").exists())
        fsync(handle)

    monkeypatch.setattr(os, "fsync", look)
    _settings(tmp_path).signing_secret()
    assert seen == [False]


@pytest.mark.parametrize("kept", ["", "short", "x" * 31])
def test_a_secret_too_short_is_refused_with_what_to_do(tmp_path: Path, kept: str) -> None:
    (tmp_path / "jwt.secret").write_text(kept)
    with pytest.raises(WeakSecret, match="remove it") as caught:
        _settings(tmp_path).signing_secret()
    assert str(tmp_path) in str(caught.value)
