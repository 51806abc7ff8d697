"""Types of an IDL, compiled once into functions that read them.

A reader takes the bytes, an offset and what is left of the decoding's allowance (:class:`Room`),
and returns the plain value with the offset after it. Whatever has one size and one `struct`
format is read in runs, many fields at once; the path of a field is worked out only when its
bytes are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from struct import Struct
from struct import error as struct_error
from typing import Any, Final, NoReturn, TypeAlias

from solders.pubkey import Pubkey

__all__ = [
    "BYTE",
    "MAX_DEPTH",
    "SLOTS",
    "Layout",
    "Malformed",
    "Room",
    "array_of",
    "blob",
    "coption_of",
    "enum_of",
    "fieldless",
    "nonzero",
    "option_of",
    "recursive",
    "sequence_of",
    "slot",
    "struct_of",
    "text",
]

MAX_DEPTH: Final = 128
"""How deep a decoded value may be nested."""
_U32: Final = Struct("<I")


class Malformed(Exception):
    """Bytes that are refused; each level that it passes adds its part of the path, inmost first."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.path: list[str | int] = []

    def at(self, name: str) -> str:
        """The path from `name` on, and the reason."""
        parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path[::-1])
        return f"{name}{''.join(parts)}: {self.args[0]}"


@dataclass(slots=True)
class Room:
    """What one decoding may still use: values it makes, levels it nests."""

    values: int
    depth: int = MAX_DEPTH

    def take(self, values: int) -> None:
        """Raises Malformed when there is not so much room."""
        self.values -= values
        if self.values < 0:
            raise Malformed("more values than one decoding may make")


Reader: TypeAlias = Callable[[bytes, int, Room], tuple[Any, int]]


@dataclass(slots=True)
class Layout:
    """A compiled type.

    `least` is how many bytes it takes at least, and exactly when `fixed`; `weight` how many
    values it makes at most beside those of sequences; `height` how deep they are nested.
    `code` is its `struct` format where one slot holds it, `convert` what makes the value of that.
    `nullable`: its value can be None. `align` and `shape` matter for layouts in memory only.
    """

    read: Reader
    least: int
    fixed: bool = False
    weight: int = 1
    height: int = 0
    code: str | None = None
    convert: Callable[[Any], Any] | None = None
    nullable: bool = False
    align: int = 1
    shape: str = ""


def slot(
    code: str, convert: Callable[[Any], Any] | None = None, *, align: int | None = None
) -> Layout:
    """What one `struct` slot holds; aligned like its size when nothing else is said."""
    form = Struct(f"<{code}")
    size, unpack = form.size, form.unpack_from

    def read(data: bytes, at: int, room: Room) -> tuple[Any, int]:
        end = at + size
        if end > len(data):
            _short(size, data, at)
        (value,) = unpack(data, at)
        return (value if convert is None else convert(value)), end

    return Layout(
        read, size, fixed=True, code=code, convert=convert, shape=code,
        align=size if align is None else align,
    )  # fmt: skip


def text() -> Layout:
    """A string. One with U+0000, which PostgreSQL's jsonb cannot hold, is `{"utf8": hex}`."""

    def read(data: bytes, at: int, room: Room) -> tuple[Any, int]:
        start, end = _counted(data, at, 1)
        raw = data[start:end]
        try:
            value = raw.decode()
        except UnicodeDecodeError as error:
            raise Malformed(f"text that is not UTF-8 ({error.reason})") from None
        return ({"utf8": raw.hex()} if "\0" in value else value), end

    return Layout(read, 4, height=1)


def blob() -> Layout:
    """Bytes with their number before them, in hexadecimal."""

    def read(data: bytes, at: int, room: Room) -> tuple[Any, int]:
        start, end = _counted(data, at, 1)
        return data[start:end].hex(), end

    return Layout(read, 4)


def option_of(inner: Layout) -> Layout:
    """A byte, then the value if it is 1. Where the value itself can be null it is `{"some": …}`."""
    read_inner, wrapped = inner.read, inner.nullable

    def read(data: bytes, at: int, room: Room) -> tuple[Any, int]:
        tag = _byte(data, at)
        if tag == 0:
            return None, at + 1
        if tag != 1:
            raise Malformed(f"an option's tag is 0 or 1, not {tag}")
        value, at = read_inner(data, at + 1, room)
        return ({"some": value} if wrapped else value), at

    return Layout(
        read, 1, nullable=True, weight=1 + inner.weight, height=inner.height + wrapped
    )  # fmt: skip


def coption_of(inner: Layout) -> Layout:
    """Four bytes, then the room of a value, which counts if they are 1; `inner` is fixed."""
    read_inner, size, wrapped = inner.read, 4 + inner.least, inner.nullable

    def read(data: bytes, at: int, room: Room) -> tuple[Any, int]:
        if at + size > len(data):
            _short(size, data, at)
        (tag,) = _U32.unpack_from(data, at)
        if tag == 0:
            return None, at + size
        if tag != 1:
            raise Malformed(f"an option's tag is 0 or 1, not {tag}")
        value, at = read_inner(data, at + 4, room)
        return ({"some": value} if wrapped else value), at

    return Layout(
        read, size, fixed=True, nullable=True, weight=1 + inner.weight,
        height=inner.height + wrapped,
    )  # fmt: skip


