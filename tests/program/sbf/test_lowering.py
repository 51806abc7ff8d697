"""Each lowering of the sBPF build against Python's integers, in a virtual machine."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.program.sbf.conftest import Run

M64, M128 = 2**64 - 1, 2**128 - 1
EDGES = [
    0,
    1,
    2,
    3,
    2**31,
    2**32 - 1,
    2**32,
    2**63 - 1,
    2**63,
    M64,
    2**64,
    2**96,
    2**127 - 1,
    2**127,
    M128,
]
u64s = st.one_of(st.sampled_from([e for e in EDGES if e <= M64]), st.integers(0, M64))
u128s = st.one_of(
    st.sampled_from(EDGES),
    st.integers(0, M128),
    st.builds(lambda bits, low: low >> (128 - bits), st.integers(1, 128), st.integers(0, M128)),
)
many_runs = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def to_signed(value: int, bits: int = 128) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def wide(*values: int) -> bytes:
    return b"".join((value & M128).to_bytes(16, "little") for value in values)


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}Q", *(value & M64 for value in values))


def toward_zero(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def flagged(value: int, low: int, high: int) -> bytes:
    return b"\1" + wide(value) if low <= value <= high else bytes(17)


WIDE: dict[str, tuple[int, Callable[[int, int], bytes]]] = {
    "mul": (0, lambda a, b: wide(a * b)),
    "checked mul": (5, lambda a, b: flagged(a * b, 0, M128)),
    "checked signed mul": (
        6,
        lambda a, b: flagged(to_signed(a) * to_signed(b), -(2**127), 2**127 - 1),
    ),
    "checked add": (9, lambda a, b: flagged(a + b, 0, M128)),
    "checked signed sub": (
        10,
        lambda a, b: flagged(to_signed(a) - to_signed(b), -(2**127), 2**127 - 1),
    ),
    "shift left": (11, lambda a, b: wide(a << (b & 127))),
    "arithmetic shift right": (12, lambda a, b: wide(to_signed(a) >> (b & 127))),
    "shift right": (13, lambda a, b: wide(a >> (b & 127))),
    "wide result": (27, lambda a, b: wide(((a << 17) | (a >> 111)) & M128 ^ b)),
}
DIVISION: dict[str, tuple[int, Callable[[int, int], int]]] = {
    "unsigned quotient": (1, lambda a, b: a // b),
    "unsigned remainder": (2, lambda a, b: a % b),
    "signed quotient": (3, lambda a, b: toward_zero(to_signed(a), to_signed(b))),
    "signed remainder": (
        4,
        lambda a, b: to_signed(a) - toward_zero(to_signed(a), to_signed(b)) * to_signed(b),
    ),
}


@pytest.mark.parametrize("name", WIDE)
@many_runs
@given(a=u128s, b=u128s)
def test_wide_arithmetic(run: Run, name: str, a: int, b: int) -> None:
    operation, expected = WIDE[name]
    assert run(operation, wide(a, b)) == expected(a, b)


@pytest.mark.parametrize("name", DIVISION)
@many_runs
@given(a=u128s, b=u128s.filter(bool))
@example(a=2**127, b=M128)  # the least number by minus one
@example(a=M128, b=2**64)
@example(a=(M64 - 1) << 64, b=M64)
@example(a=M128, b=(1 << 127) + 1)
def test_wide_division(run: Run, name: str, a: int, b: int) -> None:
    operation, expected = DIVISION[name]
    assert run(operation, wide(a, b)) == wide(expected(a, b))


@many_runs
@given(a=u64s, b=u64s)
@example(a=2**32, b=2**32)
@example(a=2**32 + 1, b=2**32 - 1)
def test_checked_multiplication_of_64_bits(run: Run, a: int, b: int) -> None:
    assert run(7, words(a, b)) == flagged(a * b, 0, M64)
    signed = to_signed(a, 64) * to_signed(b, 64)
    assert run(8, words(a, b)) == flagged(signed, -(2**63), 2**63 - 1)


def _rotate(value: int, by: int, bits: int = 64) -> int:
    value &= (1 << bits) - 1
    return ((value << by) | (value >> (bits - by))) & ((1 << bits) - 1)


def _many(a: int, b: int, c: int, d: int, e: int, f: int, g: int, h: int) -> int:
    folded = a ^ _rotate(b, 1) ^ _rotate(c, 2) ^ _rotate(d & M64, 3) ^ _rotate(d >> 64, 4)
    return folded ^ _rotate(e, 5) ^ _rotate(f & M64, 6) ^ _rotate(g, 7) ^ h


@pytest.mark.parametrize(
    "operation", [20, 21, 22], ids=["direct", "by pointer", "by another pointer"]
)
@many_runs
@given(w=st.lists(u64s, min_size=9, max_size=9))
def test_more_than_five_arguments(run: Run, operation: int, w: list[int]) -> None:
    a, b, c, d = w[0], w[1], w[2] & (2**32 - 1), w[3] | w[4] << 64
    f, h = to_signed(w[5] & 255, 8), w[7] & 1
    expected = _many(a, b, c, d, w[6], f, w[8], h)
    if operation == 22:
        expected = M64 ^ _many(w[8], w[6], c, _rotate(d, 64, 128), b, f, a, 1 - h)
    assert run(operation, words(*w)) == words(expected)


@many_runs
@given(w=st.lists(u64s, min_size=7, max_size=7))
def test_more_than_five_arguments_by_trait_object(run: Run, w: list[int]) -> None:
    assert run(23, words(*w)) == wide(sum(w))
    product = 1
    for factor in w:
        product = product * factor & M128
    assert run(24, words(*w)) == wide(product)


def _recursive(depth: int, a: int, b: int, c: int, d: int, e: int) -> tuple[int, int]:
    if depth == 0:
        return a ^ c ^ e, b << 64 | d
    low, high = _recursive(depth - 1, b, c, d, e, (a + depth) & M64)
    return (low * 3 & M64) ^ a, (high + b) & M128


@many_runs
@given(depth=st.integers(0, 30), w=st.lists(u64s, min_size=5, max_size=5))
def test_more_than_five_arguments_in_recursion(run: Run, depth: int, w: list[int]) -> None:
    low, high = _recursive(depth, *w)
    assert run(25, words(depth, *w)) == words(low) + wide(high)


@many_runs
@given(a=u64s, b=u64s)
def test_results_in_memory(run: Run, a: int, b: int) -> None:
    assert run(26, words(a, b)) == wide(a + b) + words(a - b) + bytes([a < b, a == b, a > b])


@many_runs
@given(content=st.binary(max_size=255), shift=st.integers(0, 255))
def test_copying(run: Run, content: bytes, shift: int) -> None:
    expected = bytearray(600)
    expected[3 : 3 + len(content)] = content
    expected[3 + shift : 3 + shift + len(content)] = content
    assert run(30, bytes([len(content), shift]) + content) == bytes(expected)


@many_runs
@given(data=st.data())
def test_comparing(run: Run, data: Any) -> None:
    a = data.draw(st.binary(min_size=1, max_size=100))
    at = data.draw(st.integers(0, len(a) - 1))
    b = data.draw(st.sampled_from([a, a[:at] + bytes([a[at] ^ 0x81]) + a[at + 1 :]]))
    order = (a > b) - (a < b)
    assert run(31, a + b) == bytes([order & 255, a == b])


@pytest.mark.parametrize(
    ("operation", "data", "fine"),
    [
        (40, b"", None),
        (41, bytes([9, 1]), bytes([1, 7])),
        (42, words(M64, 1), words(M64, 0)),
        (43, bytes([9, 1]), bytes([1, 7])),
        (44, words(1, 0), words(1, 1)),
        (45, wide(M128, 2), wide(M128, 1)),
    ],
    ids=["panic", "out of bounds", "overflow", "unwrap", "division by zero", "wide overflow"],
)
def test_what_panics_aborts(run: Run, operation: int, data: bytes, fine: bytes | None) -> None:
    assert run(operation, data) is None
    if fine is not None:
        assert run(operation, fine) is not None
