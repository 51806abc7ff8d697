"""Frames go through every encoding unchanged, and nothing but frames does."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import fractions
import json
import re
from typing import Any

import cbor2
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choir.wire import CBOR, CODECS, JSON, MAX_DEPTH, MSGPACK, Codec, WireError, guess

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=12,
)
FRAMES = st.dictionaries(st.text(), PLAIN, max_size=6)
ALL = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)


@ALL
@given(frame=FRAMES)
def test_frames_come_back(codec: Codec, frame: dict[str, Any]) -> None:
    assert codec.decode(codec.encode(frame)) == frame


@ALL
@given(frame=FRAMES)
def test_a_first_frame_tells_its_encoding(codec: Codec, frame: dict[str, Any]) -> None:
    assert guess(codec.encode(frame)) is codec


@ALL
@given(data=st.binary(max_size=40))
def test_any_bytes_are_a_frame_or_refused(codec: Codec, data: bytes) -> None:
    with contextlib.suppress(WireError):  # and nothing else
        assert isinstance(codec.decode(data), dict)


@pytest.mark.parametrize(
    "value",
    [
        datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
        decimal.Decimal("1.5"),
        2**70,
        re.compile("a"),
        {1, 2},
        fractions.Fraction(1, 2),
        cbor2.CBORTag(5555, 1),
        float("nan"),
        cbor2.undefined,
    ],
    ids=repr,
)
def test_cbor_beyond_plain_data_is_refused(value: object) -> None:
    with pytest.raises(WireError):
        CBOR.decode(cbor2.dumps({"a": value}))


@pytest.mark.parametrize("value", [msgpack.ExtType(5, b"x"), msgpack.Timestamp(1), float("inf")])
def test_messagepack_beyond_plain_data_is_refused(value: object) -> None:
    with pytest.raises(WireError):
        MSGPACK.decode(msgpack.packb({"a": value}))


@pytest.mark.parametrize(
    ("codec", "data"),
    [
        (JSON, b'{"a": NaN}'),
        (JSON, b'{"a": 1} {}'),
        (JSON, b"[" * 100_000),
        (MSGPACK, msgpack.packb({"a": 1}) + b"\x00"),
        (MSGPACK, msgpack.packb({1: 1})),
        (MSGPACK, b"\x91" * 100_000),
        (CBOR, cbor2.dumps({"a": 1}) + b"\x00"),
        (CBOR, cbor2.dumps({1: 1})),
        (CBOR, b"\x81" * 100_000),
    ],
)
def test_what_is_no_frame_is_refused(codec: Codec, data: bytes) -> None:
    with pytest.raises(WireError):
        codec.decode(data)


@ALL
def test_depth_has_a_limit(codec: Codec) -> None:
    def nested(levels: int) -> Any:
        return {"a": nested(levels - 1)} if levels else 0

    assert codec.decode(codec.encode(nested(MAX_DEPTH)))
    with pytest.raises(WireError, match=r"deep|depth"):
        codec.decode(codec.encode(nested(MAX_DEPTH + 8)))


@pytest.mark.parametrize("message", [b"", b"\x01", b"\xc3", json.dumps([]).encode()])
def test_a_first_frame_that_is_no_map(message: bytes) -> None:
    with pytest.raises(WireError):
        guess(message)


def test_text_is_json() -> None:
    assert guess("anything") is JSON