def sequence_of(inner: Layout) -> Layout:
    """A number of elements, then they; bytes in hexadecimal. The number is held against the bytes
    that are left, and against the room, before anything is made."""
    if inner is BYTE:
        return blob()
    least, weight, many = inner.least, inner.weight, _many(inner)

    def read(data: bytes, at: int, room: Room) -> tuple[Any, int]:
        start, _ = _counted(data, at, least)
        (count,) = _U32.unpack_from(data, at)
        room.take(count * weight)
        return many(data, start, room, count)

    return Layout(read, 4, height=inner.height + 1)


def array_of(inner: Layout, length: int) -> Layout:
    """Exactly `length` elements; of bytes in hexadecimal."""
    if inner is BYTE:
        return slot(f"{length}s", bytes.hex, align=1)
    many, least = _many(inner), length * inner.least

    def read(data: bytes, at: int, room: Room) -> tuple[Any, int]:
        if at + least > len(data):
            _short(least, data, at)
        return many(data, at, room, length)

    return Layout(
        read, least, fixed=inner.fixed, weight=1 + length * inner.weight,
        height=inner.height + 1, align=inner.align, shape=f"{length}({inner.shape})",
    )  # fmt: skip


def struct_of(
    names: Sequence[str] | None,
    fields: Sequence[Layout],
    *,
    pads: Sequence[int] = (),
    end_pad: int = 0,
    align: int = 1,
) -> Layout:
    """Fields one after the other: an object by `names`, without names a list.

    `pads` are unused bytes before each field and `end_pad` those after the last.
    """
    before = list(pads) or [0] * len(fields)
    parts = _runs(list(range(len(fields))) if names is None else list(names), fields, before)

    def read(data: bytes, at: int, room: Room) -> tuple[Any, int]:
        value: dict[Any, Any] = {}
        for part in parts:
            at = part(data, at, room, value)
        if end_pad and (at := at + end_pad) > len(data):
            raise Malformed(f"the last {at - len(data)} bytes of its padding are missing")
        return (value if names is not None else list(value.values())), at

    return Layout(
        read,
        sum(each.least for each in fields) + sum(before) + end_pad,
        fixed=all(each.fixed for each in fields),
        weight=1 + sum(each.weight for each in fields),
        height=1 + max((each.height for each in fields), default=0),
        align=align,
        shape="".join(f"{pad}x{each.shape}" for pad, each in zip(before, fields, strict=True))
        + f"{end_pad}x",
    )


def fieldless(names: Sequence[str], code: str = "B") -> Layout:
    """An enum without any fields: the variant's name."""
    known = tuple(names)

    def convert(index: int) -> str:
        if index >= len(known):
            raise Malformed(f"variant {index} of an enum of {len(known)}")
        return known[index]

    return slot(code, convert)


def enum_of(variants: Sequence[tuple[str, Layout | None]]) -> Layout:
    """A byte, then the variant's fields: its name, or with fields `{name: fields}`."""
    known = tuple((name, None if each is None else each.read) for name, each in variants)
    inner = [each for _, each in variants if each is not None]

    def read(data: bytes, at: int, room: Room) -> tuple[Any, int]:
        index = _byte(data, at)
        if index >= len(known):
            raise Malformed(f"variant {index} of an enum of {len(known)}")
        name, fields = known[index]
        if fields is None:
            return name, at + 1
        try:
            value, at = fields(data, at + 1, room)
        except Malformed as error:
            error.path.append(name)
            raise
        return {name: value}, at

    return Layout(
        read,
        1 + min((0 if each is None else each.least for _, each in variants), default=0),
        weight=1 + max((each.weight for each in inner), default=0),
        height=max((each.height + 1 for each in inner), default=0),
    )


def recursive(*, nullable: bool) -> tuple[Layout, Callable[[Layout], None]]:
    """A type inside itself: a layout to use now, and what to tell the whole of it later."""
    whole: list[Layout] = []

    def read(data: bytes, at: int, room: Room) -> tuple[Any, int]:
        layout = whole[0]
        room.take(layout.weight)
        room.depth -= layout.height
        if room.depth < 0:
            raise Malformed(f"nested more than {MAX_DEPTH} deep")
        value, at = layout.read(data, at, room)
        room.depth += layout.height
        return value, at

    return Layout(read, 0, nullable=nullable), whole.append


