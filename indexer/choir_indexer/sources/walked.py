"""A node's list of transactions: it comes newest first and is wanted oldest first, so all of it has
to be kept, a long one on disk."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from tempfile import SpooledTemporaryFile
from typing import IO, Final, cast

from solders.signature import Signature

from choir_indexer.model import SignatureRef
from choir_indexer.sources.port import SourceError

__all__ = ["Row", "Walked"]

Row = tuple[int, str]
"""A slot, and a signature in base58."""

ROW: Final = struct.Struct("<Q88s")  # no signature is longer
ON_DISK_FROM: Final = 8 << 20
AT_ONCE: Final = 4096


class Walked:
    """Rows as they came. Close it: a long list has a file, which has no name.

    Args:
        on_disk_from: how many bytes are kept in memory at most.
    """

    def __init__(self, *, on_disk_from: int = ON_DISK_FROM) -> None:
        # closed by close()
        self._file = cast(IO[bytes], SpooledTemporaryFile(on_disk_from))  # noqa: SIM115
        self._count = 0
        self.oldest: Row | None = None
        self.before_oldest: Row | None = None

    def close(self) -> None:
        """Forget them."""
        self._file.close()

    def extend(self, page: Sequence[Row]) -> None:
        """Put older rows behind those that are there."""
        self._file.write(b"".join(ROW.pack(slot, name.encode()) for slot, name in page))
        self._count += len(page)
        for row in page[-2:]:
            self.before_oldest, self.oldest = self.oldest, row

    def refs(self, after: int, through: int) -> Iterator[SignatureRef]:
        """Those in the slots (`after`, `through`], oldest first, numbered in each slot.

        Raises:
            SourceError: what is listed is not a signature.
        """
        rows = (row for row in self._oldest_first() if after < row[0] <= through)
        for slot, same in groupby(rows, key=lambda row: row[0]):
            for position, (_, name) in enumerate(same):
                try:
                    signature = bytes(Signature.from_string(name))
                except ValueError:
                    raise SourceError(f"the node lists {name!r}, which is no signature") from None
                yield SignatureRef(signature, slot, position, name)

    def holds(self, signatures: Collection[bytes]) -> set[bytes]:
        """Those of these that are listed. Quick where they are among the newest."""
        left = {str(Signature(signature)).encode(): signature for signature in signatures}
        found: set[bytes] = set()
        self._file.seek(0)
        while left and (part := self._file.read(AT_ONCE * ROW.size)):
            there = left.keys() & {name.rstrip(b"\0") for _, name in ROW.iter_unpack(part)}
            found |= {left.pop(name) for name in there}
        return found

    def _oldest_first(self) -> Iterator[Row]:
        end = self._count
        while end:
            begin = max(end - AT_ONCE, 0)
            self._file.seek(begin * ROW.size)
            part = self._file.read((end - begin) * ROW.size)
            for slot, name in reversed(list(ROW.iter_unpack(part))):
                yield slot, name.rstrip(b"\0").decode()
            end = begin
