"""The main job, as README's first command runs it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from tests.e2e.conftest import CHOIR, Running, environment, run

STEPS = 21


def test_twice_on_one_state_directory(state_dir: Path) -> None:
    told = [run(CHOIR, "demo", "--json", env=environment(state_dir)) for _ in range(2)]
    for each in told:
        assert each.code == 0, each.out + each.err
        assert each.last_json["ok"] is True
        assert each.last_json["steps"] == STEPS
    assert told[0].last_json["thread"] != told[1].last_json["thread"]


def test_against_a_postgres_server_by_url(state_dir: Path, empty_database_url: str) -> None:
    told = run(
        CHOIR, "demo", "--json", env=environment(state_dir, CHOIR_DATABASE_URL=empty_database_url)
    )
    assert told.code == 0, told.out + told.err
    with psycopg.connect(empty_database_url) as database:
        rows = database.execute("SELECT thread_id FROM chain.threads").fetchall()
    assert rows == [(told.last_json["thread"],)]
    assert not (state_dir / "postgres").exists()


def test_against_a_stack_that_runs_already(state_dir: Path, up: type[Running]) -> None:
    stack = up(state_dir)
    where = {
        "CHOIR_API_URL": stack.urls["api"],
        "CHOIR_REALTIME_URL": stack.urls["realtime"],
        "CHOIR_RPC_URL": stack.urls["rpc"],
    }
    told = run(CHOIR, "demo", "--json", env=environment(state_dir, **where))
    assert told.code == 0, told.out + told.err
    assert told.last_json["ready_s"] is None  # it started nothing
    assert stack.stop() == 0


def test_a_broken_story_is_told_as_one(state_dir: Path) -> None:
    where = {
        "CHOIR_API_URL": "http://127.0.0.1:1",
        "CHOIR_REALTIME_URL": "ws://127.0.0.1:1",
        "CHOIR_RPC_URL": "http://127.0.0.1:1",
    }
    told = run(CHOIR, "demo", "--json", env=environment(state_dir, **where))
    assert told.code == 1
    assert told.last_json["ok"] is False
    assert "http://127.0.0.1:1" in told.last_json["error"]


@pytest.mark.parametrize("missing", ["CHOIR_API_URL", "CHOIR_REALTIME_URL"])
def test_half_of_a_running_stack_is_refused(state_dir: Path, missing: str) -> None:
    where = {"CHOIR_API_URL": "http://127.0.0.1:1", "CHOIR_REALTIME_URL": "ws://127.0.0.1:1"}
    del where[missing]
    told = run(CHOIR, "demo", env=environment(state_dir, **where))
    assert told.code != 0
    assert "--api and --realtime go together" in told.err
