"""What the stack asks of its machine: ports and private files."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody holds at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:``port`` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def write_secret(path: Path, text: str) -> None:
    """Write ``text`` to a file of mode 0600; readers see the old file or the whole new one."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    fresh.rename(path)


def kept_secret(path: Path) -> str:
    """The secret in ``path``, made (48 random bytes) when the file is not there."""
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(48))
    return path.read_text().strip()
