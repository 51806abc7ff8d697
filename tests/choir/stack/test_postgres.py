"""The embedded server is real, keeps its data, and comes back after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from choir.stack.postgres import EmbeddedPostgres, PostgresError


@pytest.fixture
def directory(reachable_dir: Path) -> Path:
    return reachable_dir


def test_data_and_password_survive_a_restart(directory: Path) -> None:
    with (
        EmbeddedPostgres(directory, durable=False) as server,
        psycopg.connect(server.url()) as c,
    ):
        assert str(c.execute("SHOW server_version").fetchone()).startswith("('18.")
        c.execute("CREATE TABLE kept AS SELECT 1 AS n")
    with (
        EmbeddedPostgres(directory, durable=False) as server,
        psycopg.connect(server.url()) as c,
    ):
        assert c.execute("SELECT n FROM kept").fetchone() == (1,)
    assert (directory / "password").stat().st_mode & 0o777 == 0o600


def test_a_wrong_password_is_refused(directory: Path) -> None:
    with EmbeddedPostgres(directory, durable=False) as server:
        url = f"postgresql://choir:wrong@127.0.0.1:{server.port}/choir"
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url)


def test_a_second_stack_on_the_same_directory_is_refused(directory: Path) -> None:
    with (
        EmbeddedPostgres(directory, durable=False),
        pytest.raises(PostgresError, match="another running stack uses"),
    ):
        EmbeddedPostgres(directory, durable=False).start()


def test_a_port_in_use_is_named(directory: Path, postgres_server: EmbeddedPostgres) -> None:
    with pytest.raises(PostgresError, match=f"did not start on port {postgres_server.port}"):
        EmbeddedPostgres(directory, port=postgres_server.port, durable=False).start()


def test_a_killed_parent_leaves_nothing_that_stops_the_next(directory: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from choir.stack.postgres import EmbeddedPostgres\n"
        "s = EmbeddedPostgres(Path(sys.argv[1]), durable=False); print(s.start(), flush=True)\n"
        "sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    url = parent.stdout.readline().strip()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    with (
        EmbeddedPostgres(directory, durable=False) as server,
        psycopg.connect(server.url()) as c,
    ):
        assert c.execute("SELECT n FROM kept").fetchone() == (7,)
    assert parent.stdin is not None
    parent.stdin.close()
    parent.stdout.close()


def test_a_killed_server_that_nobody_collected_is_cleared_away(directory: Path) -> None:
    """Its process id lives on as a zombie's, and PostgreSQL alone would not start."""
    server = EmbeddedPostgres(directory)
    url = server.start()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    killed = server._process
    assert killed is not None
    killed.kill()
    os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)  # dead, and left a zombie
    assert server._lock is not None
    server._lock.close()
    with EmbeddedPostgres(directory, durable=False) as again, psycopg.connect(again.url()) as c:
        assert c.execute("SELECT n FROM kept").fetchone() == (7,)
    killed.wait()