def _many(inner: Layout) -> Callable[[bytes, int, Room, int], tuple[Any, int]]:
    """What reads a known number of elements whose least size is already there."""
    code, convert, size, read_one = inner.code, inner.convert, inner.least, inner.read

    def numbers(data: bytes, at: int, room: Room, count: int) -> tuple[Any, int]:
        return list(Struct(f"<{count}{code}").unpack_from(data, at)), at + count * size

    def each(data: bytes, at: int, room: Room, count: int) -> tuple[Any, int]:
        values = []
        for index in range(count):
            try:
                value, at = read_one(data, at, room)
            except Malformed as error:
                error.path.append(index)
                raise
            values.append(value)
        return values, at

    return numbers if code is not None and len(code) == 1 and convert is None else each


def _runs(
    names: Sequence[Any], fields: Sequence[Layout], pads: Sequence[int]
) -> list[Callable[[bytes, int, Room, dict[Any, Any]], int]]:
    """Readers of neighbouring slots together, and of everything else by itself."""
    parts: list[Callable[[bytes, int, Room, dict[Any, Any]], int]] = []
    run: list[tuple[Any, Layout, int]] = []
    for name, each, pad in zip(names, fields, pads, strict=True):
        if each.code is not None:
            run.append((name, each, pad))
            continue
        if run:
            parts.append(_run(run))
            run = []
        parts.append(_single(name, each, pad))
    if run:
        parts.append(_run(run))
    return parts


def _run(
    run: Sequence[tuple[Any, Layout, int]],
) -> Callable[[bytes, int, Room, dict[Any, Any]], int]:
    form = Struct("<" + "".join(f"{pad}x{each.code}" for _, each, pad in run))
    names = tuple(name for name, _, _ in run)
    converted = tuple((name, each.convert) for name, each, _ in run if each.convert is not None)
    size, unpack = form.size, form.unpack_from

    def read(data: bytes, at: int, room: Room, value: dict[Any, Any]) -> int:
        try:
            value.update(zip(names, unpack(data, at), strict=True))
        except struct_error:
            _blame(run, data, at)
        for name, convert in converted:
            try:
                value[name] = convert(value[name])
            except Malformed as error:
                error.path.append(name)
                raise
        return at + size

    return read


def _single(
    name: Any, layout: Layout, pad: int
) -> Callable[[bytes, int, Room, dict[Any, Any]], int]:
    read_one = layout.read

    def read(data: bytes, at: int, room: Room, value: dict[Any, Any]) -> int:
        try:
            value[name], at = read_one(data, at + pad, room)
        except Malformed as error:
            error.path.append(name)
            raise
        return at

    return read


def _blame(run: Sequence[tuple[Any, Layout, int]], data: bytes, at: int) -> NoReturn:
    """Name the first field of a run that the bytes do not reach."""
    for name, each, pad in run:
        at += pad
        if at + each.least > len(data):
            error = Malformed(_too_short(each.least, data, at))
            error.path.append(name)
            raise error from None
        at += each.least
    raise AssertionError("unreachable")


def _counted(data: bytes, at: int, size: int) -> tuple[int, int]:
    """Where elements of `size` bytes at least begin, and where they end at the earliest."""
    if at + 4 > len(data):
        _short(4, data, at)
    (count,) = _U32.unpack_from(data, at)
    end: int = at + 4 + count * size
    if end > len(data):
        raise Malformed(
            f"{count} elements of {size} bytes or more do not fit in the {len(data) - at - 4}"
            " bytes that are left"
        )
    return at + 4, end


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        _short(1, data, at)
    return data[at]


def _short(size: int, data: bytes, at: int) -> NoReturn:
    raise Malformed(_too_short(size, data, at))


def _too_short(size: int, data: bytes, at: int) -> str:
    return f"takes {size} bytes, {max(len(data) - at, 0)} are left"


def _bool(value: int) -> bool:
    if value > 1:
        raise Malformed(f"a bool is 0 or 1, not {value}")
    return value == 1


def _float(value: float) -> float | str:
    """JSON has no words for these three."""
    if isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _unsigned(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def _signed(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


def _address(raw: bytes) -> str:
    return str(Pubkey.from_bytes(raw))


def nonzero(inner: Layout) -> Layout:
    """An integer that is not 0."""
    assert inner.code is not None
    plain = inner.convert

    def convert(value: Any) -> Any:
        number = value if plain is None else plain(value)
        if number == 0:
            raise Malformed("a number that is never 0 is 0")
        return number

    return slot(inner.code, convert, align=inner.align)


BYTE: Final = slot("B")
SLOTS: Final[dict[str, Layout]] = {
    "u8": BYTE,
    **{name: slot(code) for name, code in {
        "i8": "b", "u16": "H", "i16": "h", "u32": "I", "i32": "i", "u64": "Q", "i64": "q",
    }.items()},
    "u128": slot("16s", _unsigned),
    "i128": slot("16s", _signed),
    "u256": slot("32s", _unsigned),
    "i256": slot("32s", _signed),
    "f32": slot("f", _float),
    "f64": slot("d", _float),
    "bool": slot("B", _bool),
    "pubkey": slot("32s", _address, align=1),
    "publicKey": slot("32s", _address, align=1),
}  # fmt: skip
"""The simple types of one size."""
