"""A node's list of transactions: it comes newest first and is wanted oldest first, so all of it has
to be kept, a long one on disk."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from os import SEEK_END
from tempfile import TemporaryFile
from typing import IO, Final, cast

from solders.signature import Signature

from choir_indexer.model import SignatureRef
from choir_indexer.sources.port import SourceError

__all__ = ["Row", "Walked", "signature_of"]

Row = tuple[int, str]
"""A slot, and a signature in base58."""

ROW: Final = struct.Struct("<Q88s")  # no signature is longer
KEPT: Final = 50_000
AT_ONCE: Final = 4096


class Walked:
    """Rows as they came. Close it: a long list has a file, which has no name.

    Args:
        kept: how many are kept in memory at most.
    """

    def __init__(self, *, kept: int = KEPT) -> None:
        self._kept = kept
        self._rows: list[Row] = []
        self._file: IO[bytes] | None = None  # all of them, once they are too many
        self._written = 0
        self.oldest: Row | None = None
        self.before_oldest: Row | None = None

    def close(self) -> None:
        """Forget them."""
        self._rows.clear()
        if self._file is not None:
            self._file.close()

    def extend(self, page: Sequence[Row]) -> None:
        """Put older rows behind those that are there."""
        self._rows += page
        for row in page[-2:]:
            self.before_oldest, self.oldest = self.oldest, row
        if len(self._rows) > self._kept or self._file is not None:
            self._write()

    def refs(self, after: int, through: int) -> Iterator[SignatureRef]:
        """Those in the slots (`after`, `through`], oldest first, numbered in each slot.

        Raises:
            SourceError: what is listed is not a signature.
        """
        last, position = -1, 0
        for slot, name in self._oldest_first():
            if not after < slot <= through:
                continue
            position = position + 1 if slot == last else 0
            last = slot
            yield SignatureRef(signature_of(name), slot, position, name)

    def holds(self, signatures: Collection[bytes]) -> set[bytes]:
        """Those of these that are listed. Quick where they are among the newest."""
        left = {str(Signature(signature)): signature for signature in signatures}
        found = {left.pop(name) for _, name in self._rows if name in left}
        if self._file is not None:
            self._file.seek(0)
            while left and (part := self._file.read(AT_ONCE * ROW.size)):
                found |= {left.pop(name) for _, name in _unpacked(part) if name in left}
        return found

    def _write(self) -> None:
        if self._file is None:
            self._file = cast(IO[bytes], TemporaryFile())  # noqa: SIM115 - closed by close()
        self._file.seek(0, SEEK_END)
        self._file.write(b"".join(ROW.pack(slot, name.encode()) for slot, name in self._rows))
        self._written += len(self._rows)
        self._rows = []

    def _oldest_first(self) -> Iterator[Row]:
        yield from reversed(self._rows)
        end = self._written
        while self._file is not None and end:
            begin = max(end - AT_ONCE, 0)
            self._file.seek(begin * ROW.size)
            part = self._file.read((end - begin) * ROW.size)
            yield from reversed(list(_unpacked(part)))
            end = begin


def signature_of(name: str) -> bytes:
    """The bytes of a listed signature. Raises SourceError when it is none."""
    try:
        return bytes(Signature.from_string(name))
    except ValueError:
        raise SourceError(f"the node lists {name!r}, which is no signature") from None


def _unpacked(part: bytes) -> Iterator[Row]:
    for slot, name in ROW.iter_unpack(part):
        yield slot, name.rstrip(b"\0").decode(errors="replace")
