"""`COPY` of rows in PostgreSQL's binary format, encoded here.

A mirror's rows are mostly addresses and u64 in `numeric`. asyncpg's own encoder turns each of those
into a `Decimal` first, which takes longer than decoding the account they come from.

The format: https://www.postgresql.org/docs/current/sql-copy.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain, repeat
from struct import Struct
from typing import Any, Final

import asyncpg
from sqlalchemy.dialects import postgresql

from choir_indexer.store.schema import metadata

__all__ = ["TYPES", "Copier", "encoded"]

_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
_I16: Final = Struct(">h")
_LENGTH: Final = Struct(">i")
_SMALL: Final = Struct(">ih")
_INT: Final = Struct(">ii")
_BIG: Final = Struct(">iq")
_ARRAY: Final = Struct(">iiIii")
_EMPTY: Final = Struct(">iiI")
_ADDRESS: Final = _LENGTH.pack(32)
_BYTEA_OID: Final = 17
_INT8_OID: Final = 20
_GROUP: Final = 10_000  # a digit of `numeric`

Encoder = Callable[[Any], bytes]
Column = Callable[[Sequence[Any]], list[bytes]]


def _bytea(value: bytes) -> bytes:
    if len(value) == 32:
        return _ADDRESS + value
    return _LENGTH.pack(len(value)) + value


@lru_cache(maxsize=1 << 15)
def _numeric(value: int) -> bytes:
    """Digits to the base of 10,000, most significant first; `weight` is the first one's power."""
    if value < 0:
        raise ValueError(f"{value} is no u64")
    digits = []
    left = value
    while left:
        left, digit = divmod(left, _GROUP)
        digits.append(digit)
    count = len(digits)
    weight = count - 1 if count else 0
    return Struct(f">ihhHH{count}H").pack(8 + 2 * count, count, weight, 0, 0, *reversed(digits))


def _text(value: str) -> bytes:
    raw = value.encode()
    return _LENGTH.pack(len(raw)) + raw


def _json(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _LENGTH.pack(len(raw) + 1) + b"\x01" + raw  # the version of the format


def _bool(value: bool) -> bytes:
    return b"\0\0\0\1\1" if value else b"\0\0\0\1\0"


def _array(oid: int, items: Sequence[bytes]) -> bytes:
    """One dimension, from 1; without one when empty."""
    head = _ARRAY.pack(1, 0, oid, len(items), 1) if items else _EMPTY.pack(0, 0, oid)
    body = b"".join([head, *items])
    return _LENGTH.pack(len(body)) + body


def _byteas(values: Sequence[bytes]) -> bytes:
    return _array(_BYTEA_OID, [_bytea(value) for value in values])


def _bigs(values: Sequence[int]) -> bytes:
    return _array(_INT8_OID, [_BIG.pack(8, value) for value in values])


def _each(encode: Encoder) -> Column:
    """A column of what `encode` takes, or None."""

    def column(values: Sequence[Any]) -> list[bytes]:
        return [_NULL if value is None else encode(value) for value in values]

    return column


def _bytea_column(values: Sequence[bytes | None]) -> list[bytes]:
    """As `_each` would, without a call for each address; most values are addresses."""
    return [
        _NULL if value is None else _ADDRESS + value if len(value) == 32 else _bytea(value)
        for value in values
    ]


# by PostgreSQL's names of types
_COLUMNS: Final[dict[str, Column]] = {
    "bytea": _bytea_column,
    "numeric": _each(_numeric),
    "int2": _each(partial(_SMALL.pack, 2)),
    "int4": _each(partial(_INT.pack, 4)),
    "int8": _each(partial(_BIG.pack, 8)),
    "text": _each(_text),
    "jsonb": _each(_json),
    "bool": _each(_bool),
    "_bytea": _each(_byteas),
    "_int8": _each(_bigs),
}

# by those that make them; others are never copied
_OWN_NAMES: Final = {
    "BYTEA": "bytea",
    "NUMERIC": "numeric",
    "SMALLINT": "int2",
    "INTEGER": "int4",
    "BIGINT": "int8",
    "TEXT": "text",
    "JSONB": "jsonb",
    "BOOLEAN": "bool",
    "BYTEA[]": "_bytea",
    "BIGINT[]": "_int8",
}


def encoded(types: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytearray:
    """Rows as a whole binary `COPY`; column by column, which is faster than row by row.

    Args:
        types: PostgreSQL's names of the columns' types, such as `int8` or `_bytea`.
        rows: values in that order; u64 are ints, JSON is text.
    """
    columns = list(zip(*rows, strict=True))
    if not columns:
        return bytearray(_HEAD + _END)
    fields = [_COLUMNS[name](values) for name, values in zip(types, columns, strict=True)]
    begin = _I16.pack(len(fields))
    whole = chain.from_iterable(zip(repeat(begin), *fields, strict=False))  # `repeat` has no end
    return bytearray(b"".join([_HEAD, *whole, _END]))


def _types() -> dict[str, dict[str, str]]:
    """What the columns of schema ``chain`` are, by PostgreSQL's own names of types."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # not typed there
    return {
        table.name: {
            column.name: _OWN_NAMES[column.type.compile(dialect).partition("(")[0]]
            for column in table.columns
            if column.type.compile(dialect).partition("(")[0] in _OWN_NAMES
        }
        for table in metadata.sorted_tables
    }


class Copier:
    """`COPY` into tables of one connection: those of schema ``chain``, and temporary ones that it
    is told of."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection
        self._temporary: dict[str, Mapping[str, str]] = {}

    def know(self, table: str, types: Mapping[str, str]) -> None:
        """What the columns of a temporary table are: PostgreSQL's own names of types."""
        self._temporary[table] = types

    async def copy(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        schema: str = "",
    ) -> None:
        """Append rows to a temporary table, or to one of `schema` (which is ``chain``)."""
        if not rows:
            return
        there = TYPES[table] if schema else self._temporary[table]
        await self._connection.copy_to_table(
            table,
            schema_name=schema or None,
            columns=columns,
            # any buffer will do; the stubs do not say so
            source=encoded([there[column] for column in columns], rows),  # type: ignore[arg-type]
            format="binary",
        )


TYPES: Final = _types()
